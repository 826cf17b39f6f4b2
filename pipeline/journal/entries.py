"""The file format of the journal: a sequence of entries, each with a checksum and a header of one line.

An entry begins with the CRC-32 of all that follows in it, as eight hexadecimal digits, and a space. The header is JSON.
Only the entry of a page has a payload after its header: its products, then its dead letters if there are any, both as
JSON Lines. A line end follows each part. An entry is written with one call, so a killed process leaves at most one torn
entry, at the end of the file. A power failure or a failing disk may damage any entry.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO
from zlib import crc32

import msgspec

from pipeline.model.pages import EndpointProfile, NormalizedPage, Reject, Trace, utc_timestamp
from pipeline.model.tally import TallyState

# The journals of other versions are not read.
FORMAT = 5

_BEGINNING = re.compile(rb'[0-9a-f]{8} \{"entry":"')  # not in any payload: JSON has no such place
_BEGINNING_SIZE = 19
_CHECKSUM_SIZE = 9
_CHUNK = 1 << 20


class OpeningEntry(msgspec.Struct, frozen=True, tag="opening", tag_field="entry"):
    """The first entry; written again when a resumed run adds endpoints.

    ``endpoints`` maps each source to a digest of its definition. Pages are valid only for the same definition.
    ``run`` is the id of the run, which resumed runs keep. ``only`` has the endpoints that it fetches, if not all.
    """

    format: int
    started_at: str
    endpoints: Mapping[str, str]
    run: str = ""
    only: Sequence[str] = ()


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
    dropped: int = 0


class ProfileEntry(msgspec.Struct, frozen=True, tag="profile", tag_field="entry"):
    """The profile that the first page of an endpoint revealed."""

    source: str
    profile: EndpointProfile


class EndEntry(msgspec.Struct, frozen=True, tag="end", tag_field="entry"):
    """The end of an endpoint: page ``number`` and those after it do not exist."""

    source: str
    number: int


class RestartEntry(msgspec.Struct, frozen=True, tag="restart", tag_field="entry"):
    """The begin of another version of a feed: all earlier entries of the source are void."""

    source: str


Entry = OpeningEntry | ProfileEntry | PageEntry | EndEntry | RestartEntry

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


class EntrySpan(msgspec.Struct, frozen=True, gc=False):
    """The position of an entry's header in the file, and the length of header, products and dead letters, in bytes."""

    offset: int
    header: int
    size: int = 0
    letters: int = 0

    @property
    def entry_at(self) -> int:
        """The offset of the entry."""
        return self.offset - _CHECKSUM_SIZE

    @property
    def lines_at(self) -> int:
        """The offset of the products."""
        return self.offset + self.header + 1

    @property
    def letters_at(self) -> int:
        """The offset of the dead letters."""
        return self.lines_at + self.size + 1


def encode_entry(entry: OpeningEntry | ProfileEntry | EndEntry | RestartEntry) -> bytes:
    """Return an entry without a payload."""
    return _with_checksum(_encode(entry) + b"\n")


def encode_page(page: NormalizedPage, offset: int) -> tuple[bytes, EntrySpan]:
    """Return the entry of a page, and its span if it is written at ``offset``."""
    header = _encode(
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
            dropped=page.dropped,
        )
    )
    parts = [header, page.lines, page.dead_letters] if page.dead_letters else [header, page.lines]
    span = EntrySpan(offset + _CHECKSUM_SIZE, len(header), len(page.lines), len(page.dead_letters))
    return _with_checksum(b"\n".join([*parts, b""])), span


def decode_page(header: bytes) -> PageEntry:
    """Decode the header of a page."""
    entry = _decode(header)
    assert isinstance(entry, PageEntry)
    return entry


def whole_entries(file: BinaryIO, size: int) -> Iterator[tuple[Entry, EntrySpan, int]]:
    """Read the entries of a file of ``size`` bytes, each with its span and the offset after it.

    A torn or damaged entry is skipped; those after it are found by their beginnings and their checksums.
    """
    offset = 0
    while (beginning := _next_beginning(file, offset)) is not None:
        found = _read_entry(file, beginning, size)
        if found is None:
            offset = beginning + 1
        else:
            yield found
            offset = found[2]


def _read_entry(file: BinaryIO, offset: int, size: int) -> tuple[Entry, EntrySpan, int] | None:
    file.seek(offset)
    line = file.readline()
    header = line[_CHECKSUM_SIZE:]
    try:
        entry = _decode(header)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    span, payload = EntrySpan(offset + _CHECKSUM_SIZE, len(header) - 1), b""
    if isinstance(entry, PageEntry):
        span = EntrySpan(span.offset, span.header, entry.size, entry.letters)
        length = entry.size + 1 + (entry.letters + 1 if entry.letters else 0)
        if not 0 <= length <= size - offset - len(line):  # a damaged length must not fill the memory
            return None
        payload = file.read(length)
    if line[:_CHECKSUM_SIZE] != _checksum(crc32(payload, crc32(header))):
        return None
    return entry, span, offset + len(line) + len(payload)


def _next_beginning(file: BinaryIO, offset: int) -> int | None:
    """Return the next offset, from ``offset`` on, at which an entry seems to begin; None at the end of the file."""
    file.seek(offset)
    window = file.read(_BEGINNING_SIZE)
    while not (found := _BEGINNING.search(window)):
        chunk = file.read(_CHUNK)
        if not chunk:
            return None
        kept = window[1 - _BEGINNING_SIZE :]
        offset += len(window) - len(kept)
        window = kept + chunk
    return offset + found.start()


def _with_checksum(body: bytes) -> bytes:
    return _checksum(crc32(body)) + body


def _checksum(crc: int) -> bytes:
    return b"%08x " % crc
