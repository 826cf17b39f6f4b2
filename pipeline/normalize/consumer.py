"""Normalize pages from a channel in worker threads, in batches, several at once."""

import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import msgspec
import trio

from pipeline.model.pages import LostPage, NormalizedPage, Page
from pipeline.normalize.normalizer import normalize_separately

# Records per batch at most, under backlog: a larger batch would delay the event loop.
MAX_BATCH = 2_000

# Seconds between dispatches of batches that are not full. Each system call of the event loop wakes a thread that waits
# for the interpreter lock, in vain. That costs more than normalizing a page.
DISPATCH_INTERVAL = 0.05

Normalized = Sequence[NormalizedPage | LostPage]
Dispatch = Callable[[Sequence[Page]], Awaitable[Normalized]]


def _raise(page: LostPage) -> None:
    raise page.error


class ConsumerStatistics(msgspec.Struct, frozen=True):
    """Number of dispatches so far, the most in flight at once, and the most records in one batch."""

    dispatches: int
    peak_in_flight: int
    largest_batch: int


class Consumer:
    """A consumer that normalizes the pages of one channel in at most ``workers`` threads.

    ``batch_size`` is the number of records that a batch aims at. ``deliver`` is called with each normalized page on the
    event loop, ``lose`` with each page that could not be normalized. By default that page's exception is raised.
    ``normalize`` is called in a thread. ``dispatch`` replaces the worker threads in tests under a virtual clock, which
    must not wait for real threads.
    """

    def __init__(
        self,
        deliver: Callable[[NormalizedPage], None],
        *,
        lose: Callable[[LostPage], None] = _raise,
        normalize: Callable[[Sequence[Page]], Normalized] = normalize_separately,
        workers: int,
        batch_size: int,
        dispatch: Dispatch | None = None,
    ) -> None:
        self._deliver = deliver
        self._lose = lose
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
        """Normalize pages until the channel is closed and empty, then close ``receive``.

        If cancelled, dispatches in flight are completed and delivered; pages not yet dispatched are lost.
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
            for outcome in normalized:
                if isinstance(outcome, LostPage):
                    self._lose(outcome)
                else:
                    self._deliver(outcome)

    async def _run_in_thread(self, batch: Sequence[Page]) -> Normalized:
        return await trio.to_thread.run_sync(self._normalize, batch, limiter=self._limiter)

    async def _collect(self, receive: trio.MemoryReceiveChannel[Page]) -> list[Page]:
        """Return the next batch; empty at the end of the channel.

        It contains the next page and the pages that arrive until a dispatch is due, up to ``MAX_BATCH`` records. It is
        filled with waiting pages to ``batch_size`` records, or to ``MAX_BATCH`` if more pages wait than workers.
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
        """Return a snapshot of the counters."""
        return ConsumerStatistics(
            dispatches=self._dispatches, peak_in_flight=self._peak_in_flight, largest_batch=self._largest_batch
        )
