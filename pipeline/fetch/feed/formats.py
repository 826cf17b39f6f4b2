"""Choose the decoder of a feed, and recognise the format of a response."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import msgspec

from pipeline.config.request import BodyFormat
from pipeline.fetch.feed.decoder import FeedDecoder, FeedOptions
from pipeline.fetch.feed.delimited import DelimitedDecoder
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
_HTML = (b"<!doctype html", b"<html")


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
    """Return a new decoder of a feed, which may be compressed by gzip."""
    return GunzippingDecoder(_DECODERS[body_format](options))


def recognise_format(media_type: str | None, path: str, start: bytes) -> BodyFormat | None:
    """Return the format of a response that is a feed, None if it is JSON, HTML or unknown.

    ``start`` are its first bytes, perhaps compressed. They overrule the Content-Type if they begin a JSON value that is
    not the first of several lines. The suffix of the URL's ``path`` counts last.
    """
    if start.startswith(MAGIC):
        start = next(Gunzip().feed(start), b"")
    head = start.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").replace(b"\0", b"")[:64].lower()
    if head.startswith(_HTML):
        return None
    named = _MEDIA_TYPES.get((media_type or "").partition(";")[0].strip().lower())
    suffix = PurePosixPath(path.lower().removesuffix(".gz")).suffix
    if head.startswith((b"{", b"[")):
        is_lines = BodyFormat.JSONL in (named, _SUFFIXES.get(suffix))
        return BodyFormat.JSONL if is_lines and head.startswith(b"{") else None
    if head.startswith(b"<"):
        return BodyFormat.XML if named is BodyFormat.XML or head.startswith((b"<?xml", b"<rss", b"<feed")) else None
    return named or _SUFFIXES.get(suffix)
