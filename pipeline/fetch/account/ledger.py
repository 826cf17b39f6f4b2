"""The account of one endpoint's walk: pages, requests and failures, each logged as it is recorded."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from loguru import logger

from pipeline.config.source import Paging
from pipeline.errors import FetchError, UnreachableError
from pipeline.fetch.account.recorder import TrafficRecorder
from pipeline.fetch.account.time_account import TimeAccount
from pipeline.model.pages import NOTHING_ANNOUNCED, NOTHING_YET, AnnouncedTotals, Progress, utc_timestamp
from pipeline.model.summary import Action, Failure, FetchResult, Gap, Status, page_ranges

if TYPE_CHECKING:
    from loguru import Logger


class Ledger:
    """A ledger that records and logs the events of one walk; :meth:`statistics` returns the account.

    ``remedy`` is logged once, with the first connection that fails. ``pages_fetched`` includes the pages of the run
    that ``resumed`` describes, ``records`` does not. ``time`` accounts for the time of the walk, ``traffic`` for
    its attempts. ``ended`` is True once the account is closed.
    """

    def __init__(self, source: str, *, remedy: str = "check the URL", resumed: Progress = NOTHING_YET) -> None:
        self._source = source
        self._remedy = remedy
        self._remedy_logged = False
        self._deferred: dict[int, FetchError] = {}
        self._skipped: dict[str, list[int]] = defaultdict(list)
        self._onward: Gap | None = None
        self._failures: list[Failure] = []
        self._status: Status | None = None
        self._is_estimate = False
        self.requests = 0
        self.retries = 0
        self.records = 0
        self.pages_fetched = len(resumed.have)
        self.resumed = bool(resumed.have)
        self.announced = resumed.profile.announced if resumed.profile else NOTHING_ANNOUNCED
        self.ended = False
        self.time = TimeAccount()
        self.traffic = TrafficRecorder()

    @property
    def _log(self) -> "Logger":
        return logger.bind(endpoint=self._source)

    @contextmanager
    def walking(self) -> Iterator[None]:
        """Measure the time of the walk while the context is open."""
        self.time.start()
        self.traffic.start()
        try:
            yield
        finally:
            self.time.over()

    def request_sent(self, *, again: bool) -> None:
        """Count a request; ``again`` if it is not the first one for its page."""
        self.requests += 1
        self.retries += again

    def attempt_succeeded(self, page: int, attempt: int, status: int, elapsed: float, records: int) -> None:
        """Log a response that contains a page; ``elapsed`` is in seconds."""
        self._log.bind(page=page, attempt=attempt, code=status, elapsed=elapsed).debug("{} records", records)

    def failed(
        self,
        error: FetchError,
        page: int,
        action: Action,
        consequence: str,
        *,
        event: str = "attempt_failed",
        **fields: Any,
    ) -> None:
        """Record and log a failed attempt, or an obstacle of the walk, and the ``consequence`` it has.

        ``event`` and ``fields`` are those of the log's event (:mod:`pipeline.model.events`).
        """
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
        log = self._log.bind(page=page, attempt=error.attempt, code=error.code, elapsed=error.elapsed)
        log = log.bind(event=event, **fields)
        if isinstance(error, UnreachableError) and not self._remedy_logged:
            self._remedy_logged = True
            log.error("{}; {}; {}", error.text, consequence, self._remedy)
        else:
            log.warning("{}; {}", error.text, consequence)

    def restarted(self) -> None:
        """Forget the pages that have arrived, since they are of another version of a feed, and log that."""
        self._log.warning("the feed has changed; {} pages of its old version are dropped", self.pages_fetched)
        self.pages_fetched = self.records = 0

    def page_fetched(self, page: int) -> None:
        """Count a page that has arrived, perhaps in the second pass."""
        self.pages_fetched += 1
        self._deferred.pop(page, None)

    def page_deferred(self, page: int, error: FetchError) -> None:
        """Note a page that failed; it is requested once more at the end of the walk."""
        self._deferred[page] = error
        self.failed(error, page, "retry", "page deferred; retrying at the end", event="page_deferred")

    def page_skipped(self, page: int, error: FetchError) -> None:
        """Note a page that failed again and is missing for good."""
        self._deferred.pop(page, None)
        self._skipped[error.text].append(page)
        self.failed(error, page, "skip", "page skipped", event="page_skipped")

    def page_incomplete(self, page: int, error: FetchError) -> None:
        """Note a page whose data are incomplete for the second time; it counts as missing, but its records are kept."""
        self._deferred.pop(page, None)
        self._skipped[error.text].append(page)
        consequence = "the records that came are kept, others of this page are missing"
        self.failed(error, page, "skip", consequence, event="page_skipped")

    def page_dropped(self, page: int) -> None:
        """Forget a page that turns out not to exist: it is after the end, or empty again in the second pass."""
        self._deferred.pop(page, None)

    @property
    def has_missing_pages(self) -> bool:
        """True if pages are known to be missing, or deferred."""
        return bool(self._skipped or self._deferred)

    def circuit_closed(self) -> None:
        """Log that a probe succeeded."""
        self._log.bind(event="circuit_closed").info("the circuit is closed again")

    def rate_changed(self, before: float, now: float) -> None:
        """Log that the rate of the endpoint's group is another; rates are in requests a second, 0 for no limit."""
        log = self._log.bind(event="rate_changed", rps=now, before=before)
        log.info("the rate is {}/s now, {} before", _rate(now), f"{_rate(before)}/s" if before else "without a limit")

    def redirected(self, location: str) -> None:
        """Log a redirect, because of which each page costs a second request."""
        self._log.warning("redirected to {}; set `url` to that address to save a request per page", location)

    def paging_detected(self, paging: Paging) -> None:
        """Log the paging style that the first page revealed."""
        keys = ", ".join(str(key) for key in (paging.parameter, paging.path) if key)
        self._log.info("paging: {}{}, detected from the first page", paging.style.value, f" ({keys})" if keys else "")

    def totals_announced(self, totals: AnnouncedTotals, pages: int | None, *, is_estimate: bool) -> None:
        """Keep the totals that the API announces, and log them if they are new; ``pages`` may be derived from them."""
        self._is_estimate = is_estimate
        totals = AnnouncedTotals(totals.records, pages)
        if totals not in (self.announced, NOTHING_ANNOUNCED):
            self._log.debug("announced: {} records, {} pages", totals.records, totals.pages)
        self.announced = totals

    def feed_found(self, error: FetchError) -> None:
        """Log that the response is a feed, which costs a second request."""
        self._log.info("{} to save a request", error.text)

    def columns_changed(self, before: Sequence[str], after: Sequence[str]) -> None:
        """Log that the header of a feed is not that of the present summary."""
        gone = ", ".join(name for name in before if name not in after) or "none"
        new = ", ".join(name for name in after if name not in before) or "none"
        self._log.warning("the header has changed since the last run; columns that are gone: {}; new: {}", gone, new)

    def unchanged(self) -> None:
        """Close the account of a feed that has not changed since the present summary."""
        self.ended = True
        log = self._log.bind(**self._ended())
        log.info("not changed since the present summary, from which its products are taken over")

    def reached_end(self, *, remark: str | None = None) -> None:
        """Close the account at the end of the endpoint, with a remark about it."""
        self._skip_deferred()
        self.ended = True
        if remark:
            self._log.warning("{}", remark)
        log = self._log.bind(**self._ended())
        if missing := page_ranges(self.statistics().pages_missing):
            log.warning("pages fetched: {}, missing: {}", self.pages_fetched, missing)
        elif self.pages_fetched:
            log.info("all pages fetched: {}", self.pages_fetched)
        else:
            log.warning("the first page is empty: no records at all; check the URL")

    def cut_off(self, error: FetchError, page: int, action: Action, missing: Sequence[int], *, onward: bool) -> None:
        """Close the account of a walk that ends early because of ``error``, at ``page`` and without ``missing``.

        ``onward`` is True if further pages may follow the last one of ``missing``.
        """
        self._skip_deferred()
        if onward:
            self._onward = Gap(tuple(missing), error.text, onward=True)
        else:
            skipped = {page for pages in self._skipped.values() for page in pages}
            self._skipped[error.text] += [page for page in missing if page not in skipped]
        self.ended = True
        ranges = page_ranges(missing)
        if not onward:
            consequence = f"missing: {ranges}"
        elif list(missing) == [page]:
            consequence = f"missing: page {page} and all that follow"
        else:
            consequence = f"missing: {ranges} and all that follow"
        self.failed(error, page, action, consequence, **self._ended())

    def _ended(self) -> dict[str, Any]:
        """Return the event of the end of the walk, with its fields."""
        account = self.statistics()
        return {
            "event": "endpoint_ended",
            "status": account.status,
            "pages": account.pages_fetched,
            "pages_missing": len(account.pages_missing),
            "missing_from": account.missing_from,
            "records": self.records,
            "requests": account.requests,
            "retries": account.retries,
        }

    def _skip_deferred(self) -> None:
        for page, error in list(self._deferred.items()):
            self.page_skipped(page, error)

    @property
    def status(self) -> Status | None:
        """The outcome of the walk, None while it is under way."""
        if self.ended and self._status is None:
            self._status = self.statistics().status
        return self._status

    def statistics(self) -> FetchResult:
        """Return the account so far; a deferred page counts as missing."""
        reasons = {reason: list(pages) for reason, pages in self._skipped.items()}
        for page, error in self._deferred.items():
            reasons.setdefault(error.text, []).append(page)
        onward = self._onward.pages if self._onward else ()
        known = {reason: sorted(set(pages).difference(onward)) for reason, pages in reasons.items()}
        gaps = [Gap(pages, reason) for reason, pages in known.items() if pages]
        if self._onward:
            gaps.append(self._onward)
        return FetchResult(
            source=self._source,
            requests=self.requests,
            retries=self.retries,
            pages_fetched=self.pages_fetched,
            gaps=gaps,
            failures=tuple(self._failures),
            announced=self.announced,
            is_estimate=self._is_estimate,
            ended=self.ended,
            time=self.time.statistics(),
            traffic=self.traffic.statistics(),
        )


def _rate(rps: float) -> str:
    return f"{rps:.3g}"
