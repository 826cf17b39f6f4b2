"""The journal of an output: normalized pages, appended one by one.

With it, memory need not hold the products, and a crash loses none. It is a folder beside the output, with a lock and
the file ``pages`` (see ``journal_entries.py``).
"""

import math
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Literal, Self

from loguru import logger

from pipeline.errors import ConfigError, OutputError, Problem
from pipeline.formatting import counted, duration
from pipeline.model.pages import NOTHING_YET, EndpointProfile, NormalizedPage, Progress, utc_timestamp
from pipeline.model.summary import Resumed
from pipeline.output.journal_entries import (
    FORMAT,
    EndEntry,
    EntrySpan,
    OpeningEntry,
    PageEntry,
    ProfileEntry,
    decode_page,
    encode_entry,
    encode_page,
    last_entry_at,
    whole_entries,
)
from pipeline.output.lock import OutputLock


def journal_folder(output: Path) -> Path:
    """Return the folder of an output's journal: ``out/summary.journal`` for ``out/summary.json``."""
    return output.with_suffix(".journal")


class Journal:
    """The journal of one output, locked for one run at a time; a context manager that closes it.

    ``resumed`` describes the pages of an earlier run that were taken over, None without any.
    """

    def __init__(self, folder: Path) -> None:
        self.resumed: Resumed | None = None
        self._folder = folder
        self._lock = OutputLock(folder)
        self._file: BinaryIO | None = None
        self._reader: BinaryIO | None = None
        self._length = 0
        self._pages: dict[str, dict[int, EntrySpan]] = defaultdict(dict)
        self._repetitions: dict[str, set[int]] = defaultdict(set)
        self._ends: dict[str, int] = {}
        self._tokens: dict[str, dict[int, str]] = defaultdict(dict)
        self._fingerprints: dict[str, dict[int, int]] = defaultdict(dict)
        self._records: dict[str, dict[int, int]] = defaultdict(dict)
        self._profile: dict[str, EndpointProfile] = {}
        self._taken_over = 0

    @classmethod
    def open(cls, folder: Path, endpoints: Mapping[str, str], *, resume: bool, max_age: float = math.inf) -> Self:
        """Start a journal in ``folder``, or continue the one there if ``resume`` is true.

        ``endpoints`` maps each source to a digest of its definition. An unfinished journal is moved to a folder of its
        own without ``resume``, or if its last entry is more than ``max_age`` seconds old.

        Raises:
            ConfigError: if another run holds the journal, if it cannot be written, or if an endpoint in it has changed.
        """
        journal = cls(folder)
        journal._lock.acquire()
        try:
            journal._begin(endpoints, resume=resume, max_age=max_age)
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
        self._write(encode_entry(EndEntry(source, number)) + b"\n")
        self._ends[source] = number

    def append_profile(self, source: str, profile: EndpointProfile) -> None:
        """Record the profile that a source's first page revealed.

        Raises:
            OutputError: if it cannot be written.
        """
        self._write(encode_entry(ProfileEntry(source, profile)) + b"\n")

    def progress(self, source: str) -> Progress:
        """Return the progress of earlier runs with a source. Call this before anything is appended."""
        if source not in self._pages and source not in self._ends:
            return NOTHING_YET
        return Progress(
            have=frozenset(self._pages[source].keys() - self._repetitions[source]),
            end=self._ends.get(source),
            tokens=self._tokens[source],
            fingerprints=self._fingerprints[source],
            records=sum(self._records[source].values()),
            profile=self._profile.get(source),
        )

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

    def _begin(self, endpoints: Mapping[str, str], *, resume: bool, max_age: float) -> None:
        path = self._folder / "pages"
        found = path.exists() and _has_progress(path)
        age = time.time() - last_entry_at(path) if found and resume else 0.0
        if found and not resume:
            found = self._set_aside(path, "the journal of an unfinished run")
        elif age > max_age:
            why = f"it is {duration(age)} old, more than `resume_max_age` allows ({duration(max_age)})"
            found = self._set_aside(path, f"the journal of an unfinished run: {why}", " with a higher limit")
        self._file = path.open("r+b" if found else "w+b", buffering=0)
        is_open = found and self._recover(endpoints)
        if self._taken_over:
            self.resumed = Resumed(self._taken_over, round(max(age, 0.0), 3))
            logger.info("took over {}, {} old", counted(self._taken_over, "record"), duration(self.resumed.age))
        if not is_open:
            self._write(encode_entry(OpeningEntry(FORMAT, utc_timestamp(), endpoints)) + b"\n")

    def _set_aside(self, path: Path, which: str, further: str = "") -> Literal[False]:
        aside = self._folder.with_name(f"{self._folder.name}.old") / "pages"
        aside.parent.mkdir(exist_ok=True)
        path.replace(aside)
        logger.warning(
            "set aside {}; this run starts afresh, and a later --resume continues this run, not that one; "
            "to continue that one, end this run, move {} back to {} and use --resume{}",
            which,
            aside,
            path,
            further,
        )
        return False

    def _recover(self, endpoints: Mapping[str, str]) -> bool:
        """Index the entries and cut off a torn one; False if an opening is missing or does not list all endpoints."""
        assert self._file is not None
        known: set[str] = set()
        with (self._folder / "pages").open("rb") as file:
            for entry, span, end in whole_entries(file):
                if self._length == 0 and not isinstance(entry, OpeningEntry):
                    break
                match entry:
                    case OpeningEntry():
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
            logger.warning("dropped an incomplete entry of {} bytes at the end of the journal", torn)
        self._cut()
        return bool(known) and endpoints.keys() <= known

    def _check(self, opening: OpeningEntry, endpoints: Mapping[str, str]) -> None:
        if opening.format != FORMAT:
            text = "the journal is of another version of this program; use that version, or start without --resume"
            raise ConfigError([Problem("--resume", text)])
        problems = []
        for name, digest in opening.endpoints.items():
            if endpoints.get(name) != digest:
                change = "changed" if name in endpoints else "removed"
                text = f"cannot be resumed: it was {change} since the journal was started"
                problems.append(Problem(f"endpoints.{name}", f"{text}; undo that, or start without --resume"))
        if problems:
            raise ConfigError(problems)

    def _remember(self, entry: PageEntry, span: EntrySpan) -> None:
        self._pages[entry.source][entry.number] = span
        self._taken_over += len(entry.ids) + entry.rejected
        trace = entry.trace
        if trace.token is not None:
            self._tokens[entry.source][entry.number] = trace.token
        if trace.repeats:
            self._repetitions[entry.source].add(entry.number)
        elif trace.fingerprint is not None:
            self._fingerprints[entry.source][entry.number] = trace.fingerprint
            self._records[entry.source][entry.number] = trace.records

    def _write(self, entry: bytes) -> None:
        assert self._file is not None
        try:
            view = memoryview(entry)
            while view:  # a full disk accepts a part first, and fails at the next call
                view = view[self._file.write(view) :]
        except OSError as error:
            self._cut()
            text = f"cannot write the journal in {self._folder}: {error.strerror}"
            raise OutputError(f"{text}; free some space, then run again with --resume") from error
        self._length += len(entry)

    def _cut(self) -> None:
        """Truncate the file after the last whole entry, where the next one is written."""
        assert self._file is not None
        self._file.truncate(self._length)
        self._file.seek(self._length)

    def _read(self, offset: int, size: int) -> bytes:
        if self._reader is None:
            self._reader = (self._folder / "pages").open("rb")
        self._reader.seek(offset)
        return self._reader.read(size)


def _has_progress(path: Path) -> bool:
    with path.open("rb") as file:
        file.readline()
        return bool(file.read(1))
