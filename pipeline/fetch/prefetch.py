"""How many pages to have in flight: enough that neither the rate nor the latency of an endpoint goes to waste.

Fetches pages before their turn, so that several are in flight while they are taken one after the other.
"""

import math
from collections.abc import Awaitable, Callable, Iterator, Sequence

import msgspec
import trio

from pipeline.errors import FetchError
from pipeline.fetch.attempts import FetchedPage
from pipeline.fetch.paging.paginator import PageRequest

# While the first answer is awaited nothing is known of the endpoint, and no more than this is asked of it.
MOST_BEFORE_AN_ANSWER = 5

# Without a rate limit, one more request for each so many seconds of latency: a server that answers at once is kept busy
# by one after the other.
SECONDS_A_PAGE = 0.05

# How much a new latency counts (RFC 6298, section 2, has the same for round-trip times).
_SMOOTHING = 1 / 8


class PrefetchWindowStatistics(msgspec.Struct, frozen=True):
    """``latency`` in seconds, smoothed, None before an answer; ``grown`` is how far the window has come."""

    latency: float | None
    grown: int


class PrefetchWindow:
    """Tells how many requests keep an endpoint busy.

    Those are as many as leave within one latency (Little's law), twice over to catch up with a burst, and one more.
    ``rate`` is in requests a second, 0 for no limit; ``most`` bounds it. It opens at once where the end is known;
    otherwise it grows by one with each page, so that no more than a window is asked for in vain. A failure closes it:
    whoever is ill is asked for one page at a time. Before the first answer one more request is made each time that a
    token would be lost, since the bucket is full again by then.
    """

    def __init__(self, rate: float, most: int, *, now: float) -> None:
        self._rate = rate
        self._most = most
        self._began = now
        self._latency: float | None = None
        self._grown = 1

    def answered(self, seconds: float) -> None:
        """A request was answered after so many seconds."""
        before = seconds if self._latency is None else self._latency
        self._latency = before + _SMOOTHING * (seconds - before)

    def settled(self) -> None:
        """A page was taken, in its turn."""
        self._grown = min(self._grown + 1, self._most)

    def end_is_known(self) -> None:
        """No page will be asked for in vain; has no effect between a failure and the next page."""
        if self._grown > 1:
            self._grown = self._most

    def failed(self) -> None:
        """A request failed in a way that says something about the server."""
        self._grown = 1
        self._began = math.inf  # an answer is not just late

    def width(self, now: float) -> int:
        """How many requests may be under way, at a time on Trio's clock; at least one."""
        if self._latency is None:
            tokens = max(0.0, now - self._began) * self._rate + 1e-9
            return min(1 + math.floor(tokens), MOST_BEFORE_AN_ANSWER, self._most)
        used = self._latency * self._rate if self._rate else self._latency / SECONDS_A_PAGE
        return min(math.floor(2 * used + 0.5) + 1, self._grown, self._most)

    def grows_at(self, now: float) -> float:
        """When it will be wider by waiting alone, on Trio's clock; infinity if it will not."""
        width = self.width(now)
        if self._latency is not None or not self._rate or width >= min(MOST_BEFORE_AN_ANSWER, self._most):
            return math.inf
        return self._began + width / self._rate

    def statistics(self) -> PrefetchWindowStatistics:
        """What it goes by."""
        return PrefetchWindowStatistics(self._latency, self._grown)


Fetch = Callable[[PageRequest], Awaitable[FetchedPage]]


class LookaheadStatistics(msgspec.Struct, frozen=True):
    """``in_flight`` requests now, and the most there ever were; ``waiting`` pages that came before their turn."""

    in_flight: int
    peak_in_flight: int
    waiting: int


class _Slot:
    """A page that is being fetched, or has been."""

    def __init__(self, request: PageRequest) -> None:
        self.request = request
        self.scope = trio.CancelScope()
        self.outcome: FetchedPage | FetchError | None = None


class Prefetcher:
    """Keeps as many pages in flight as its window is wide, and gives them out in their order.

    ``next_requests`` tells which pages are wanted, the current one first: no more than so many, and whether the end is
    known. What arrives before its turn waits; what is not wanted any more is dropped.
    """

    def __init__(
        self,
        fetch: Fetch,
        next_requests: Callable[[int], tuple[Sequence[PageRequest], bool]],
        *,
        window: PrefetchWindow,
        reach: int,
        nursery: trio.Nursery,
    ) -> None:
        self._fetch = fetch
        self._next_requests = next_requests
        self._window = window
        self._reach = reach
        self._nursery = nursery
        self._slots: dict[int, _Slot] = {}
        self._peak = 0
        self._changed = trio.Event()

    async def take(self) -> FetchedPage:
        """Wait for the current page.

        A cancellation leaves what arrived to :meth:`arrived`.

        Raises:
            FetchError: when it does not come, for whatever reason its fetching gave.
        """
        next_requests, end_known = self._next_requests(1)
        if end_known:
            self._window.end_is_known()
        if self._is_alone():
            arrival = await self._fetch(next_requests[0])
            self._window.settled()
            return arrival
        self._refill()
        slot = self._slots[next_requests[0].number]
        while slot.outcome is None:
            with trio.move_on_at(self._window.grows_at(trio.current_time())):
                await self._changed.wait()
            if slot.outcome is None:  # else it decides what is wanted next
                self._refill()
        del self._slots[slot.request.number]
        if isinstance(slot.outcome, FetchError):
            raise slot.outcome
        self._window.settled()
        return slot.outcome

    async def settle(self) -> None:
        """Wait until nothing is in flight any more, without asking for more."""
        while self._in_flight():
            await self._changed.wait()

    def arrived(self) -> Iterator[tuple[int, FetchedPage]]:
        """The pages that came before their turn, in their order; each is given out once."""
        for number in sorted(self._slots):
            if isinstance(arrival := self._slots[number].outcome, FetchedPage):
                del self._slots[number]
                yield number, arrival

    def _refill(self) -> None:
        """Drop what is not wanted any more, and ask for what is, as far as the window is open."""
        next_requests, _ = self._next_requests(self._reach)
        wanted = {request.number: request for request in next_requests}
        for slot in [slot for slot in self._slots.values() if wanted.get(slot.request.number) != slot.request]:
            slot.scope.cancel()
            del self._slots[slot.request.number]
        for place, request in enumerate(next_requests):
            full = self._in_flight() >= self._window.width(trio.current_time())
            if full and place > 0:
                break
            if request.number not in self._slots:
                slot = self._slots[request.number] = _Slot(request)
                self._nursery.start_soon(self._run, slot)
                self._peak = max(self._peak, self._in_flight())

    def _is_alone(self) -> bool:
        """Whether the current page is all that is asked for, so that nobody else need be started for it."""
        now = trio.current_time()
        return not self._slots and self._window.width(now) == 1 and self._window.grows_at(now) == math.inf

    def _in_flight(self) -> int:
        return sum(slot.outcome is None for slot in self._slots.values())

    async def _run(self, slot: _Slot) -> None:
        with slot.scope:
            try:
                slot.outcome = await self._fetch(slot.request)
            except FetchError as error:
                slot.outcome = error
        self._changed.set()
        self._changed = trio.Event()

    def statistics(self) -> LookaheadStatistics:
        """How much is under way."""
        in_flight = self._in_flight()
        return LookaheadStatistics(in_flight, self._peak, len(self._slots) - in_flight)
