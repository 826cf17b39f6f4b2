"""The results of fetching and of a run, and the parts of ``summary.json``. All are immutable."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from pipeline.model.changes import Changes
from pipeline.model.metrics import NO_SOURCE_TIME, NO_TIME, NO_TRAFFIC, SourceTime, TimeSpent, Traffic
from pipeline.model.pages import NOTHING_ANNOUNCED, AnnouncedTotals, FeedVersion
from pipeline.model.stored import Stored
from pipeline.model.tally import PriceRange

Action = Literal["retry", "skip", "circuit_break", "deadline", "stopped"]
Status = Literal["complete", "partial", "failed"]
EndKnownBy = Literal["announced", "walked"]


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of ``errors``: a failed attempt, a skipped page or, if it has a ``position``, a rejected record.

    ``code`` is the HTTP status, None if there was no response.
    """

    source: str
    page: int
    code: int | None
    error: str
    timestamp: str
    action: Action
    position: int | None = None


def page_ranges(pages: Sequence[int], most: int = 6) -> str:
    """Format ascending page numbers as at most ``most`` ranges and the number of further pages: ``3, 7-9, 5 more``."""
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
    """Pages that are missing for the same reason; if ``onward``, all pages after the last are missing as well."""

    pages: Sequence[int]
    reason: str
    onward: bool = False


class Conflict(msgspec.Struct, frozen=True):
    """A product and a duplicate of it whose price or currency is another."""

    id: str
    price: Decimal | None
    currency: str | None
    other_price: Decimal | None
    other_currency: str | None


class Unmet(msgspec.Struct, frozen=True):
    """An expectation that a source does not meet: its key in `expect`, the value of that key, and what was found."""

    expectation: str
    wanted: int | float
    got: int | float


class FetchResult(msgspec.Struct, frozen=True):
    """The result of fetching one endpoint: its pages, requests and failures.

    ``gaps`` has the missing pages with the reasons. ``announced`` is the size that the API announced; with
    ``is_estimate`` it does not decide whether everything came. ``ended`` is False while the endpoint is being fetched.
    ``feed`` is the version of a feed; with ``unchanged``, it is the one of the present summary. If ``taken_over``,
    nothing was fetched, and the present summary has the products and the account. ``time`` and ``traffic`` cover this
    run, not the one it resumes. ``fitting_rps`` is the rate that the API would have accepted, None if it refused
    nothing or nothing is known.
    """

    source: str
    requests: int
    retries: int
    pages_fetched: int
    gaps: Sequence[Gap]
    failures: Sequence[Failure]
    announced: AnnouncedTotals = NOTHING_ANNOUNCED
    is_estimate: bool = False
    ended: bool = False
    unchanged: bool = False
    taken_over: bool = False
    feed: FeedVersion | None = None
    fitting_rps: float | None = None
    time: TimeSpent = NO_TIME
    traffic: Traffic = NO_TRAFFIC

    @property
    def pages_missing(self) -> Sequence[int]:
        """The numbers of the pages known to be missing, ascending."""
        return tuple(sorted(page for gap in self.gaps for page in gap.pages))

    @property
    def missing_from(self) -> int | None:
        """The page at which fetching ended with the rest unknown, None if all missing pages are known."""
        return next((gap.pages[-1] for gap in self.gaps if gap.onward), None)

    @property
    def pages_wanted(self) -> int | None:
        """The number of pages of the endpoint, None if unknown."""
        return self.pages_fetched + len(self.pages_missing) if self.missing_from is None else None

    @property
    def end_known_by(self) -> EndKnownBy | None:
        """The source of the size: ``announced`` by the API, or ``walked`` to the end; None if it is unknown."""
        if self.missing_from is not None:
            return None
        return "walked" if self.announced == NOTHING_ANNOUNCED else "announced"

    @property
    def status(self) -> Status:
        """``complete`` if no page is missing, ``failed`` if no page arrived, else ``partial``."""
        if not self.gaps:
            return "complete"
        return "partial" if self.pages_fetched else "failed"


