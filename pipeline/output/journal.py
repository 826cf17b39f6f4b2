"""What a journal consists of: entries, each a header line in JSON, pages with products and dead letters behind it.

Journal: what was normalized, appended page by page, so that memory holds no products and a crash loses none.

It lies in a folder beside the output. Its file ``pages`` is a sequence of entries (see ``entries.py``). Each is written
with one call, so that a killed process leaves whole entries and at most one torn one, at the end.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

import msgspec
from loguru import logger

from pipeline.errors import ConfigError, OutputError, Problem
from pipeline.model.pages import NOTHING_YET, EndpointProfile, NormalizedPage, Progress, Reject, Trace, utc_timestamp
from pipeline.model.tally import TallyState
from pipeline.output.lock import OutputLock

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


class ProfileEntry(msgspec.Struct, frozen=True, tag="findings", tag_field="entry"):
    """What the endpoint's first page said."""

    source: str
    profile: EndpointProfile = msgspec.field(name="findings")  # as journals of this format have it


class EndEntry(msgspec.Struct, frozen=True, tag="end", tag_field="entry"):
    """The endpoint ends before page ``number``."""

    source: str
    number: int


Entry = Opening | ProfileEntry | PageEntry | EndEntry

encode_entry = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


class EntrySpan(msgspec.Struct, frozen=True, gc=False):
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


def encode_page(page: NormalizedPage, offset: int) -> tuple[bytes, EntrySpan]:
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
    return b"\n".join([*parts, b""]), EntrySpan(offset, len(header), len(page.lines), len(page.dead_letters))


def decode_page(header: bytes) -> PageEntry:
    """The entry of a page, from its header."""
    entry = _decode(header)
    assert isinstance(entry, PageEntry)
    return entry


def whole_entries(file: BinaryIO) -> Iterator[tuple[Entry, EntrySpan, int]]:
    """The entries of a journal's file up to the first that is torn or damaged, each with its span and its end."""
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
            behind = entry.size + 1 + (entry.letters + 1 if entry.letters else 0)
            payload = file.read(behind)
            if len(payload) < behind or not payload.endswith(b"\n"):
                return
        yield entry, span, file.tell()


def journal_folder(output: Path) -> Path:
    """Where the journal of an output lies: ``out/summary.journal`` for ``out/summary.json``."""
    return output.with_suffix(".journal")


