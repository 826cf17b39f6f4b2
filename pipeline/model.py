"""The nouns that travel between the stages.

Page (fetch → normalize) → NormalizedPage (normalize → report) → Summary. All are frozen; what is
mergeable (counts, sums) says so.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from pipeline.description import Paging
from pipeline.tally import PriceRange, Tally
from pipeline.timing import NO_SOURCE_TIME, NO_TIME, SourceTime, TimeSpent
from pipeline.traffic import NO_TRAFFIC, Traffic

Action = Literal["retry", "skip", "circuit_break", "deadline", "stopped"]
Status = Literal["complete", "partial", "failed"]
EndKnownBy = Literal["announced", "walked"]


def utc_timestamp() -> str:
    """The wall clock as RFC 3339 UTC text with whole seconds, as ``2026-11-21T10:00:00Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Trace(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a later run has to know of a page, to go on behind it.

    ``token`` tells where the next page is, with some APIs; ``fingerprint`` tells the page from others; ``repeats`` is
    True for a page that is another one once more.
    """

    token: str | None = None
    fingerprint: int | None = None
    repeats: bool = False


class Page(msgspec.Struct, frozen=True):
    """One fetched page: its records still as the bytes that arrived (views, no copies).

    ``number`` is the ordinal of the page within its endpoint, from 1.
    """

    source: str
    number: int
    records: Sequence[msgspec.Raw]
    trace: Trace = Trace()


class Product(msgspec.Struct, frozen=True):
    """One record in the catalogue's own shape. ``id`` is ``source:id``; ``currency`` is ISO 4217."""

    id: str
    title: str | None
    source: str
    price: Decimal | None
    currency: str | None
    category: str
    processed_at: str


# So many rejects of a page are listed one by one; all are counted, and all are dead letters.
MAX_LISTED_REJECTS = 100


class Reject(msgspec.Struct, frozen=True):
    """A record that could not become a product. ``position`` counts from 1 within its page.

    ``field`` is the path of what was wrong with it, ``$`` for the record as a whole.
    """

    position: int
    field: str
    reason: str


class NormalizedPage(msgspec.Struct, frozen=True):
    """What one page became.

    ``ids`` and the lines of ``lines`` (JSON Lines, one encoded Product each) run in parallel, in the order
    of the page; ``tally`` has counted them all. ``coercions`` counts the readings that needed a documented rule, by
    its name. ``rejected`` counts all rejects, ``rejects`` lists the first of them, ``dead_letters`` (JSON Lines) has
    them all and whole.
    """

    source: str
    number: int
    ids: Sequence[str]
    lines: bytes
    tally: Tally
    rejected: int
    rejects: Sequence[Reject]
    dead_letters: bytes
    coercions: Mapping[str, int]
    trace: Trace = Trace()

    @property
    def records(self) -> int:
        """How many records the page brought: each is a product line or a reject."""
        return len(self.ids) + self.rejected


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


class Announced(msgspec.Struct, frozen=True):
    """How many records and pages an API says it has; None where it does not say."""

    records: int | None = None
    pages: int | None = None


NOTHING_ANNOUNCED = Announced()


class Findings(msgspec.Struct, frozen=True):
    """What the first page of an endpoint said: how it is walked, where its records stand, how much there is of it.

    ``page_size`` is how many records it had.
    """

    paging: Paging
    place: str | None = None
    announced: Announced = NOTHING_ANNOUNCED
    page_size: int | None = None


class Progress(msgspec.Struct, frozen=True):
    """How far an earlier run came with one endpoint.

    ``have`` are the pages it has, ``end`` the page behind the last one, if it got there. ``tokens`` say of some pages
    where the next one is, ``fingerprints`` tell pages apart, and ``findings`` are what the first page said.
    """

    have: frozenset[int] = frozenset()
    end: int | None = None
    tokens: Mapping[int, str] = {}
    fingerprints: frozenset[int] = frozenset()
    findings: Findings | None = None


NOTHING_YET = Progress()


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


class Walk(msgspec.Struct, frozen=True):
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
    announced: Announced = NOTHING_ANNOUNCED
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
    peak_hops_in_flight: int
    hops: int


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
