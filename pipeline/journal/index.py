"""The index of a journal: the entries of its file that are whole, and the progress that they record."""

from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Self

import msgspec

from pipeline.journal.entries import (
    EndEntry,
    EntrySpan,
    OpeningEntry,
    PageEntry,
    ProfileEntry,
    RestartEntry,
    whole_entries,
)
from pipeline.model.pages import NOTHING_YET, EndpointProfile, Progress, Trace


class IndexedPage(msgspec.Struct, frozen=True, gc=False):
    """The position of a page, its trace, and the number of its products and rejects."""

    span: EntrySpan
    trace: Trace
    records: int


class JournalIndex:
    """The whole entries of a journal file. Of several entries for one page the last one counts.

    ``openings`` are in the order of the file. ``length`` is the offset after the last whole entry, ``torn`` the number
    of bytes after it. ``damaged`` is the number of bytes before it that are not part of a whole entry.
    ``last_entry_at`` is the time of the newest page, or that of an opening if there is none, in seconds since the
    epoch. The file's own time counts if it is earlier. It may be later, since a copy and a resumed run without a new
    page change it.
    """

    def __init__(self) -> None:
        self.pages: dict[str, dict[int, IndexedPage]] = defaultdict(dict)
        self.openings: list[OpeningEntry] = []
        self.length = self.torn = self.damaged = 0
        self.last_entry_at = 0.0
        self._ends: dict[str, int] = {}
        self._profiles: dict[str, EndpointProfile] = {}

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a journal file.

        Raises:
            OSError: if it cannot be read.
        """
        index, newest, size = cls(), "", path.stat().st_size
        with path.open("rb") as file:
            for entry, span, end in whole_entries(file, size):
                index.damaged += span.entry_at - index.length
                index.length = end
                match entry:
                    case OpeningEntry():
                        index.openings.append(entry)
                        newest = newest or entry.started_at
                    case PageEntry():
                        newest = max(newest, entry.at)
                        records = len(entry.ids) + entry.rejected
                        index.pages[entry.source][entry.number] = IndexedPage(span, entry.trace, records)
                    case ProfileEntry():
                        index._profiles[entry.source] = entry.profile
                    case EndEntry():
                        index._ends[entry.source] = entry.number
                    case RestartEntry():
                        index.pages[entry.source].clear()
                        index._ends.pop(entry.source, None)
                        index._profiles.pop(entry.source, None)
        index.torn = size - index.length
        changed_at = path.stat().st_mtime
        index.last_entry_at = min(changed_at, datetime.fromisoformat(newest).timestamp()) if newest else changed_at
        return index

    @property
    def sources(self) -> set[str]:
        """The sources of which there is an entry."""
        return self.pages.keys() | self._ends.keys() | self._profiles.keys()

    def progress(self, source: str) -> Progress:
        """Return the progress with a source. A page that repeats an earlier one or is incomplete does not count."""
        if source not in self.pages and source not in self._ends:
            return NOTHING_YET
        every = {number: page.trace for number, page in self.pages[source].items()}
        traces = {number: trace for number, trace in every.items() if not (trace.repeats or trace.incomplete)}
        return Progress(
            have=frozenset(traces),
            end=self._ends.get(source),
            tokens={number: trace.token for number, trace in traces.items() if trace.token is not None},
            fingerprints={
                number: trace.fingerprint for number, trace in traces.items() if trace.fingerprint is not None
            },
            records={number: trace.records for number, trace in traces.items()},
            profile=self._profiles.get(source),
        )
