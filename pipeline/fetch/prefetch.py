"""Prefetch pages concurrently and yield them in order.

The window decides the number of requests in flight: enough to use the rate limit in spite of the latency, no more.
"""

import math
from collections.abc import Callable, Iterator, Sequence

import trio

from pipeline.fetch.attempts import ResilientClient
from pipeline.fetch.content.response import FetchedPage
from pipeline.fetch.paging.paginator import PageRequest

# The limit while nothing is known of the endpoint, before its first answer.
MOST_BEFORE_AN_ANSWER = 5

# Without a rate limit there is one more request for each of these spans of latency. A server that answers at once is
# kept busy by one request after the other.
SECONDS_A_PAGE = 0.05

# The weight of a new latency (RFC 6298, section 2, uses the same for round-trip times).
_SMOOTHING = 1 / 8


class PrefetchWindow:
    """The number of requests that keep an endpoint busy.

    The target is the number that leaves within one latency (Little's law), doubled to catch up after a burst, plus
    one. ``rate`` is in requests per second, 0 without a limit; ``most`` is the upper bound.

    If the end is known, the window opens at once. Otherwise it grows by one with each page, so that at most one window
    is requested in vain. After a failure, request one page at a time. Before the first answer, one more request is
    sent each time that a token would be lost because the bucket is full.
    """

    def __init__(self, rate: float, most: int, *, now: float) -> None:
        self._rate = rate
        self._most = most
        self._began = now
        self._latency: float | None = None
        self._grown = 1

    def answered(self, seconds: float) -> None:
        """Learn the latency of a request."""
        before = seconds if self._latency is None else self._latency
        self._latency = before + _SMOOTHING * (seconds - before)

    def page_taken(self) -> None:
        """Grow by one."""
        self._grown = min(self._grown + 1, self._most)

    def end_is_known(self) -> None:
        """Open at once, except between a failure and the next page."""
        if self._grown > 1:
            self._grown = self._most

    def failed(self) -> None:
        """Shrink to one after a failure that indicates an unhealthy server."""
        self._grown = 1
        self._began = math.inf  # the answer is not merely late

    def width(self, now: float) -> int:
        """Return the number of requests that may be in flight at ``now`` (Trio's clock), at least one."""
        if self._latency is None:
            tokens = max(0.0, now - self._began) * self._rate + 1e-9
            return min(1 + math.floor(tokens), MOST_BEFORE_AN_ANSWER, self._most)
        return min(steady_width(self._rate, self._latency, self._most), self._grown)

    def grows_at(self, now: float) -> float:
        """Return the time at which it grows without an event (Trio's clock), infinity for never."""
        width = self.width(now)
        if self._latency is not None or not self._rate or width >= min(MOST_BEFORE_AN_ANSWER, self._most):
            return math.inf
        return self._began + width / self._rate


def steady_width(rate: float, latency: float, most: int) -> int:
    """Return the number of requests in flight that keep an endpoint busy at this rate and latency."""
    used = latency * rate if rate else latency / SECONDS_A_PAGE
    return min(math.floor(2 * used + 0.5) + 1, most)


class _Slot:
    """A page in flight, or one that waits for its turn."""

    def __init__(self, request: PageRequest) -> None:
        self.request = request
        self.scope = trio.CancelScope()
        self.outcome: FetchedPage | Exception | None = None


class Prefetcher:
    """A prefetcher that keeps as many pages in flight as the window allows, and returns them in order.

    ``next_requests`` returns at most the given number of requests, that for the current page first, and True if the
    end is known. A page that arrives before its turn waits. A page that is no longer wanted is dropped.
    """

    def __init__(
        self,
        client: ResilientClient,
        next_requests: Callable[[int], tuple[Sequence[PageRequest], bool]],
        *,
        window: PrefetchWindow,
        reach: int,
        nursery: trio.Nursery,
    ) -> None:
        self._client = client
        self._next_requests = next_requests
        self._window = window
        self._reach = reach
        self._nursery = nursery
        self._slots: dict[int, _Slot] = {}
        self._draining = False
        self._changed = trio.Event()

    def drain(self) -> bool:
        """Send no further requests; return True once nothing is in flight or waits for its turn.

        Until then, pages are taken as before.
        """
        self._draining = True
        requests, _ = self._next_requests(1)
        return requests[0].number not in self._slots

    async def take(self) -> FetchedPage:
        """Wait for the current page.

        After a cancellation, the pages that have arrived are available from :meth:`arrived`.

        Raises:
            FetchError: the page cannot be fetched.
        """
        requests, end_known = self._next_requests(1)
        if end_known:
            self._window.end_is_known()
        if self._nothing_to_prefetch():  # no task is needed then
            page = await self._fetch(requests[0])
            self._window.page_taken()
            return page
        self._refill()
        slot = self._slots[requests[0].number]
        while slot.outcome is None:
            with trio.move_on_at(self._window.grows_at(trio.current_time())):
                await self._changed.wait()
            if slot.outcome is None:  # otherwise the outcome decides which pages come next
                self._refill()
        del self._slots[slot.request.number]
        if isinstance(slot.outcome, Exception):
            raise slot.outcome
        self._window.page_taken()
        return slot.outcome

    async def settle(self) -> None:
        """Wait until nothing is in flight, without sending further requests."""
        while self._in_flight():
            await self._changed.wait()

    def arrived(self) -> Iterator[tuple[int, FetchedPage]]:
        """Yield the pages that arrived before their turn, in order, each of them once."""
        for number in sorted(self._slots):
            if isinstance(page := self._slots[number].outcome, FetchedPage):
                del self._slots[number]
                yield number, page

    def _refill(self) -> None:
        """Drop the pages that are no longer wanted, and request those that are while the window has room."""
        requests, _ = self._next_requests(self._reach)
        wanted = {request.number: request for request in requests}
        for slot in [slot for slot in self._slots.values() if wanted.get(slot.request.number) != slot.request]:
            slot.scope.cancel()
            del self._slots[slot.request.number]
        for index, request in enumerate(requests):
            full = self._in_flight() >= self._window.width(trio.current_time())
            if self._draining or (full and index > 0):
                break
            if request.number not in self._slots:
                slot = self._slots[request.number] = _Slot(request)
                self._nursery.start_soon(self._fetch_into, slot)

    def _nothing_to_prefetch(self) -> bool:
        now = trio.current_time()
        return not self._slots and self._window.width(now) == 1 and self._window.grows_at(now) == math.inf

    def _in_flight(self) -> int:
        return sum(slot.outcome is None for slot in self._slots.values())

    async def _fetch_into(self, slot: _Slot) -> None:
        with slot.scope:
            try:
                slot.outcome = await self._fetch(slot.request)
            except Exception as error:  # noqa: BLE001 - the pages before it come first, whatever it is
                slot.outcome = error
        self._changed.set()
        self._changed = trio.Event()

    async def _fetch(self, request: PageRequest) -> FetchedPage:
        page = await self._client.fetch(request, on_unhealthy=self._window.failed)
        self._window.answered(page.latency)
        return page
