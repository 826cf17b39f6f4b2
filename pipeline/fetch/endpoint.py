"""One endpoint's fetcher: walks its pages through breaker, bucket and retry, and keeps the account."""

from collections.abc import Callable, Hashable
from contextlib import suppress
from random import Random

import msgspec
import trio
from loguru import logger

from pipeline.config import ResolvedEndpoint
from pipeline.errors import (
    DeadlineNearError,
    EndpointLostError,
    FetchError,
    PermanentError,
    RateLimitedError,
    TransientError,
    UnreachableError,
)
from pipeline.fetch.announced import find_announced
from pipeline.fetch.backoff import Backoff
from pipeline.fetch.breaker import CircuitBreaker, State
from pipeline.fetch.bucket import Grant, TokenBucket
from pipeline.fetch.client import Client
from pipeline.fetch.envelope import find_records
from pipeline.fetch.ledger import Ledger
from pipeline.fetch.paging import PageNumbers, Step
from pipeline.model import NOTHING_ANNOUNCED, NOTHING_YET, Action, Announced, Page, Progress, Walk, page_ranges

# How much later than another one a request may reach the server, in seconds, before it looks too early.
JITTER_ALLOWANCE = 0.05

_NO_CONTENT = 204


class Fetcher:
    """Fetches one endpoint, page by page.

    An attempt at a page goes through, in this order: the breaker admits it, the token bucket grants it, the client
    makes it, and its outcome is told to the breaker. ``identify`` gives a raw record's identity, for finding loops.
    ``resumed`` tells how far an earlier run came. ``on_page`` is called with the number of records of each page that
    arrived, ``on_end`` with the page that was empty and what the API had announced.
    """

    def __init__(
        self,
        endpoint: ResolvedEndpoint,
        client: Client,
        *,
        rng: Random,
        identify: Callable[[msgspec.Raw], Hashable],
        resumed: Progress = NOTHING_YET,
        on_page: Callable[[int], None] = lambda records: None,
        on_end: Callable[[int, Announced], None] = lambda page, announced: None,
    ) -> None:
        self._endpoint = endpoint
        self._client = client
        self._rng = rng
        self._on_page = on_page
        self._on_end = on_end
        limit, retry, breaker = endpoint.rate_limit, endpoint.retry, endpoint.breaker
        self._bucket = TokenBucket(limit.rps, limit.burst, jitter_allowance=JITTER_ALLOWANCE)
        self._backoff = Backoff(base_delay=retry.base_delay, max_delay=retry.max_delay, jitter=retry.jitter)
        self._breaker = CircuitBreaker(
            failure_threshold=breaker.failure_threshold,
            cooldown=breaker.cooldown,
            max_probes=breaker.max_probes,
        )
        self._paging = PageNumbers(identify, have=resumed.have, end=resumed.end)
        self._ledger = Ledger(endpoint.name, resumed=resumed)
        self._log = logger.bind(endpoint=endpoint.name)
        self._told_unreachable = False
        self._heard_totals = False

    async def run(self, send: trio.MemorySendChannel[Page]) -> None:
        """Walk the endpoint to its end and send every page of records that arrives; closes ``send``.

        A cancellation ends the walk where it is: what has arrived is sent all the same, and the account stays open
        until :meth:`interrupt` says why.
        """
        with send:
            async with self._client:
                try:
                    await self._walk(send)
                except EndpointLostError as error:
                    self._lose(error, "deadline" if isinstance(error, DeadlineNearError) else "skip")

    def interrupt(self, action: Action, reason: str) -> None:
        """Close the account of a walk that was cut off; without effect on one that has ended."""
        if not self._ledger.statistics().ended:
            self._lose(FetchError(reason), action)

    def statistics(self) -> Walk:
        """The account of the walk so far."""
        return self._ledger.statistics()

    async def _walk(self, send: trio.MemorySendChannel[Page]) -> None:
        step = self._paging.first_step
        while step is Step.NEXT:
            number, second_pass = self._paging.page, self._paging.second_pass
            try:
                records = await self._page(number)
            except (PermanentError, TransientError) as error:
                step = self._paging.skipped()
                if second_pass:
                    self._ledger.given_up(number, error)
                    self._warn(error, f"{error.text}; page given up")
                else:
                    self._ledger.put_off(number, error)
                    self._warn(error, f"{error.text}; page put off to the end of the walk")
                continue
            step = self._paging.arrived(records)
            if not records and not second_pass:
                self._on_end(number, self._ledger.statistics().announced)
            elif step is not Step.LOOP:
                self._ledger.fetched(number)
            if records:
                self._on_page(len(records))
                await self._send(send, Page(self._endpoint.name, number, records))
        self._conclude(step)

    async def _send(self, send: trio.MemorySendChannel[Page], page: Page) -> None:
        """Send a page even if the deadline comes meanwhile: what was fetched is not lost.

        The wait is bounded all the same: consumers make room, and once the last one is gone, sending fails. Then the
        run has failed already, and whoever ends it knows why.
        """
        with trio.CancelScope(shield=True), suppress(trio.BrokenResourceError):
            await send.send(page)

    def _conclude(self, step: Step) -> None:
        match step:
            case Step.END:
                self._ledger.reached_end()
                self._tell_end(self._ledger.statistics())
            case Step.LOOP:
                self._lose(FetchError(f"{step.value}; does the API take `page` at all?"), "skip")
            case _:
                self._lose(FetchError(f"{step.value}; check `url` and what access it needs"), "skip")

    def _tell_end(self, walk: Walk) -> None:
        if walk.pages_missing:
            self._log.warning("{} pages fetched, missing: {}", walk.pages_fetched, page_ranges(walk.pages_missing))
        elif walk.pages_fetched:
            self._log.info("all {} pages fetched", walk.pages_fetched)
        else:
            self._log.warning("the first page is empty, there is nothing at all; is the url right?")

    async def _page(self, number: int) -> list[msgspec.Raw]:
        """Fetch one page with all the tries it is allowed; an empty list is the end.

        Raises:
            PermanentError: when trying again would not help.
            TransientError: when the retries are used up.
            EndpointLostError: when there is no more to be had from the endpoint in this run.
        """
        attempt = retries = 0
        while True:
            attempt += 1
            self._check_time_for_probe()
            with await self._breaker.admit() as permit:
                grant = await self._bucket.acquire()
                try:
                    records = await self._attempt(number, attempt, grant)
                except RateLimitedError as error:
                    failure: TransientError = error
                except TransientError as error:
                    permit.failed()
                    failure = error
                except PermanentError:
                    permit.succeeded()
                    raise
                else:
                    permit.succeeded()
                    return records
            self._honour_retry_after(failure)
            if self._breaker.statistics().state is State.CLOSED or isinstance(failure, RateLimitedError):
                retries += 1
                if retries > self._endpoint.retry.max_retries:
                    raise failure
                await self._wait_to_retry(failure, retries)
            else:
                self._report_open_circuit(failure)

    async def _attempt(self, number: int, attempt: int, grant: Grant) -> list[msgspec.Raw]:
        self._ledger.requested(again=attempt > 1 or self._paging.second_pass)
        started = trio.current_time()
        log = self._log.bind(page=number, attempt=attempt)
        try:
            response = await self._client.get(self._paging.parameters(), on_sent=grant.sent, on_answered=grant.answered)
            records = [] if response.status == _NO_CONTENT else find_records(response.body, self._endpoint.items)
        except FetchError as error:
            elapsed = trio.current_time() - started
            raise error.at(self._endpoint.name, number, attempt, elapsed) from error.__cause__
        finally:
            grant.over()
        elapsed = trio.current_time() - started
        log.bind(status=response.status, elapsed=elapsed).debug("{} records", len(records))
        if records and not self._heard_totals:
            self._hear_totals(number, len(records), find_announced(response.body, response.headers))
        return records

    def _hear_totals(self, number: int, records: int, announced: Announced) -> None:
        self._heard_totals = True
        if announced == NOTHING_ANNOUNCED:
            return
        self._ledger.announced(announced)
        # The first page is a full one, unless it is the only one.
        by_records = -(-announced.records // records) if announced.records is not None and number == 1 else None
        pages = announced.pages if announced.pages is not None else by_records
        if pages is not None:
            self._paging.announced(pages)
        self._log.debug("announced: {} records, {} pages", announced.records, pages)

    def _honour_retry_after(self, error: TransientError) -> None:
        if not error.retry_after:
            return
        until = trio.current_time() + error.retry_after
        if until >= trio.current_effective_deadline():
            raise DeadlineNearError(
                f"{error.text}; the API asks to wait {error.retry_after:g} s, which is past the deadline",
                code=error.code,
            )
        self._bucket.pause_until(until)

    async def _wait_to_retry(self, error: TransientError, retry: int) -> None:
        wait = error.retry_after or self._backoff.delay(retry, self._rng)
        wake_at = trio.current_time() + wait
        if wake_at >= trio.current_effective_deadline():
            text = f"{error.text}; the next retry would be due in {wait:.1f} s, which is past the deadline"
            raise DeadlineNearError(text, code=error.code)
        limit = self._endpoint.retry.max_retries
        self._report(error, "retry", f"{error.text}; retry {retry} of {limit} in {wait:.1f} s")
        await trio.sleep_until(wake_at)

    def _report_open_circuit(self, error: TransientError) -> None:
        breaker = self._breaker.statistics()
        if breaker.state is State.GIVEN_UP:
            outlook = "endpoint given up"
        else:
            outlook = f"circuit open, probe in {self._endpoint.breaker.cooldown:g} s"
        self._report(error, "circuit_break", f"{error.text}; {outlook}")

    def _check_time_for_probe(self) -> None:
        probe_at = self._breaker.statistics().probe_at
        if probe_at is not None and probe_at >= trio.current_effective_deadline():
            raise DeadlineNearError("the circuit is open, and its next probe would be due after the deadline")

    def _report(self, error: FetchError, action: Action, text: str) -> None:
        self._ledger.failed(error.page or self._paging.page, error, action)
        self._warn(error, text)

    def _warn(self, error: FetchError, text: str) -> None:
        page = error.page or self._paging.page
        log = self._log.bind(page=page, attempt=error.attempt, status=error.code, elapsed=error.elapsed)
        if isinstance(error, UnreachableError) and not self._told_unreachable:
            self._told_unreachable = True
            log.error("{}; {}", text, self._what_to_start())
        else:
            log.warning("{}", text)

    def _lose(self, error: FetchError, action: Action) -> None:
        page, wanted = self._paging.page, self._paging.wanted()
        self._ledger.cut_off(wanted or [page], error.text, onward=wanted is None)
        missing = f"page {page} on is missing" if wanted is None else f"missing: {page_ranges(wanted)}"
        self._report(error, action, f"{error.text}; {missing}")

    def _what_to_start(self) -> str:
        key = f"endpoints.{self._endpoint.name}.url"
        mocks = " (the mocks: `python -m mockapi`)" if self._client.is_local else ""
        return f"start the API{mocks}, or correct {key}"
