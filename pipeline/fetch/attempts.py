"""Gets one page after all: breaker, token bucket, retries and redirects around the bare client."""

import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from random import Random

import msgspec
import trio

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.errors import (
    DeadlineNearError,
    FetchError,
    PermanentError,
    RateLimitedError,
    RedirectedError,
    TransientError,
)
from pipeline.fetch.access import Access
from pipeline.fetch.account.ledger import EndpointLog, Ledger
from pipeline.fetch.account.recorder import Stopwatch
from pipeline.fetch.content.records import RecordFinder
from pipeline.fetch.content.response import Response
from pipeline.fetch.http.client import Client
from pipeline.fetch.paging.paginator import PageRequest
from pipeline.fetch.policy.adaptive_rate import AdaptiveRate
from pipeline.fetch.policy.backoff import Backoff
from pipeline.fetch.policy.circuit_breaker import CircuitBreaker, CircuitBreakerStatistics, Permit, State
from pipeline.fetch.policy.quota import tightest_quota
from pipeline.fetch.policy.token_bucket import Grant, TokenBucket, TokenBucketStatistics
from pipeline.model.metrics import Activity

# How much later than another one a request may reach the server, in seconds, before it looks too early.
JITTER_ALLOWANCE = 0.05

MAX_REDIRECTS = 5

_NO_CONTENT, _BAD_REQUEST, _UNAUTHORIZED = 204, 400, 401


class FetchedPage(msgspec.Struct, frozen=True):
    """A page that came: its records, none at the end of the endpoint, and the response that they are views into.

    ``latency`` is how many seconds passed from the request for it, on a connection that stood, to the last byte.
    """

    records: list[msgspec.Raw]
    response: Response
    latency: float


