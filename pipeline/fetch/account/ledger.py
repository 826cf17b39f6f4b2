"""The account that one fetcher keeps of its pages, requests and failures.

Log lines of one endpoint: what happened, with where and how long as fields.

How an endpoint stands, put together from what its parts say of themselves.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec
from loguru import logger

from pipeline.config.source import Paging
from pipeline.errors import FetchError, UnreachableError
from pipeline.fetch.account.recorder import TrafficRecorder
from pipeline.fetch.account.time_account import TimeAccount
from pipeline.fetch.policy.circuit_breaker import CircuitBreakerStatistics, State
from pipeline.fetch.policy.token_bucket import TokenBucketStatistics
from pipeline.model.pages import NOTHING_ANNOUNCED, NOTHING_YET, AnnouncedTotals, Progress, utc_timestamp
from pipeline.model.status import Circuit, EndpointStatus
from pipeline.model.summary import Action, Failure, FetchResult, Gap, Status


class Counts(msgspec.Struct, frozen=True):
    """The account in numbers alone: cheap to ask for, however much has happened.

    ``pages`` are with those that an earlier run had, ``records`` without; ``resumed`` tells whether there was one.
    ``ended`` is None while the walk is under way.
    """

    source: str
    pages: int
    records: int
    requests: int
    retries: int
    announced: AnnouncedTotals
    resumed: bool
    ended: Status | None


class Ledger:
    """Writes down what happens on one endpoint's walk; ``statistics()`` is the account, ``ended`` when it is closed.

    ``time`` is where it went, ``traffic`` how the endpoint answered.
    """

    def __init__(self, source: str, *, resumed: Progress = NOTHING_YET) -> None:
        self._source = source
        self._requests = 0
        self._retries = 0
        self._pages_fetched = len(resumed.have)
        self._resumed = bool(resumed.have)
        self._records = 0
        self._announced = resumed.profile.announced if resumed.profile else NOTHING_ANNOUNCED
        self._put_off: dict[int, FetchError] = {}
        self._missing: dict[str, list[int]] = defaultdict(list)
        self._onward: Gap | None = None
        self._failures: list[Failure] = []
        self.ended = False
        self._ended_as: Status | None = None
        self.time = TimeAccount()
        self.traffic = TrafficRecorder()

    @contextmanager
    def walking(self) -> Iterator[None]:
        """The walk lasts as long as the context does."""
        self.time.start()
        self.traffic.start()
        try:
            yield
        finally:
            self.time.over()

    def requested(self, *, again: bool) -> None:
        """A request goes out; ``again`` when it is not the first one for its page."""
        self._requests += 1
        self._retries += again

    def announced(self, totals: AnnouncedTotals) -> None:
        """The API says how much there is of it."""
        self._announced = totals

    def fetched(self, page: int) -> None:
        """A page of records arrived."""
        self._pages_fetched += 1
        self._put_off.pop(page, None)

    def received(self, records: int) -> None:
        """So many records arrived, with a page that is new or not."""
        self._records += records

    def failed(self, page: int, error: FetchError, action: Action) -> None:
        """An attempt failed, or the walk met an obstacle, and this is what was done about it."""
        self._failures.append(
            Failure(
                source=self._source,
                page=page,
                code=error.code,
                error=error.text,
                timestamp=utc_timestamp(),
                action=action,
            )
        )

    def put_off(self, page: int, error: FetchError) -> None:
        """A page was given up for now; it is tried once more at the end of the walk."""
        self._put_off[page] = error
        self.failed(page, error, "retry")

    def given_up(self, page: int, error: FetchError) -> None:
        """A page was asked for in vain, for good."""
        self._put_off.pop(page, None)
        self._missing[error.text].append(page)
        self.failed(page, error, "skip")

    def reached_end(self) -> None:
        """The walk came to the endpoint's own end."""
        self._end()

    def cut_off(self, pages: Sequence[int], reason: str, *, onward: bool) -> None:
        """The walk ends before its time: without ``pages``, and ``onward`` without whatever is behind the last."""
        self._end()
        if onward:
            self._onward = Gap(tuple(pages), reason, onward=True)
        else:
            given_up = {page for known in self._missing.values() for page in known}
            self._missing[reason] += [page for page in pages if page not in given_up]

    def _end(self) -> None:
        for page, error in list(self._put_off.items()):
            self.given_up(page, error)
        self.ended = True

    def counts(self) -> Counts:
        """The numbers so far."""
        return Counts(
            source=self._source,
            pages=self._pages_fetched,
            records=self._records,
            requests=self._requests,
            retries=self._retries,
            announced=self._announced,
            resumed=self._resumed,
            ended=self._outcome(),
        )

    def _outcome(self) -> Status | None:
        """How the walk ended; the whole account is made up for that once."""
        if self.ended and self._ended_as is None:
            self._ended_as = self.statistics().status
        return self._ended_as

    def statistics(self) -> FetchResult:
        """The account so far; a page that waits for its second chance counts as missing."""
        reasons = {reason: list(pages) for reason, pages in self._missing.items()}
        for page, error in self._put_off.items():
            reasons.setdefault(error.text, []).append(page)
        onward = self._onward.pages if self._onward else ()
        known = {reason: sorted(set(pages).difference(onward)) for reason, pages in reasons.items()}
        gaps = [Gap(pages, reason) for reason, pages in known.items() if pages]
        if self._onward:
            gaps.append(self._onward)
        return FetchResult(
            source=self._source,
            requests=self._requests,
            retries=self._retries,
            pages_fetched=self._pages_fetched,
            gaps=gaps,
            failures=tuple(self._failures),
            announced=self._announced,
            ended=self.ended,
            time=self.time.statistics(),
            traffic=self.traffic.statistics(),
        )


