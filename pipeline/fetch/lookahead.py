"""Fetches pages before their turn, so that several are in flight while they are taken one after the other."""

import math
from collections.abc import Awaitable, Callable, Iterator, Sequence

import msgspec
import trio

from pipeline.errors import FetchError
from pipeline.fetch.paging import Wish
from pipeline.fetch.resilient import Arrival
from pipeline.fetch.window import Window

Fetch = Callable[[Wish], Awaitable[Arrival]]


class LookaheadStatistics(msgspec.Struct, frozen=True):
    """``in_flight`` requests now, and the most there ever were; ``waiting`` pages that came before their turn."""

    in_flight: int
    peak_in_flight: int
    waiting: int


class _Slot:
    """A page that is being fetched, or has been."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.scope = trio.CancelScope()
        self.outcome: Arrival | FetchError | None = None


class Lookahead:
    """Keeps as many pages in flight as its window is wide, and gives them out in their order.

    ``wishes`` tells which pages are wanted, the current one first: no more than so many, and whether the end is
    known. What arrives before its turn waits; what is not wanted any more is dropped.
    """

    def __init__(
        self,
        fetch: Fetch,
        wishes: Callable[[int], tuple[Sequence[Wish], bool]],
        *,
        window: Window,
        reach: int,
        nursery: trio.Nursery,
    ) -> None:
        self._fetch = fetch
        self._wishes = wishes
        self._window = window
        self._reach = reach
        self._nursery = nursery
        self._slots: dict[int, _Slot] = {}
        self._peak = 0
        self._changed = trio.Event()

    async def take(self) -> Arrival:
        """Wait for the current page.

        A cancellation leaves what arrived to :meth:`arrived`.

        Raises:
            FetchError: when it does not come, for whatever reason its fetching gave.
        """
        wishes, end_known = self._wishes(1)
        if end_known:
            self._window.end_is_known()
        if self._is_alone():
            arrival = await self._fetch(wishes[0])
            self._window.settled()
            return arrival
        self._refill()
        slot = self._slots[wishes[0].number]
        while slot.outcome is None:
            with trio.move_on_at(self._window.grows_at(trio.current_time())):
                await self._changed.wait()
            if slot.outcome is None:  # else it decides what is wanted next
                self._refill()
        del self._slots[slot.wish.number]
        if isinstance(slot.outcome, FetchError):
            raise slot.outcome
        self._window.settled()
        return slot.outcome

    async def settle(self) -> None:
        """Wait until nothing is in flight any more, without asking for more."""
        while self._in_flight():
            await self._changed.wait()

    def arrived(self) -> Iterator[tuple[int, Arrival]]:
        """The pages that came before their turn, in their order; each is given out once."""
        for number in sorted(self._slots):
            if isinstance(arrival := self._slots[number].outcome, Arrival):
                del self._slots[number]
                yield number, arrival

    def _refill(self) -> None:
        """Drop what is not wanted any more, and ask for what is, as far as the window is open."""
        wishes, _ = self._wishes(self._reach)
        wanted = {wish.number: wish for wish in wishes}
        for slot in [slot for slot in self._slots.values() if wanted.get(slot.wish.number) != slot.wish]:
            slot.scope.cancel()
            del self._slots[slot.wish.number]
        for place, wish in enumerate(wishes):
            full = self._in_flight() >= self._window.width(trio.current_time())
            if full and place > 0:
                break
            if wish.number not in self._slots:
                slot = self._slots[wish.number] = _Slot(wish)
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
                slot.outcome = await self._fetch(slot.wish)
            except FetchError as error:
                slot.outcome = error
        self._changed.set()
        self._changed = trio.Event()

    def statistics(self) -> LookaheadStatistics:
        """How much is under way."""
        in_flight = self._in_flight()
        return LookaheadStatistics(in_flight, self._peak, len(self._slots) - in_flight)