class SourceReport(msgspec.Struct, frozen=True):
    """One entry of ``sources``. ``items_fetched`` = ``products`` + ``duplicates`` + ``rejected``, always.

    ``errors`` counts this source's entries in the summary's ``errors`` whose action is not ``retry``. ``gaps`` has the
    reasons for ``pages_missing``. Compare ``records_announced`` with ``records_received``, which does not count
    repetitions; it is None if a record may be several products. ``time`` covers this run, not the one it resumes.

    ``dropped`` counts the records that a transform left out; they are not in ``items_fetched``.

    ``priced`` counts the products that have a price, ``conflicting`` the duplicates whose price is not that of the
    product. ``unmet`` lists the expectations that the source does not meet. ``baseline_products`` is the number of
    products in the last complete run, None if there was none. ``fetched_at`` is the time of the last page (RFC 3339
    UTC), None if no page arrived. ``definition`` is a digest of all that determines the content of a page.
    ``feed`` is the version of a feed. ``unchanged`` is True if its products were taken over, since it has not changed.
    ``taken_over`` is True if ``--only`` left the source out: all of its entry is that of the summary before.

    ``refused`` counts the requests that the API refused. ``fitting_rps`` is the rate that it would have accepted, None
    if it refused nothing or nothing is known.
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
    dropped: int = 0
    refused: int = 0
    fitting_rps: float | None = None
    time: SourceTime = NO_SOURCE_TIME
    records_received: int | None = None
    priced: int = 0
    conflicting: int = 0
    unmet: Sequence[Unmet] = ()
    baseline_products: int | None = None
    fetched_at: str | None = None
    definition: str = ""
    feed: FeedVersion | None = None
    unchanged: bool = False
    taken_over: bool = False


class Resumed(msgspec.Struct, frozen=True):
    """The part of a catalogue that an earlier run fetched.

    ``records`` is the number of its records, ``age`` the time in seconds from its last page to the start of this run.
    """

    records: int
    age: float


# The version of the format of the summary. Additions keep it.
SCHEMA_VERSION = 1


class Totals(msgspec.Struct, frozen=True):
    """The totals over all sources, ``summary`` in the file. ``started_at`` is RFC 3339 UTC.

    ``run`` identifies the run, and ``version`` is that of the program. ``resumed`` is None if the run started afresh.
    """

    status: Status
    total_products: int
    processing_time_seconds: float
    success_rate: float
    sources: Sequence[str]
    categories: Mapping[str, int]
    started_at: str
    run: str = ""
    version: str = ""
    schema_version: int = SCHEMA_VERSION
    resumed: Resumed | None = None


class RunStatistics(msgspec.Struct, frozen=True):
    """The peak use of a run's bounded queue and threads."""

    peak_pages_waiting: int
    peak_dispatches_in_flight: int
    dispatches: int


class Summary(msgspec.Struct, frozen=True):
    """The summary of a finished run, without the products, which are in the file ``output``.

    ``stopped_by`` is the number of the signal that ended fetching early. ``journal`` is the folder from which a resumed
    run continues, if pages are missing. ``rejects`` is the file of dead letters, if there are any. ``products`` and
    ``report`` are the file of the products alone and the HTML report, if the configuration asks for them.
    ``products_kept`` is the file of the products that a failed run left as it was. ``changes`` is the file of the
    changes since the replaced summary, if the configuration asks for it, and ``changed`` has their numbers.
    ``store`` is the URL of the store without credentials, and ``stored`` has the numbers of the run in it. If the store
    failed, ``unstored`` is the reason, and the journal remains.
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
    products_kept: Path | None = None
    changes: Path | None = None
    changed: Changes | None = None
    store: str | None = None
    stored: Stored | None = None
    unstored: str | None = None

    @property
    def files(self) -> Mapping[str, str]:
        """The places that this run has written, by kind: ``summary``, ``products``, ``report`` and so on."""
        places = {
            "summary": self.output,
            "products": self.products,
            "rejects": self.rejects,
            "changes": self.changes,
            "store": self.store,
            "report": self.report,
        }
        return {kind: str(place) for kind, place in places.items() if place is not None}


class Replay(msgspec.Struct, frozen=True):
    """The result of replaying dead letters.

    ``letters`` is their number; ``products`` counts the new products, ``duplicates`` the letters of known products, and
    ``rejected`` those rejected again. ``rejects`` is the file of the latter, None if there are none. ``products_file``
    has the products alone, if the configuration asks for it.
    """

    letters: int
    products: int
    duplicates: int
    rejected: int
    output: Path
    rejects: Path | None
    products_file: Path | None = None