class EndpointLog:
    """Says what happens on one endpoint's walk. ``remedy`` is what to do when nothing listens there, told once."""

    def __init__(self, name: str, remedy: str) -> None:
        self._log = logger.bind(endpoint=name)
        self._remedy = remedy
        self._told_unreachable = False

    def arrived(self, page: int, attempt: int, status: int, elapsed: float, records: int) -> None:
        """A page came."""
        self._log.bind(page=page, attempt=attempt, status=status, elapsed=elapsed).debug("{} records", records)

    def failed(self, error: FetchError, page: int, text: str) -> None:
        """An attempt at a page, or the walk itself, met an error; ``text`` says what follows from it."""
        log = self._log.bind(page=error.page or page, attempt=error.attempt, status=error.code, elapsed=error.elapsed)
        if isinstance(error, UnreachableError) and not self._told_unreachable:
            self._told_unreachable = True
            log.error("{}; {}", text, self._remedy)
        else:
            log.warning("{}", text)

    def ended(self, pages: int, missing: str) -> None:
        """The walk came to the endpoint's end; ``missing`` lists the pages that did not come, if any."""
        if missing:
            self._log.warning("pages fetched: {}, missing: {}", pages, missing)
        elif pages:
            self._log.info("all pages fetched: {}", pages)
        else:
            self._log.warning("the first page is empty, there is nothing at all; is the url right?")

    def one_page(self, path: str | None) -> None:
        """A walk that follows what stands at a path, or in a usual place, has ended with its first page."""
        remedy = f"is `paging.path: {path}` right?" if path else "say with `paging.path` where it stands"
        self._log.warning("nothing follows the first page; if there is more, {}", remedy)

    def redirected(self, location: str) -> None:
        """The endpoint is somewhere else: each page costs two requests."""
        self._log.warning("redirects to {}; set `url` to where it leads, to save a request per page", location)

    def paging(self, how: Paging) -> None:
        """It was found out how the endpoint is walked."""
        parts = [str(part) for part in (how.parameter, how.path) if part]
        about = f" ({', '.join(parts)})" if parts else ""
        self._log.info("paging: {}{}, found out from the first page", how.style.value, about)

    def announced(self, records: int | None, pages: int | None) -> None:
        """The API says how much there is of it, if it does."""
        if records is not None or pages is not None:
            self._log.debug("announced: {} records, {} pages", records, pages)


_CIRCUITS: Mapping[State, Circuit] = {
    State.CLOSED: "closed",
    State.OPEN: "open",
    State.HALF_OPEN: "half-open",
    State.GIVEN_UP: "given up",
}


def standing(
    ledger: Ledger,
    breaker: CircuitBreakerStatistics,
    bucket: TokenBucketStatistics,
    *,
    end: int | None,
    now: float,
) -> EndpointStatus:
    """The status of an endpoint; ``end`` is the number behind its last page, where the walk knows it.

    ``now`` is a time on Trio's clock, as are those in the statistics.
    """
    account = ledger.counts()
    wanted = account.announced.pages if end is None else end - 1
    return EndpointStatus(
        source=account.source,
        pages=account.pages,
        pages_wanted=None if wanted is None or wanted < account.pages else wanted,
        records=account.records,
        records_announced=None if account.resumed else account.announced.records,
        requests=account.requests,
        retries=account.retries,
        circuit=_CIRCUITS[breaker.state],
        probe_in=None if breaker.probe_at is None else max(0.0, breaker.probe_at - now),
        paused_for=max(0.0, bucket.paused_until - now),
        ended=account.ended,
    )
