"""The journal of an output: normalized pages, appended one by one.

With it, memory need not hold the products, and a crash loses none. It is a folder beside the output, with a lock and
the file ``pages`` (see ``entries.py``).
"""

import math
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

from loguru import logger

from pipeline.errors import ConfigError, OutputError, Problem
from pipeline.formatting import counted, duration
from pipeline.journal.entries import (
    FORMAT,
    EndEntry,
    EntrySpan,
    OpeningEntry,
    PageEntry,
    ProfileEntry,
    RestartEntry,
    decode_page,
    encode_entry,
    encode_page,
)
from pipeline.journal.index import JournalIndex
from pipeline.journal.lock import OutputLock
from pipeline.model.pages import NOTHING_YET, EndpointProfile, NormalizedPage, Progress, utc_timestamp
from pipeline.model.summary import Resumed

# Returns the part of a source's progress after which a run can continue.
Usable = Callable[[str, Progress], Progress]


def _whole(source: str, progress: Progress) -> Progress:  # noqa: ARG001
    return progress


def journal_folder(output: Path) -> Path:
    """Return the folder of an output's journal: ``out/summary.journal`` for ``out/summary.json``."""
    return output.with_suffix(".journal")


class Journal:
    """The journal of one output, locked for one run at a time; a context manager that closes it.

    ``resumed`` describes the pages of an earlier run that were taken over, None without any. ``run`` is the id of the
    run, which is that of the earlier run if its journal is continued. ``only`` has the endpoints that the run fetches,
    empty if these are all; a journal that is continued keeps them.
    """

    def __init__(self, folder: Path, run: str = "", only: Sequence[str] = ()) -> None:
        self.resumed: Resumed | None = None
        self.run = run
        self.only = only
        self._folder = folder
        self._lock = OutputLock(folder)
        self._file: BinaryIO | None = None
        self._reader: BinaryIO | None = None
        self._length = 0
        self._pages: dict[str, dict[int, EntrySpan]] = defaultdict(dict)
        self._progress: dict[str, Progress] = {}

    @classmethod
    def open(
        cls,
        folder: Path,
        endpoints: Mapping[str, str],
        *,
        run: str = "",
        only: Sequence[str] = (),
        resume: bool,
        max_age: float = math.inf,
        usable: Usable = _whole,
    ) -> Self:
        """Start a journal in ``folder``, or continue the one there if ``resume`` is true.

        ``endpoints`` maps each source to a digest of its definition. ``run`` is the id of a new run. ``usable`` is
        called with each source and its progress, and returns the part after which the source continues. Other pages
        are dropped.

        An unfinished journal is moved to a folder of its own without ``resume``, if its last entry is more than
        ``max_age`` seconds old, if another version of this program wrote it, or if its opening is damaged.

        Raises:
            ConfigError: if another run holds the journal, if it cannot be written, if an endpoint in it has changed, or
                if there is an unfinished one although the run fetches ``only`` some endpoints.
            OutputError: if there is no space for its first entry.
        """
        journal = cls(folder, run, only)
        journal._lock.acquire()
        try:
            journal._begin(endpoints, resume=resume, max_age=max_age, usable=usable)
        except OSError as error:
            journal.close()
            text = f"cannot write the journal in {folder}: {error.strerror or error}"
            raise ConfigError([Problem("output", f"{text}; name another place with -o")]) from error
        except BaseException:
            journal.close()
            raise
        return journal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files and release the lock; the journal stays on disk."""
        self._close_files()
        self._lock.release()

    def remove(self) -> None:
        """Close the journal and delete it. Call this when its products are in the output."""
        self._close_files()
        with suppress(OSError):
            (self._folder / "pages").unlink()
        self._lock.release_and_remove()

    def _close_files(self) -> None:
        for file in (self._file, self._reader):
            if file is not None:
                file.close()

    def append(self, page: NormalizedPage) -> None:
        """Append a page.

        Raises:
            OutputError: if it cannot be written; earlier entries stay intact.
        """
        entry, span = encode_page(page, self._length)
        self._write(entry)
        self._pages[page.source][page.number] = span

    def append_end(self, source: str, number: int) -> None:
        """Record that a source ends before page ``number``.

        Raises:
            OutputError: if it cannot be written.
        """
        self._write(encode_entry(EndEntry(source, number)))

    def append_profile(self, source: str, profile: EndpointProfile) -> None:
        """Record the profile that a source's first page revealed.

        Raises:
            OutputError: if it cannot be written.
        """
        self._write(encode_entry(ProfileEntry(source, profile)))

    def append_restart(self, source: str) -> None:
        """Drop the pages of a source, which are of another version of a feed.

        Raises:
            OutputError: if that cannot be recorded.
        """
        self._write(encode_entry(RestartEntry(source)))
        self._pages[source].clear()

    def progress(self, source: str) -> Progress:
        """Return the progress of earlier runs with a source."""
        return self._progress.get(source, NOTHING_YET)

    @property
    def is_empty(self) -> bool:
        """True if it has no page."""
        return not any(self._pages.values())

    def entries(self, source: str) -> Iterator[tuple[PageEntry, EntrySpan]]:
        """Yield a source's pages in their order, each with its span for :meth:`lines` and :meth:`dead_letters`."""
        for _, span in sorted(self._pages[source].items()):
            yield decode_page(self._read(span.offset, span.header)), span

    def lines(self, span: EntrySpan) -> bytes:
        """Read the products of a page, as JSON Lines without the last line end."""
        return self._read(span.lines_at, span.size)

    def dead_letters(self, span: EntrySpan) -> bytes:
        """Read the dead letters of a page, as JSON Lines without the last line end."""
        return self._read(span.letters_at, span.letters)

    def _begin(self, endpoints: Mapping[str, str], *, resume: bool, max_age: float, usable: Usable) -> None:
        path = self._folder / "pages"
        known: set[str] = set()
        if path.exists() and _has_progress(path):
            if self.only:
                text = f"an unfinished run is in {self._folder}; end it with --resume, or run once without --only"
                raise ConfigError([Problem("--only", text)])
            index = self._index(path, max_age=max_age) if resume else None
            if index is None and not resume:
                self._set_aside(path, "the journal of an unfinished run")
            if index:
                self._file = path.open("r+b", buffering=0)
                known = _check(index, endpoints)
                self.run = index.openings[0].run or self.run
                self.only = index.openings[0].only
                self._take_over(index, known, usable)
        if self._file is None:
            self._file = path.open("w+b", buffering=0)
        if not endpoints.keys() <= known or not known:
            self._write(encode_entry(OpeningEntry(FORMAT, utc_timestamp(), endpoints, self.run, self.only)))

    def _index(self, path: Path, *, max_age: float) -> JournalIndex | None:
        """Return the index of a journal that can be resumed; set any other aside."""
        index = JournalIndex.read(path)
        version = index.openings[0].format if index.openings else _version(path)
        age = time.time() - index.last_entry_at
        which = "the journal of an unfinished run"
        if version not in (None, FORMAT):
            why = f"it is of another version of this program (format {version}, not {FORMAT})"
            self._set_aside(path, f"{which}: {why}", " with that version")
        elif not index.openings:
            self._set_aside(path, f"{which}: its first entry is damaged, so its pages cannot be used", remedy=False)
        elif age > max_age:
            why = f"it is {duration(age)} old, more than `resume_max_age` allows ({duration(max_age)})"
            self._set_aside(path, f"{which}: {why}", " with a higher limit")
        else:
            return index
        return None

    def _set_aside(self, path: Path, which: str, further: str = "", *, remedy: bool = True) -> None:
        aside = self._folder.with_name(f"{self._folder.name}.old") / "pages"
        aside.parent.mkdir(exist_ok=True)
        path.replace(aside)
        if not remedy:
            logger.warning("set aside {}; this run starts afresh; the file is now {}", which, aside)
            return
        logger.warning(
            "set aside {}; this run starts afresh, and a later --resume continues this run, not that one; "
            "to continue that one, end this run, move {} back to {} and use --resume{}",
            which,
            aside,
            path,
            further,
        )

    def _take_over(self, index: JournalIndex, known: set[str], usable: Usable) -> None:
        """Keep the pages of the known sources that are of use, and cut off what is torn."""
        if index.damaged:
            text = "dropped {} damaged bytes in the middle of the journal; the pages they had are fetched again"
            logger.warning(text, f"{index.damaged:,}")
        if index.torn:
            logger.warning("dropped an incomplete entry of {} bytes at the end of the journal", index.torn)
        self._length = index.length
        self._cut()
        records = 0
        for source in index.sources & known:
            progress = self._progress[source] = usable(source, index.progress(source))
            every = index.pages[source].items()
            pages = {number: page for number, page in every if progress.keeps(number, page.trace)}
            self._pages[source] = {number: page.span for number, page in pages.items()}
            records += sum(page.records for page in pages.values())
        if records:
            age = max(time.time() - index.last_entry_at, 0.0)
            self.resumed = Resumed(records, round(age, 3))
            logger.info("took over {}, {} old", counted(records, "record"), duration(self.resumed.age))

    def _write(self, entry: bytes) -> None:
        assert self._file is not None
        try:
            self._file.seek(self._length)  # after a failure, the file may go on after the last entry
            view = memoryview(entry)
            while view:  # a full disk accepts a part first, and fails at the next call
                view = view[self._file.write(view) :]
        except OSError as error:
            with suppress(OSError):  # a resumed run drops the torn entry
                self._cut()
            text = f"cannot write the journal in {self._folder}: {error.strerror}"
            raise OutputError(f"{text}; free some space, then run again with --resume") from error
        self._length += len(entry)

    def _cut(self) -> None:
        """Truncate the file after the last whole entry."""
        assert self._file is not None
        self._file.truncate(self._length)

    def _read(self, offset: int, size: int) -> bytes:
        if self._reader is None:
            self._reader = (self._folder / "pages").open("rb")
        self._reader.seek(offset)
        return self._reader.read(size)


def _check(index: JournalIndex, endpoints: Mapping[str, str]) -> set[str]:
    """Return the endpoints that the journal knows.

    Raises:
        ConfigError: if one of them has changed.
    """
    known: dict[str, str] = {}
    for opening in index.openings:
        known |= opening.endpoints
    problems = []
    for name, digest in known.items():
        if endpoints.get(name) != digest:
            change = "changed" if name in endpoints else "removed"
            text = f"cannot be resumed: it was {change} since the journal was started"
            problems.append(Problem(f"endpoints.{name}", f"{text}; undo that, or start without --resume"))
    if problems:
        raise ConfigError(problems)
    return set(known)


def _has_progress(path: Path) -> bool:
    with path.open("rb") as file:
        file.readline()
        return bool(file.read(1))


def _version(path: Path) -> int | None:
    """Return the version of the format that the first line of a journal names, None if it names none."""
    with path.open("rb") as file:
        found = re.search(rb'"entry":"opening","format":(\d{1,9})', file.readline(200))
    return int(found[1]) if found else None
