"""The nouns that travel between the stages.

Page (fetch → normalize) → NormalizedPage (normalize → report) → Summary. All are frozen; what is
mergeable (counts, sums) says so.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from pipeline.model.metrics import NO_SOURCE_TIME, NO_TIME, NO_TRAFFIC, SourceTime, TimeSpent, Traffic
from pipeline.model.pages import NOTHING_ANNOUNCED, AnnouncedTotals
from pipeline.model.tally import PriceRange

Action = Literal["retry", "skip", "circuit_break", "deadline", "stopped"]
Status = Literal["complete", "partial", "failed"]
EndKnownBy = Literal["announced", "walked"]


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of ``errors``: a failed attempt, a page given up or, with ``position``, a rejected record.

    ``code`` is the HTTP status, None where no response came.
    """

    source: str
    page: int
    code: int | None
    error: str
    timestamp: str
    action: Action
    position: int | None = None


def page_ranges(pages: Sequence[int], most: int = 6) -> str:
    """Ascending page numbers for people, at most so many runs of them: ``3, 7-9, 12`` and how many more."""
    runs: list[list[int]] = []
    for page in pages:
        if runs and page == runs[-1][-1] + 1:
            runs[-1][1:] = [page]
        else:
            runs.append([page])
    shown = ["-".join(map(str, run)) for run in runs[:most]]
    hidden = sum(run[-1] - run[0] + 1 for run in runs[most:])
    return ", ".join([*shown, f"{hidden} more"] if hidden else shown)


class Gap(msgspec.Struct, frozen=True):
    """Pages that are missing for one and the same reason; with ``onward`` all behind the last of them are, too."""

    pages: Sequence[int]
    reason: str
    onward: bool = False


class FetchResult(msgspec.Struct, frozen=True):
    """What one endpoint's fetcher saw: the account of its pages and requests.

    ``gaps`` has the pages that are missing, and why. ``announced`` is what the API said of its size. ``ended`` is False
    while the walk is under way. ``time`` and ``traffic`` are those of this run alone.
    """

    source: str
    requests: int
    retries: int
    pages_fetched: int
    gaps: Sequence[Gap]
    failures: Sequence[Failure]
    announced: AnnouncedTotals = NOTHING_ANNOUNCED
    ended: bool = False
    time: TimeSpent = NO_TIME
    traffic: Traffic = NO_TRAFFIC

    @property
    def pages_missing(self) -> Sequence[int]:
        """The pages that are known to be missing, in their order."""
        return tuple(sorted(page for gap in self.gaps for page in gap.pages))

    @property
    def missing_from(self) -> int | None:
        """The page where the walk had to end with the rest unknown, None where all that is missing is known."""
        return next((gap.pages[-1] for gap in self.gaps if gap.onward), None)

    @property
    def pages_wanted(self) -> int | None:
        """How many pages the endpoint has, None where that is unknown."""
        return self.pages_fetched + len(self.pages_missing) if self.missing_from is None else None

    @property
    def end_known_by(self) -> EndKnownBy | None:
        """How the size is known: the API ``announced`` it, or it was ``walked`` to its end; None where it is not."""
        if self.missing_from is not None:
            return None
        return "walked" if self.announced == NOTHING_ANNOUNCED else "announced"

    @property
    def status(self) -> Status:
        """``complete``: every page arrived; ``failed``: pages are missing and none arrived."""
        if not self.gaps:
            return "complete"
        return "partial" if self.pages_fetched else "failed"


class SourceReport(msgspec.Struct, frozen=True):
    """One entry of ``sources``. ``items_fetched`` = ``products`` + ``duplicates`` + ``rejected``, always.

    ``errors`` counts this source's entries in the summary's ``errors`` whose action is not ``retry``. ``gaps`` says why
    the pages of ``pages_missing`` are. ``records_announced`` is to be held against ``items_fetched``. ``time`` is where
    the time of this run went.
    """

    name: str
    status: Status
    items_fetched: int
    products: int
    duplicates: int
    rejected: int
    pages_fetched: int
    pages_missing: Sequence[int]
    missing_from: int | None
    pages_wanted: int | None
    end_known_by: EndKnownBy | None
    records_announced: int | None
    gaps: Sequence[Gap]
    requests: int
    retries: int
    errors: int
    avg_price: Decimal | None
    prices: Mapping[str, PriceRange]
    coercions: Mapping[str, int]
    time: SourceTime = NO_SOURCE_TIME


class Totals(msgspec.Struct, frozen=True):
    """The head of the summary, over all sources. Times are seconds; ``started_at`` is RFC 3339 UTC."""

    status: Status
    total_products: int
    processing_time_seconds: float
    success_rate: float
    sources: Sequence[str]
    categories: Mapping[str, int]
    started_at: str


class RunStatistics(msgspec.Struct, frozen=True):
    """How the run used its bounds: proof that they held, for tests and the curious."""

    peak_pages_waiting: int
    peak_dispatches_in_flight: int
    dispatches: int


class Summary(msgspec.Struct, frozen=True):
    """The account of a finished run, as in ``summary.json``, but for the products: those are in the file.

    ``output`` is the file written; ``stopped_by`` the signal number that ended the fetching early, if any; ``journal``
    the folder that a resumed run would go on with, if anything is missing; ``rejects`` the file of dead letters, if
    there are any; ``products`` the file that has the products alone, and ``report`` the one to look at, if those
    were asked for.
    """

    summary: Totals
    sources: Sequence[SourceReport]
    errors: Sequence[Failure]
    output: Path
    statistics: RunStatistics
    stopped_by: int | None = None
    journal: Path | None = None
    rejects: Path | None = None
    products: Path | None = None
    report: Path | None = None


class Replay(msgspec.Struct, frozen=True):
    """What a replay came to: of so many dead letters, those that are ``products`` now and those of known products.

    ``rejected`` were rejected again; ``rejects`` is the file where those are, None where there are none.
    ``products_file`` has the products alone, if that was asked for.
    """

    letters: int
    products: int
    duplicates: int
    rejected: int
    output: Path
    rejects: Path | None
    products_file: Path | None = None
