"""The file format of the journal: a sequence of entries, each with a header of one line.

A header is JSON. Only the entry of a page has a payload after its header: its products, then any dead letters, both
as JSON Lines. A line end follows each part. An entry is written with one call, so a killed process leaves
at most one torn entry, at the end of the file.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from pipeline.model.pages import EndpointProfile, NormalizedPage, Reject, Trace, utc_timestamp
from pipeline.model.tally import TallyState

FORMAT = 3


class OpeningEntry(msgspec.Struct, frozen=True, tag="opening", tag_field="entry"):
    """The first entry; written again when a resumed run adds endpoints.

    ``endpoints`` maps each source to a digest of its definition. Pages are valid only for the same definition.
    """

    format: int
    started_at: str
    endpoints: Mapping[str, str]


class PageEntry(msgspec.Struct, frozen=True, tag="page", tag_field="entry"):
    """The header of a page: all of a NormalizedPage except its payload.

    ``size`` is the length of the products in bytes; ``letters`` that of the dead letters, 0 if there are none.
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


class ProfileEntry(msgspec.Struct, frozen=True, tag="findings", tag_field="entry"):
    """The profile that the first page of an endpoint revealed."""

    source: str
    profile: EndpointProfile = msgspec.field(name="findings")  # the key in existing journals of this format


class EndEntry(msgspec.Struct, frozen=True, tag="end", tag_field="entry"):
    """The end of an endpoint: page ``number`` and those after it do not exist."""

    source: str
    number: int


Entry = OpeningEntry | ProfileEntry | PageEntry | EndEntry

encode_entry = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


class EntrySpan(msgspec.Struct, frozen=True, gc=False):
    """The position of an entry in the file, and the length of its header, products and dead letters, in bytes."""

    offset: int
    header: int
    size: int = 0
    letters: int = 0

    @property
    def lines_at(self) -> int:
        """The offset of the products."""
        return self.offset + self.header + 1

    @property
    def letters_at(self) -> int:
        """The offset of the dead letters."""
        return self.lines_at + self.size + 1


def encode_page(page: NormalizedPage, offset: int) -> tuple[bytes, EntrySpan]:
    """Return the entry of a page, and its span if it is written at ``offset``."""
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
    return b"\n".join([*parts, b""]), EntrySpan(offset, len(header), len(page.lines), len(page.dead_letters))


def decode_page(header: bytes) -> PageEntry:
    """Decode the header of a page."""
    entry = _decode(header)
    assert isinstance(entry, PageEntry)
    return entry


def last_entry_at(path: Path) -> float:
    """Return the time of the last entry in a journal file, in seconds since the epoch.

    It is the time of the newest page, or that of the opening if there is no page. The file's own time counts if it is
    earlier. It may be later, since a copy and a resumed run without a new page change it.
    """
    newest = ""
    with path.open("rb") as file:
        for entry, _, _ in whole_entries(file):
            if isinstance(entry, PageEntry):
                newest = max(newest, entry.at)
            elif isinstance(entry, OpeningEntry):
                newest = newest or entry.started_at
    changed_at = path.stat().st_mtime
    return min(changed_at, datetime.fromisoformat(newest).timestamp()) if newest else changed_at


def whole_entries(file: BinaryIO) -> Iterator[tuple[Entry, EntrySpan, int]]:
    """Read entries until one is torn or damaged, each with its span and the offset after it."""
    while True:
        offset = file.tell()
        header = file.readline()
        if not header.endswith(b"\n"):
            return
        try:
            entry = _decode(header)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        span = EntrySpan(offset, len(header) - 1)
        if isinstance(entry, PageEntry):
            span = EntrySpan(offset, len(header) - 1, entry.size, entry.letters)
            length = entry.size + 1 + (entry.letters + 1 if entry.letters else 0)
            payload = file.read(length)
            if len(payload) < length or not payload.endswith(b"\n"):
                return
        yield entry, span, file.tell()
