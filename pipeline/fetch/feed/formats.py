"""Choose the decoder of a feed, and recognise the format of a response."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import StringIO
from itertools import islice
from pathlib import Path, PurePosixPath

import msgspec

from pipeline.config.request import BodyFormat
from pipeline.errors import PermanentError
from pipeline.fetch.feed.decoder import LONGEST_BOM, FeedDecoder, FeedOptions, TextDecoder
from pipeline.fetch.feed.delimited import DelimitedDecoder, delimiter_of
from pipeline.fetch.feed.gunzip import MAGIC, Gunzip
from pipeline.fetch.feed.json_lines import JsonLinesDecoder
from pipeline.fetch.feed.xml import XmlDecoder

_DECODERS: Mapping[BodyFormat, Callable[[FeedOptions], FeedDecoder]] = {
    BodyFormat.CSV: DelimitedDecoder,
    BodyFormat.TSV: lambda options: DelimitedDecoder(
        msgspec.structs.replace(options, delimiter=options.delimiter or "\t")
    ),
    BodyFormat.XML: XmlDecoder,
    BodyFormat.JSONL: JsonLinesDecoder,
}

_MEDIA_TYPES: Mapping[str, BodyFormat] = {
    "text/csv": BodyFormat.CSV,
    "application/csv": BodyFormat.CSV,
    "text/tab-separated-values": BodyFormat.TSV,
    "text/xml": BodyFormat.XML,
    "application/xml": BodyFormat.XML,
    "application/rss+xml": BodyFormat.XML,
    "application/atom+xml": BodyFormat.XML,
    "application/jsonl": BodyFormat.JSONL,
    "application/ndjson": BodyFormat.JSONL,
    "application/x-ndjson": BodyFormat.JSONL,
    "application/x-jsonlines": BodyFormat.JSONL,
}
_SUFFIXES: Mapping[str, BodyFormat] = {
    ".csv": BodyFormat.CSV,
    ".tsv": BodyFormat.TSV,
    ".xml": BodyFormat.XML,
    ".rss": BodyFormat.XML,
    ".jsonl": BodyFormat.JSONL,
    ".ndjson": BodyFormat.JSONL,
}
# Content types of any file, and those that servers send for a feed by mistake.
_UNNAMED = frozenset(
    {
        *("", "text/plain", "text/html", "application/octet-stream", "binary/octet-stream", "application/json"),
        *("application/gzip", "application/x-gzip"),
    }
)

# HTML, perhaps after an XML declaration and comments.
_HTML = re.compile(r"(<\?.*?\?>|<!--.*?-->|\s)*<(!doctype\s+html|html)\b", re.DOTALL | re.IGNORECASE)
_LONGEST_START = 1 << 14

# A header that is recognised by itself has at least an id, a title and a price.
_FEWEST_COLUMNS = 3
_LONGEST_NAME = 64


class GunzippingDecoder(FeedDecoder):
    """A decoder of a feed that may be compressed."""

    def __init__(self, decoder: FeedDecoder) -> None:
        self._gunzip = Gunzip()
        self._decoder = decoder

    @property
    def columns(self) -> Sequence[str] | None:  # type: ignore[override]  # those of the other decoder
        """The names in the header, None without one."""
        return self._decoder.columns

    @property
    def is_terminated(self) -> bool:  # type: ignore[override]  # that of the other decoder
        """False if the last record has no end of its own."""
        return self._decoder.is_terminated

    def feed(self, chunk: bytes) -> Iterator[msgspec.Raw]:
        """Yield the records that the chunk completes."""
        for piece in self._gunzip.feed(chunk):
            yield from self._decoder.feed(piece)

    def finish(self) -> Iterator[msgspec.Raw]:
        """Yield the last records."""
        if rest := self._gunzip.finish():
            yield from self._decoder.feed(rest)
        yield from self._decoder.finish()


def make_decoder(body_format: BodyFormat, options: FeedOptions) -> FeedDecoder:
    """Return a new decoder of a feed, which may be compressed by gzip: as a file, on the way, or both."""
    return GunzippingDecoder(GunzippingDecoder(_DECODERS[body_format](options)))


def check_start(body_format: BodyFormat, start: bytes) -> None:
    """Check that the first bytes of a response are not JSON or HTML in place of a feed, such as a page to sign in.

    Raises:
        PermanentError: if they are.
    """
    text = _text_of(start)
    is_json = text.startswith(('{"', "[{")) and body_format is not BodyFormat.JSONL
    if is_json or _HTML.match(text):
        found = "JSON" if is_json else "HTML"
        remedy = "check `url`, and the access that it needs"
        raise PermanentError(f"the response is {found}, and `format` is {body_format.value}; {remedy}")


def recognise_format(media_type: str | None, path: str, start: bytes) -> BodyFormat | None:
    """Return the format of a response that is a feed, None if it is JSON, HTML or unknown.

    ``start`` are its first bytes, perhaps compressed. JSON and HTML overrule the Content-Type, unless several lines are
    a JSON object each. The suffix of the URL's ``path`` counts next, and the beginning of a table last.
    """
    text = _text_of(start)
    media_type = (media_type or "").partition(";")[0].strip().lower()
    suffix = PurePosixPath(path.lower().removesuffix(".gz")).suffix
    named = _MEDIA_TYPES.get(media_type)
    if text.startswith(("{", "[")):
        is_lines = BodyFormat.JSONL in (named, _SUFFIXES.get(suffix)) or _is_json_lines(text)
        return BodyFormat.JSONL if is_lines and text.startswith("{") else None
    if text.startswith("<"):
        is_xml = named is BodyFormat.XML or text.lower().startswith(("<?xml", "<rss", "<feed"))
        return BodyFormat.XML if is_xml and not _HTML.match(text) else None
    return named or _SUFFIXES.get(suffix) or (_table_of(text) if media_type in _UNNAMED else None)


def format_of_file(path: Path) -> BodyFormat | None:
    """Return the format of a file that is a feed, None if it is JSON, HTML or unknown.

    Raises:
        OSError: if the file cannot be read.
    """
    with path.open("rb") as file:
        return recognise_format(None, str(path), file.read(_LONGEST_START))


def _text_of(start: bytes) -> str:
    """Return the text at the beginning of a response; without a byte order mark, the letters of ASCII count alone."""
    if start.startswith(MAGIC):
        try:
            start = next(Gunzip().feed(start), b"")
        except PermanentError:
            return ""
    padded = start[:_LONGEST_START].ljust(LONGEST_BOM)
    return TextDecoder("latin-1").decode(padded).lstrip()


def _is_json_lines(text: str) -> bool:
    """Return True if the first line is a JSON object, and another begins after it."""
    first, _, rest = text.partition("\n")
    if not rest.lstrip().startswith("{"):
        return False
    try:
        return isinstance(msgspec.json.decode(first), dict)
    except (msgspec.DecodeError, RecursionError):
        return False


def _table_of(text: str) -> BodyFormat | None:
    """Return the format of a table that begins with a header of short names and a row of as many cells, else None."""
    delimiter = delimiter_of(text)
    try:
        header, row = islice(csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True), 2)
    except (ValueError, csv.Error):  # less than two rows, or not a table
        return None
    names = {name.strip() for name in header}
    is_header = all(0 < len(name) <= _LONGEST_NAME for name in names) and len(names) == len(header)
    if not is_header or not _FEWEST_COLUMNS <= len(header) == len(row):
        return None
    return BodyFormat.TSV if delimiter == "\t" else BodyFormat.CSV
