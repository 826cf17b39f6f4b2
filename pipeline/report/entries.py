"""What a journal consists of: entries, each a header line in JSON, pages with products and dead letters behind it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

import msgspec

from pipeline.model import Findings, NormalizedPage, Reject, Trace, utc_timestamp
from pipeline.tally import TallyState

FORMAT = 3


class Opening(msgspec.Struct, frozen=True, tag="opening", tag_field="entry"):
    """The first entry, and one more where endpoints have been added since.

    ``endpoints`` has a digest of each endpoint's definition: pages only fit the same one.
    """

    format: int
    started_at: str
    endpoints: Mapping[str, str]


class PageEntry(msgspec.Struct, frozen=True, tag="page", tag_field="entry"):
    """One page: all of a NormalizedPage but what follows it, each behind a line end.

    That are ``size`` bytes of products and, if there are any, ``letters`` bytes of dead letters.
    """

    source: str
    number: int
    at: str
    ids: Sequence[str]
    rejected: int
    rejects: Sequence[Reject]
    coercions: Mapping[str, int]
    tally: TallyState
    size: int
    letters: int
    trace: Trace


class FindingsEntry(msgspec.Struct, frozen=True, tag="findings", tag_field="entry"):
    """What the endpoint's first page said."""

    source: str
    findings: Findings


class EndEntry(msgspec.Struct, frozen=True, tag="end", tag_field="entry"):
    """The endpoint ends before page ``number``."""

    source: str
    number: int


Entry = Opening | FindingsEntry | PageEntry | EndEntry

encode_entry = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where an entry lies in the file, in bytes: its header, then the products, then the dead letters."""

    offset: int
    header: int
    size: int = 0
    letters: int = 0

    @property
    def lines_at(self) -> int:
        """Where the products begin."""
        return self.offset + self.header + 1

    @property
    def letters_at(self) -> int:
        """Where the dead letters begin."""
        return self.lines_at + self.size + 1


def encode_page(page: NormalizedPage, offset: int) -> tuple[bytes, Place]:
    """The entry of a page that is to be written at ``offset``."""
    header = encode_entry(
        PageEntry(
            source=page.source,
            number=page.number,
            at=utc_timestamp(),
            ids=page.ids,
            rejected=page.rejected,
            rejects=page.rejects,
            coercions=page.coercions,
            tally=page.tally.state(),
            size=len(page.lines),
            letters=len(page.dead_letters),
            trace=page.trace,
        )
    )
    parts = [header, page.lines, page.dead_letters] if page.dead_letters else [header, page.lines]
    return b"\n".join([*parts, b""]), Place(offset, len(header), len(page.lines), len(page.dead_letters))


def decode_page(header: bytes) -> PageEntry:
    """The entry of a page, from its header."""
    entry = _decode(header)
    assert isinstance(entry, PageEntry)
    return entry


def whole_entries(file: BinaryIO) -> Iterator[tuple[Entry, Place, int]]:
    """The entries of a journal's file up to the first that is torn or damaged, each with its place and its end."""
    while True:
        offset = file.tell()
        header = file.readline()
        if not header.endswith(b"\n"):
            return
        try:
            entry = _decode(header)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        place = Place(offset, len(header) - 1)
        if isinstance(entry, PageEntry):
            place = Place(offset, len(header) - 1, entry.size, entry.letters)
            behind = entry.size + 1 + (entry.letters + 1 if entry.letters else 0)
            payload = file.read(behind)
            if len(payload) < behind or not payload.endswith(b"\n"):
                return
        yield entry, place, file.tell()
