"""Journal: what was normalized, appended page by page, so that memory holds no products and a crash loses none.

It lies in a folder beside the output. Its file ``pages`` is a sequence of entries, each a header line in JSON; behind
the header of a page come its products, as many bytes of JSON Lines as the header says, and a line end. An entry is
written with one call, so that a killed process leaves whole entries and at most one torn one, at the end.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

import msgspec
from filelock import FileLock, Timeout
from loguru import logger

from pipeline.errors import ConfigError, OutputError, Problem
from pipeline.model import NOTHING_ANNOUNCED, NOTHING_YET, Announced, NormalizedPage, Progress, Reject, utc_timestamp
from pipeline.tally import TallyState

FORMAT = 1


class Opening(msgspec.Struct, frozen=True, tag="opening", tag_field="entry"):
    """The first entry. ``endpoints`` has a digest of each endpoint's definition: pages only fit the same one."""

    format: int
    started_at: str
    endpoints: Mapping[str, str]


class PageEntry(msgspec.Struct, frozen=True, tag="page", tag_field="entry"):
    """One page: all of a NormalizedPage but its lines, which are the ``size`` bytes that follow."""

    source: str
    number: int
    at: str
    ids: Sequence[str]
    rejected: int
    rejects: Sequence[Reject]
    coercions: Mapping[str, int]
    tally: TallyState
    size: int


class EndEntry(msgspec.Struct, frozen=True, tag="end", tag_field="entry"):
    """The endpoint's page ``number`` was empty: it has the pages before it."""

    source: str
    number: int
    announced: Announced = NOTHING_ANNOUNCED


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Opening | PageEntry | EndEntry).decode


class _Place(msgspec.Struct, frozen=True, gc=False):
    """Where a page's entry lies in the file, in bytes."""

    offset: int
    header: int
    size: int


