"""Fetch one page with rate limiting, retries and a circuit breaker."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from random import Random
from types import MappingProxyType
from typing import TypeVar

import msgspec
import trio

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.errors import (
    FetchError,
    NoRecordsError,
    PermanentError,
    RateLimitedError,
    TransientError,
)
from pipeline.fetch.account.ledger import Ledger
from pipeline.fetch.account.recorder import Stopwatch
from pipeline.fetch.content.records import RecordFinder
from pipeline.fetch.content.response import FetchedPage, Response
from pipeline.fetch.groups import make_throttle
from pipeline.fetch.http.client import Client
from pipeline.fetch.http.stream import StreamedResponse
from pipeline.fetch.paging.paginator import PageRequest
from pipeline.fetch.policy.backoff import Backoff
from pipeline.fetch.policy.circuit_breaker import CircuitBreaker, CircuitBreakerStatistics, Permit, State
from pipeline.fetch.policy.deadline import check_deadline
from pipeline.fetch.policy.throttle import Throttle
from pipeline.fetch.policy.token_bucket import TokenBucketStatistics
from pipeline.fetch.polite_client import PoliteClient
from pipeline.model.metrics import Activity

# The maximum length of a Content-Type in an error, in characters.
_LONGEST_MEDIA_TYPE = 60

_T = TypeVar("_T")

_NO_CONTENT = 204


class ResilientClient:
    """A client that fetches pages of one endpoint, each with all the attempts it is allowed.

    The breaker admits an attempt, the throttle grants each of its requests, and the client sends them. Breaker and
    throttle then learn the outcome. ``throttle`` may be shared with other endpoints; without one the endpoint
    gets its own. ``records_path`` is the path at which an earlier run found the records. A refused request is repeated
    for as long as the deadline permits, unless ``insists`` is False. ``finder`` finds the records in its own way.
    """

    def __init__(
        self,
        endpoint: ResolvedEndpoint,
        client: Client,
        *,
        ledger: Ledger,
        rng: Random,
        throttle: Throttle | None = None,
        records_path: str | None = None,
        insists: bool = True,
        finder: RecordFinder | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._client = client
        self._ledger = ledger
        self._rng = rng
        self._insists = insists
        retry, breaker = endpoint.retry, endpoint.breaker
        self._throttle = throttle or make_throttle([endpoint], rng)
        self._throttle.on_pause(ledger.time.paused_until)
        self._backoff = Backoff(base_delay=retry.base_delay, max_delay=retry.max_delay, jitter=retry.jitter)
        self._breaker = CircuitBreaker(
            failure_threshold=breaker.failure_threshold,
            cooldown=breaker.cooldown,
            max_probes=breaker.max_probes,
        )
        self._polite = PoliteClient(endpoint, client, self._throttle, ledger)
        self._finder = finder or RecordFinder(endpoint.items, records_path=records_path, redact=self._polite.redact)

    def statistics(self) -> tuple[CircuitBreakerStatistics, TokenBucketStatistics]:
        """Return snapshots of the two policies that decide when the next request may leave."""
        return self._breaker.statistics(), self._throttle.statistics()

    def fitting_rate(self) -> float | None:
        """Return the requests per second that would have fitted; None if nothing was refused, or if unknown."""
        return self._throttle.fitting_rate()

    async def fetch(self, request: PageRequest, *, on_unhealthy: Callable[[], None] = lambda: None) -> FetchedPage:
        """Fetch a page; call ``on_unhealthy`` for each failure that indicates an unhealthy server.

        A cancellation closes the connection, returns the breaker's permit and leaves the token spent.

        Raises:
            PermanentError: a retry would not help.
            TransientError: the retries are used up.
            EndpointLostError: no further page can be fetched from the endpoint in this run.
        """
        return await self._persist(lambda: request.number, partial(self._attempt, request), on_unhealthy)

    async def stream(
        self,
        consume: Callable[[StreamedResponse], Awaitable[None]],
        *,
        page: Callable[[], int],
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Request the endpoint's URL with further ``headers``, and let ``consume`` read the response.

        A failure while it is read is one of the attempt: another attempt begins with another response. ``page`` returns
        the number of the page that is being read. A cancellation closes the connection.

        Raises:
            FetchError: as for :meth:`fetch`.
        """
        await self._persist(page, partial(self._stream, consume, page, headers), lambda: None)

    async def _persist(
        self,
        page: Callable[[], int],
        attempt_once: Callable[[int, bool], Awaitable[_T]],
        on_unhealthy: Callable[[], None],
    ) -> _T:
        """Make attempts until one succeeds, as often as breaker, retries and deadline permit."""
        attempt = retries = in_a_row = 0
        was_refused = False
        times_opened = self._breaker.times_opened
        while True:
            attempt += 1
            opened = False
            with await self._admitted() as permit:
                try:
                    outcome = await attempt_once(attempt, was_refused)
                except RateLimitedError as error:
                    refusal = error
                except TransientError as error:
                    in_a_row += 1
                    opened = permit.failed(in_a_row)
                    failure, refusal = error, None
                except PermanentError:
                    self._answered(permit)
                    raise
                else:
                    self._answered(permit)
                    return outcome
                finally:
                    self._ledger.traffic.circuit(is_open=self._breaker.state in (State.OPEN, State.HALF_OPEN))
            if refusal:
                was_refused = True
                self._prepare_to_repeat(refusal, page())
                continue
            on_unhealthy()
            if self._breaker.times_opened > times_opened:  # earlier failures have had their consequence
                in_a_row, times_opened = 0, self._breaker.times_opened
            if opened:
                self._circuit_opened(failure, page())
            elif self._breaker.state is State.CLOSED:
                retries += 1
                if retries > self._endpoint.retry.max_retries:
                    raise failure
                await self._wait_to_retry(failure, page(), retries)
            else:  # the circuit was opened by the failure of another page, after this request had left
                self._ledger.failed(failure, page(), "retry", "the circuit is open")

    async def _admitted(self) -> Permit:
        with suppress(trio.WouldBlock):
            return self._breaker.admit_nowait()
        with self._ledger.time.during(Activity.CIRCUIT):
            return await self._breaker.admit()

    async def _attempt(self, request: PageRequest, attempt: int, was_refused: bool) -> FetchedPage:
        watch = Stopwatch()
        try:
            url = request.url or self._client.url_with(request.parameters)
            again = request.again or attempt > 1
            send = partial(self._client.fetch, body=request.body)
            response = await self._polite.respond(send, url, watch, again=again, repeats=was_refused)
            records = [] if response.status == _NO_CONTENT else self._records_of(response)
        except FetchError as error:
            text = self._polite.explained(error, {**request.parameters, **request.body})
            raise self._located(error, request.number, attempt, watch, text) from error.__cause__
        assert watch.started_at is not None, "a response follows a request"
        self._ledger.traffic.attempted(watch.started_at, None, watch.latency)
        self._ledger.attempt_succeeded(request.number, attempt, response.status, watch.seconds(), len(records))
        return FetchedPage(records, response, watch.latency, self._finder.records_path)

    def _records_of(self, response: Response) -> list[msgspec.Raw]:
        """Return the records of a page; the error of a body that is not JSON has its Content-Type."""
        try:
            return self._finder.find(response.body, response.envelope)
        except NoRecordsError:
            raise
        except PermanentError as error:
            media_type = response.headers.get("content-type", "")
            if not media_type or "json" in media_type.lower():
                raise
            text = (
                f"{error.text}; Content-Type: {media_type[:_LONGEST_MEDIA_TYPE]} (docs/FEEDS.md has the other formats)"
            )
            raise error.with_text(text) from None

    async def _stream(
        self,
        consume: Callable[[StreamedResponse], Awaitable[None]],
        page: Callable[[], int],
        headers: Mapping[str, str],
        attempt: int,
        was_refused: bool,
    ) -> None:
        watch = Stopwatch()
        try:
            send = partial(self._client.stream, consume=consume, headers=headers)
            url = self._client.url_with({})
            response = await self._polite.respond(send, url, watch, again=attempt > 1, repeats=was_refused)
        except FetchError as error:
            text = self._polite.explained(error, {})
            raise self._located(error, page(), attempt, watch, text) from error.__cause__
        assert watch.started_at is not None, "a response follows a request"
        self._ledger.traffic.attempted(watch.started_at, None, watch.latency)
        self._ledger.attempt_succeeded(page(), attempt, response.status, watch.seconds(), self._ledger.records)

    def _located(self, error: FetchError, page: int, attempt: int, watch: Stopwatch, text: str) -> FetchError:
        """Record a failed attempt, and return its error with its place and this text."""
        if watch.started_at is not None:
            self._ledger.traffic.attempted(watch.started_at, error)
        return error.at(source=self._endpoint.name, page=page, attempt=attempt, elapsed=watch.seconds(), text=text)

    def _prepare_to_repeat(self, refusal: RateLimitedError, page: int) -> None:
        """Check that the pause after a refusal ends before the deadline; the throttle makes the next attempt wait."""
        if not self._insists:
            raise refusal
        next_at = self._throttle.statistics().next_grant_at
        wait = max(0.0, next_at - trio.current_time())
        asked = f"the API asks to wait {refusal.retry_after:g} s" if refusal.retry_after else ""
        check_deadline(next_at, f"{refusal.text}; {asked or f'the next request is due in {wait:.1f} s'}", refusal.code)
        self._ledger.failed(refusal, page, "retry", f"refused, next request in {wait:.1f} s", retry_in=wait)

    async def _wait_to_retry(self, error: TransientError, page: int, retry: int) -> None:
        wait = self._backoff.delay(retry, self._rng)
        wake_at = trio.current_time() + wait
        check_deadline(wake_at, f"{error.text}; the next retry would be due in {wait:.1f} s", error.code)
        limit = self._endpoint.retry.max_retries
        self._ledger.failed(error, page, "retry", f"retry {retry} of {limit} in {wait:.1f} s", retry_in=wait)
        with self._ledger.time.during(Activity.BACKOFF):
            await trio.sleep_until(wake_at)

    def _answered(self, permit: Permit) -> None:
        if permit.succeeded():
            self._ledger.circuit_closed()

    def _circuit_opened(self, failure: TransientError, page: int) -> None:
        probe_in = None if self._breaker.state is State.GIVEN_UP else self._endpoint.breaker.cooldown
        outlook = "endpoint given up" if probe_in is None else f"circuit open, probe in {probe_in:g} s"
        self._ledger.failed(failure, page, "circuit_break", outlook, event="circuit_opened", probe_in=probe_in)