class Journal:
    """The journal of one output, held by one run at a time; a context manager that lets go of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = OutputLock(folder)
        self._file: BinaryIO | None = None
        self._reader: BinaryIO | None = None
        self._length = 0
        self._pages: dict[str, dict[int, EntrySpan]] = defaultdict(dict)
        self._repetitions: dict[str, set[int]] = defaultdict(set)
        self._ends: dict[str, int] = {}
        self._tokens: dict[str, dict[int, str]] = defaultdict(dict)
        self._fingerprints: dict[str, set[int]] = defaultdict(set)
        self._profile: dict[str, EndpointProfile] = {}

    @classmethod
    def open(cls, folder: Path, endpoints: Mapping[str, str], *, resume: bool) -> Self:
        """Begin a journal in ``folder``, or with ``resume`` go on with the one that lies there.

        ``endpoints`` maps each source to a digest of its definition. Without ``resume`` an unfinished journal is set
        aside, in a folder of its own.

        Raises:
            ConfigError: when another run holds the journal, it cannot be written, or it is of other endpoints.
        """
        journal = cls(folder)
        journal._lock.acquire()
        try:
            journal._begin(endpoints, resume=resume)
        except BaseException:
            journal.close()
            raise
        return journal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the journal; it stays where it is."""
        self._close_files()
        self._lock.release()

    def remove(self) -> None:
        """The journal has served: its products are in the output."""
        self._close_files()
        with suppress(OSError):
            (self._folder / "pages").unlink()
        self._lock.release_and_remove()

    def _close_files(self) -> None:
        for file in (self._file, self._reader):
            if file is not None:
                file.close()

    def append(self, page: NormalizedPage) -> None:
        """Write down a page.

        Raises:
            OutputError: when it cannot be written; the entries before it are good.
        """
        entry, span = encode_page(page, self._length)
        self._write(entry)
        self._pages[page.source][page.number] = span

    def append_end(self, source: str, number: int) -> None:
        """Write down before which page a source ends.

        Raises:
            OutputError: when it cannot be written.
        """
        self._write(encode_entry(EndEntry(source, number)) + b"\n")
        self._ends[source] = number

    def append_profile(self, source: str, profile: EndpointProfile) -> None:
        """Write down what a source's first page said.

        Raises:
            OutputError: when it cannot be written.
        """
        self._write(encode_entry(ProfileEntry(source, profile)) + b"\n")

    def progress(self, source: str) -> Progress:
        """How far a source has come."""
        if source not in self._pages and source not in self._ends:
            return NOTHING_YET
        return Progress(
            have=frozenset(self._pages[source].keys() - self._repetitions[source]),
            end=self._ends.get(source),
            tokens=self._tokens[source],
            fingerprints=frozenset(self._fingerprints[source]),
            profile=self._profile.get(source),
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is no page in it."""
        return not any(self._pages.values())

    def entries(self, source: str) -> Iterator[tuple[PageEntry, EntrySpan]]:
        """The pages of a source in their order, each with its span, for :meth:`lines` and :meth:`dead_letters`."""
        for _, span in sorted(self._pages[source].items()):
            yield decode_page(self._read(span.offset, span.header)), span

    def lines(self, span: EntrySpan) -> bytes:
        """The products of a page, as JSON Lines."""
        return self._read(span.lines_at, span.size)

    def dead_letters(self, span: EntrySpan) -> bytes:
        """The dead letters of a page, as JSON Lines."""
        return self._read(span.letters_at, span.letters)

    def _begin(self, endpoints: Mapping[str, str], *, resume: bool) -> None:
        path = self._folder / "pages"
        found = path.exists() and _has_entries_behind_the_opening(path)
        if found and not resume:
            self._set_aside(path)
            found = False
        self._file = path.open("r+b" if found else "w+b", buffering=0)
        if found and self._recover(endpoints):
            return
        self._write(encode_entry(Opening(FORMAT, utc_timestamp(), endpoints)) + b"\n")

    def _set_aside(self, path: Path) -> None:
        aside = self._folder.with_name(f"{self._folder.name}.old")
        aside.mkdir(exist_ok=True)
        path.replace(aside / "pages")
        logger.warning("an unfinished run lay in {}; it is now in {} (to go on with it, use --resume)", path, aside)

    def _recover(self, endpoints: Mapping[str, str]) -> bool:
        """Read the index of a journal from its file and cut off what is torn; False when it knows not all endpoints."""
        assert self._file is not None
        known: set[str] = set()
        with (self._folder / "pages").open("rb") as file:
            for entry, span, end in whole_entries(file):
                if self._length == 0 and not isinstance(entry, Opening):
                    break
                match entry:
                    case Opening():
                        self._check(entry, endpoints)
                        known |= entry.endpoints.keys()
                    case PageEntry():
                        self._remember(entry, span)
                    case ProfileEntry():
                        self._profile[entry.source] = entry.profile
                    case EndEntry():
                        self._ends[entry.source] = entry.number
                self._length = end
            torn = file.seek(0, os.SEEK_END) - self._length
        if torn:
            logger.warning("dropped a torn entry of {} bytes at the end of the journal", torn)
        self._cut()
        return bool(known) and endpoints.keys() <= known

    def _check(self, opening: Opening, endpoints: Mapping[str, str]) -> None:
        remedy = "undo that, or start anew without --resume"
        if opening.format != FORMAT:
            raise ConfigError([Problem("--resume", f"the journal is of another version of this program; {remedy}")])
        problems = []
        for name, digest in opening.endpoints.items():
            if endpoints.get(name) != digest:
                change = "changed" if name in endpoints else "removed"
                text = f"cannot be resumed: it was {change} since the journal began; {remedy}"
                problems.append(Problem(f"endpoints.{name}", text))
        if problems:
            raise ConfigError(problems)

    def _remember(self, entry: PageEntry, span: EntrySpan) -> None:
        self._pages[entry.source][entry.number] = span
        trace = entry.trace
        if trace.token is not None:
            self._tokens[entry.source][entry.number] = trace.token
        if trace.repeats:
            self._repetitions[entry.source].add(entry.number)
        elif trace.fingerprint is not None:
            self._fingerprints[entry.source].add(trace.fingerprint)

    def _write(self, entry: bytes) -> None:
        assert self._file is not None
        try:
            view = memoryview(entry)
            while view:  # a disk that fills up takes a part first, and says so at the next one
                view = view[self._file.write(view) :]
        except OSError as error:
            self._cut()
            raise OutputError(
                f"cannot write the journal in {self._folder}: {error.strerror}; make room and go on with --resume"
            ) from error
        self._length += len(entry)

    def _cut(self) -> None:
        """Drop what stands behind the last whole entry; the next one is written there."""
        assert self._file is not None
        self._file.truncate(self._length)
        self._file.seek(self._length)

    def _read(self, offset: int, size: int) -> bytes:
        if self._reader is None:
            self._reader = (self._folder / "pages").open("rb")
        self._reader.seek(offset)
        return self._reader.read(size)


def _has_entries_behind_the_opening(path: Path) -> bool:
    with path.open("rb") as file:
        file.readline()
        return bool(file.read(1))