class ResilientClient:
    """Fetches pages of one endpoint, each with all the tries it is allowed.

    An attempt goes through, in this order: the breaker admits it, the token bucket grants each of its requests, the
    client makes them, and the outcome is told to the breaker. ``records_path`` is where an earlier run found
    the records.
    """

    def __init__(
        self,
        endpoint: ResolvedEndpoint,
        client: Client,
        *,
        records_path: str | None,
        ledger: Ledger,
        log: EndpointLog,
        rng: Random,
    ) -> None:
        self._endpoint = endpoint
        self._client = client
        self._ledger = ledger
        self._log = log
        self._rng = rng
        limit, retry, breaker = endpoint.rate_limit, endpoint.retry, endpoint.breaker
        self._bucket = TokenBucket(limit.rps, limit.burst, jitter_allowance=JITTER_ALLOWANCE)
        self._rate = AdaptiveRate(limit.rps)
        self._backoff = Backoff(base_delay=retry.base_delay, max_delay=retry.max_delay, jitter=retry.jitter)
        self._breaker = CircuitBreaker(
            failure_threshold=breaker.failure_threshold,
            cooldown=breaker.cooldown,
            max_probes=breaker.max_probes,
        )
        self._access = Access(endpoint, client, self._bucket)
        self._finder = RecordFinder(endpoint.items, records_path=records_path, redact=self._access.redact)
        self._told_redirect = False

    @property
    def records_path(self) -> str | None:
        """Where the records stand in a body, once some were found."""
        return self._finder.records_path

    def statistics(self) -> tuple[CircuitBreakerStatistics, TokenBucketStatistics]:
        """Snapshots of what decides when the next request may leave."""
        return self._breaker.statistics(), self._bucket.statistics()

    async def page(self, request: PageRequest, *, on_failed: Callable[[], None] = lambda: None) -> FetchedPage:
        """Fetch a page; ``again`` when it was asked for before. ``on_failed`` is called when the server seems ill.

        A cancellation leaves the connection closed, the breaker without a permit taken, and a token spent.

        Raises:
            PermanentError: when trying again would not help.
            TransientError: when the retries are used up.
            EndpointLostError: when there is no more to be had from the endpoint in this run.
        """
        number = request.number
        attempt = retries = in_a_row = 0
        times_opened = self._breaker.statistics().times_opened
        while True:
            attempt += 1
            opened = False
            with await self._admitted() as permit:
                try:
                    arrival = await self._attempt(request, attempt)
                except RateLimitedError as error:
                    failure: TransientError = error
                except TransientError as error:
                    in_a_row += 1
                    opened = permit.failed(in_a_row)
                    failure = error
                except PermanentError:
                    permit.succeeded()
                    raise
                else:
                    permit.succeeded()
                    return arrival
                finally:
                    self._ledger.traffic.circuit(
                        is_open=self._breaker.statistics().state in (State.OPEN, State.HALF_OPEN)
                    )
            if not isinstance(failure, RateLimitedError):
                on_failed()
            if self._breaker.statistics().times_opened > times_opened:  # what went wrong before is settled by then
                in_a_row, times_opened = 0, self._breaker.statistics().times_opened
            self._honour_retry_after(failure)
            if opened:
                self._report_open_circuit(failure, number)
            elif self._breaker.statistics().state is State.CLOSED or isinstance(failure, RateLimitedError):
                retries += 1
                if retries > self._endpoint.retry.max_retries:
                    raise failure
                await self._wait_to_retry(failure, number, retries)
            else:  # another page's failure opened the circuit meanwhile: this one is news from before
                self._ledger.failed(number, failure, "retry")
                self._log.failed(failure, number, f"{failure.text}; the circuit is open")

    async def _admitted(self) -> Permit:
        with suppress(trio.WouldBlock):
            return self._breaker.admit_nowait()
        with self._ledger.time.during(Activity.CIRCUIT):
            return await self._breaker.admit()

    async def _granted(self) -> Grant:
        with self._ledger.time.during(Activity.TOKENS) if self._bucket.must_wait() else nullcontext():
            grant = await self._bucket.acquire()
        self._tell_pause()  # the quota may be used up with this one
        return grant

    async def _attempt(self, request: PageRequest, attempt: int) -> FetchedPage:
        watch, number = Stopwatch(), request.number
        try:
            url = request.url or self._client.url_with(request.parameters)
            response = await self._response(url, watch, again=request.again or attempt > 1)
            records = [] if response.status == _NO_CONTENT else self._finder.find(response.body)
        except FetchError as error:
            error.text = self._access.explained(error)
            if error.code == _BAD_REQUEST and request.parameters:
                asked = "&".join(f"{name}={value}" for name, value in request.parameters.items())
                error.text += self._access.redact(f"; asked with {asked}")
            if watch.started_at is not None:
                self._ledger.traffic.attempted(watch.started_at, error)
            raise error.at(self._endpoint.name, number, attempt, watch.seconds()) from error.__cause__
        assert watch.started_at is not None, "an answer to a request"
        self._ledger.traffic.attempted(watch.started_at, None, watch.latency)
        self._log.arrived(number, attempt, response.status, watch.seconds(), len(records))
        return FetchedPage(records, response, watch.latency)

    async def _response(self, url: str, watch: Stopwatch, *, again: bool) -> Response:
        """Follow redirects, and get another access token once where one is refused; each request costs a token."""
        renewed, hops = False, 0
        while hops <= MAX_REDIRECTS:
            with self._ledger.time.during(Activity.NETWORK):
                token = await self._access.token()
            grant = await self._granted()
            watch.start()
            self._ledger.requested(again=again)
            granted_at = trio.current_time()
            try:
                on_sent = partial(watch.sent, grant) if self._endpoint.rate_limit.rps else None
                with self._ledger.time.during(Activity.NETWORK):
                    response = await self._client.get(url, token=token, on_sent=on_sent, on_answered=grant.answered)
            except RateLimitedError:
                self._slow_down(granted_at)
                raise
            except RedirectedError as redirect:
                url = redirect.location
                hops += 1
                self._tell_redirect(url)
            except PermanentError as error:
                if token is None or error.code != _UNAUTHORIZED or renewed:
                    raise
                renewed = True
                self._access.refuse(token)
            else:
                self._heed_quota(response, grant)
                return response
            finally:
                watch.over()
                grant.over()
        raise PermanentError(f"redirected more than {MAX_REDIRECTS} times; check `url`")

    def _heed_quota(self, response: Response, grant: Grant) -> None:
        quota = tightest_quota(response.headers, time.time())
        if quota is not None:
            until = trio.current_time() + quota.seconds
            if quota.left <= 0:
                self._bucket.pause_until(until)
            else:
                grant.leaves(int(quota.left), until)
            self._tell_pause()
        if self._rate.rate < self._endpoint.rate_limit.rps:
            self._rate.allowed()
            self._bucket.speed_up(self._rate.rate)

    def _slow_down(self, granted_at: float) -> None:
        """The server is well, but we are too fast for it; without a limit there is nothing to go by but its pauses."""
        if self._endpoint.rate_limit.rps:
            self._rate.refused(granted_at, trio.current_time())
            self._bucket.slow_down(self._rate.rate)

    def _tell_redirect(self, location: str) -> None:
        if not self._told_redirect:
            self._told_redirect = True
            self._log.redirected(self._access.redact(location))

    def _honour_retry_after(self, error: TransientError) -> None:
        if not error.retry_after:
            return
        until = trio.current_time() + error.retry_after
        if until >= trio.current_effective_deadline():
            raise DeadlineNearError(f"{error.text}; the API asks to wait {error.retry_after:g} s", code=error.code)
        self._bucket.pause_until(until)
        self._tell_pause()

    def _tell_pause(self) -> None:
        self._ledger.time.paused_until(self._bucket.statistics().paused_until)

    async def _wait_to_retry(self, error: TransientError, page: int, retry: int) -> None:
        wait = error.retry_after or self._backoff.delay(retry, self._rng)
        wake_at = trio.current_time() + wait
        if wake_at >= trio.current_effective_deadline():
            raise DeadlineNearError(f"{error.text}; the next retry would be due in {wait:.1f} s", code=error.code)
        limit = self._endpoint.retry.max_retries
        self._ledger.failed(page, error, "retry")
        self._log.failed(error, page, f"{error.text}; retry {retry} of {limit} in {wait:.1f} s")
        with self._ledger.time.during(Activity.RETRY_AFTER if error.retry_after else Activity.BACKOFF):
            await trio.sleep_until(wake_at)

    def _report_open_circuit(self, error: TransientError, page: int) -> None:
        if self._breaker.statistics().state is State.GIVEN_UP:
            outlook = "endpoint given up"
        else:
            outlook = f"circuit open, probe in {self._endpoint.breaker.cooldown:g} s"
        self._ledger.failed(page, error, "circuit_break")
        self._log.failed(error, page, f"{error.text}; {outlook}")
