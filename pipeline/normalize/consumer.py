"""Takes pages from the channel into worker threads, in batches, several at once."""

import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import msgspec
import trio

from pipeline.model.pages import NormalizedPage, Page
from pipeline.normalize.normalizer import normalize_batch

# Under backlog a batch takes what waits, up to so many records: more would keep the event loop waiting.
MAX_BATCH = 2_000

# Hops begin so many seconds apart, unless they are full. While a thread waits for the interpreter's lock, each system
# call of the event loop wakes it for nothing: that costs more than normalizing a page does.
DISPATCH_INTERVAL = 0.05

Dispatch = Callable[[Sequence[Page]], Awaitable[list[NormalizedPage]]]


class ConsumerStatistics(msgspec.Struct, frozen=True):
    """``hops`` into a thread so far, the most that were under way at once, and the most records one carried."""

    dispatches: int
    peak_in_flight: int
    largest_batch: int


class Consumer:
    """Normalizes the pages of one channel in up to ``workers`` threads, ``batch_size`` records or more at a time.

    ``deliver`` gets each normalized page, on the event loop; ``normalize`` is done in a thread. ``hop`` replaces the
    worker threads in tests under a virtual clock, which must not wait for real threads.
    """

    def __init__(
        self,
        deliver: Callable[[NormalizedPage], None],
        *,
        normalize: Callable[[Sequence[Page]], list[NormalizedPage]] = normalize_batch,
        workers: int,
        batch_size: int,
        dispatch: Dispatch | None = None,
    ) -> None:
        self._deliver = deliver
        self._normalize = normalize
        self._workers = workers
        self._batch_size = batch_size
        self._limiter = trio.CapacityLimiter(workers)
        self._dispatch = dispatch or self._run_in_thread
        self._collecting = trio.Lock()
        self._last_dispatch_at = -math.inf
        self._dispatches = 0
        self._in_flight = 0
        self._peak_in_flight = 0
        self._largest_batch = 0

    async def run(self, receive: trio.MemoryReceiveChannel[Page]) -> None:
        """Work until the channel is closed and empty; closes ``receive``.

        A cancellation waits for the hops under way, and loses what waits for one.
        """
        with receive:
            async with trio.open_nursery() as nursery:
                for _ in range(self._workers):
                    nursery.start_soon(self._work, receive)

    async def _work(self, receive: trio.MemoryReceiveChannel[Page]) -> None:
        while True:
            async with self._collecting:
                batch = await self._collect(receive)
            if not batch:
                return
            self._in_flight += 1
            self._peak_in_flight = max(self._peak_in_flight, self._in_flight)
            try:
                normalized = await self._dispatch(batch)
            finally:
                self._in_flight -= 1
            for result in normalized:
                self._deliver(result)

    async def _run_in_thread(self, batch: Sequence[Page]) -> list[NormalizedPage]:
        return await trio.to_thread.run_sync(self._normalize, batch, limiter=self._limiter)

    async def _collect(self, receive: trio.MemoryReceiveChannel[Page]) -> list[Page]:
        """The next page, what comes until a hop is due, and what waits by then; nothing when there is no more.

        That is as many records as the aim, or the most where pages come faster than the workers or the hops.
        """
        batch: list[Page] = []
        records = 0
        with suppress(trio.EndOfChannel, trio.WouldBlock):
            batch.append(await receive.receive())
            records = len(batch[0].records)
            with trio.move_on_at(self._last_dispatch_at + DISPATCH_INTERVAL):
                while records < MAX_BATCH:
                    batch.append(await receive.receive())
                    records += len(batch[-1].records)
            while records < (MAX_BATCH if self._is_behind(receive) else self._batch_size):
                batch.append(receive.receive_nowait())
                records += len(batch[-1].records)
        if batch:
            self._last_dispatch_at = trio.current_time()
            self._dispatches += 1
            self._largest_batch = max(self._largest_batch, records)
        return batch

    def _is_behind(self, receive: trio.MemoryReceiveChannel[Page]) -> bool:
        return receive.statistics().current_buffer_used > self._workers

    def statistics(self) -> ConsumerStatistics:
        """A snapshot of the consumer."""
        return ConsumerStatistics(
            dispatches=self._dispatches, peak_in_flight=self._peak_in_flight, largest_batch=self._largest_batch
        )