class Journal:
    """The journal of one output, held by one run at a time; a context manager that lets go of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / "lock", thread_local=False)
        self._file: BinaryIO | None = None
        self._reader: BinaryIO | None = None
        self._length = 0
        self._pages: dict[str, dict[int, _Place]] = defaultdict(dict)
        self._ends: dict[str, EndEntry] = {}

    @classmethod
    def open(cls, folder: Path, endpoints: Mapping[str, str], *, resume: bool) -> Self:
        """Begin a journal in ``folder``, or with ``resume`` go on with the one that lies there.

        ``endpoints`` maps each source to a digest of its definition. Without ``resume`` an unfinished journal is set
        aside, in a folder of its own.

        Raises:
            ConfigError: when another run holds the journal, it cannot be written, or it is of other endpoints.
        """
        journal = cls(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            journal._lock.acquire(timeout=0)
        except Timeout:
            text = f"another run is writing to it (it holds {folder}); let it end, or name another output"
            raise ConfigError([Problem("output", text)]) from None
        except OSError as error:
            text = f"cannot write {folder}: {error.strerror or error}; name another place with -o"
            raise ConfigError([Problem("output", text)]) from error
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
        for file in (self._file, self._reader):
            if file is not None:
                file.close()
        self._lock.release()

    def remove(self) -> None:
        """The journal has served: its products are in the output."""
        # The files go while the lock is held: behind it, those that lie here may be another run's.
        for name in ("pages", "lock"):
            with suppress(OSError):  # Windows keeps a file that is open
                (self._folder / name).unlink()
        self.close()
        with suppress(OSError):  # not empty: another run has begun there
            self._folder.rmdir()

    def append(self, page: NormalizedPage) -> None:
        """Write down a page.

        Raises:
            OutputError: when it cannot be written; the entries before it are good.
        """
        header = PageEntry(
            source=page.source,
            number=page.number,
            at=utc_timestamp(),
            ids=page.ids,
            rejected=page.rejected,
            rejects=page.rejects,
            coercions=page.coercions,
            tally=page.tally.state(),
            size=len(page.lines),
        )
        encoded = _encode(header)
        offset = self._write(b"%b\n%b\n" % (encoded, page.lines))
        self._pages[page.source][page.number] = _Place(offset, len(encoded), len(page.lines))

    def append_end(self, source: str, number: int, announced: Announced) -> None:
        """Write down which page of a source was empty, and what it had announced.

        Raises:
            OutputError: when it cannot be written.
        """
        entry = EndEntry(source, number, announced)
        self._write(_encode(entry) + b"\n")
        self._ends[source] = entry

    def progress(self, source: str) -> Progress:
        """How far a source has come."""
        if source not in self._pages and source not in self._ends:
            return NOTHING_YET
        have, end = frozenset(self._pages[source]), self._ends.get(source)
        return Progress(have, end.number, end.announced) if end else Progress(have)

    @property
    def is_empty(self) -> bool:
        """Whether there is no page in it."""
        return not any(self._pages.values())

    def entries(self, source: str) -> Iterator[tuple[PageEntry, int]]:
        """The pages of a source in their order, each with the position of its lines, for :meth:`lines`."""
        for _, place in sorted(self._pages[source].items()):
            header = _decode(self._read(place.offset, place.header))
            assert isinstance(header, PageEntry)
            yield header, place.offset + place.header + 1

    def lines(self, position: int, size: int) -> bytes:
        """The products of a page, as JSON Lines."""
        return self._read(position, size)

    def _begin(self, endpoints: Mapping[str, str], *, resume: bool) -> None:
        path = self._folder / "pages"
        found = path.exists() and _has_entries_behind_the_opening(path)
        if found and not resume:
            self._set_aside(path)
            found = False
        self._file = path.open("r+b" if found else "w+b", buffering=0)
        if found and self._recover(endpoints):
            return
        self._write(_encode(Opening(FORMAT, utc_timestamp(), endpoints)) + b"\n")

    def _set_aside(self, path: Path) -> None:
        aside = self._folder.with_name(f"{self._folder.name}.old")
        aside.mkdir(exist_ok=True)
        path.replace(aside / "pages")
        logger.warning("an unfinished run lay in {}; it is now in {} (to go on with it, use --resume)", path, aside)

    def _recover(self, endpoints: Mapping[str, str]) -> bool:
        """Read the index of a journal from its file and cut off what is torn; False when there is nothing in it."""
        assert self._file is not None
        with (self._folder / "pages").open("rb") as file:
            for entry, place in _whole_entries(file):
                if self._length == 0 and not isinstance(entry, Opening):
                    break
                match entry:
                    case Opening():
                        self._check(entry, endpoints)
                    case PageEntry():
                        self._pages[entry.source][entry.number] = place
                    case EndEntry():
                        self._ends[entry.source] = entry
                self._length = place.offset + place.header + 1 + (place.size + 1 if isinstance(entry, PageEntry) else 0)
            torn = file.seek(0, os.SEEK_END) - self._length
        if torn:
            logger.warning("dropped a torn entry of {} bytes at the end of the journal", torn)
            self._file.truncate(self._length)
        return self._length > 0

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

    def _write(self, entry: bytes) -> int:
        assert self._file is not None
        offset = self._length
        try:
            self._file.seek(offset)
            view = memoryview(entry)
            while view:  # a disk that fills up takes a part first, and says so at the next one
                view = view[self._file.write(view) :]
        except OSError as error:
            self._file.truncate(offset)
            raise OutputError(
                f"cannot write the journal in {self._folder}: {error.strerror}; make room and go on with --resume"
            ) from error
        self._length += len(entry)
        return offset

    def _read(self, offset: int, size: int) -> bytes:
        if self._reader is None:
            self._reader = (self._folder / "pages").open("rb")
        self._reader.seek(offset)
        return self._reader.read(size)


def _has_entries_behind_the_opening(path: Path) -> bool:
    with path.open("rb") as file:
        file.readline()
        return bool(file.read(1))


def _whole_entries(file: BinaryIO) -> Iterator[tuple[Opening | PageEntry | EndEntry, _Place]]:
    """The entries of a journal's file up to the first that is torn or damaged."""
    while True:
        offset = file.tell()
        header = file.readline()
        if not header.endswith(b"\n"):
            return
        try:
            entry = _decode(header)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        size = entry.size if isinstance(entry, PageEntry) else 0
        if isinstance(entry, PageEntry):
            lines = file.read(size + 1)
            if len(lines) <= size or not lines.endswith(b"\n"):
                return
        yield entry, _Place(offset, len(header) - 1, size)
