"""Takes pages from the channel into worker threads, in batches, several at once."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import trio

from pipeline.model import NormalizedPage, Page
from pipeline.normalize.mapping import normalize_batch

# Under backlog a batch takes what waits, up to so many records: more would keep the event loop waiting.
MAX_BATCH = 1_000

Hop = Callable[[Sequence[Page]], Awaitable[list[NormalizedPage]]]


class ConsumerStatistics(msgspec.Struct, frozen=True):
    """``hops`` into a thread so far, the most that were under way at once, and the most records one carried."""

    hops: int
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
        hop: Hop | None = None,
    ) -> None:
        self._deliver = deliver
        self._normalize = normalize
        self._workers = workers
        self._batch_size = batch_size
        self._limiter = trio.CapacityLimiter(workers)
        self._hop = hop or self._hop_into_thread
        self._hops = 0
        self._in_flight = 0
        self._peak_in_flight = 0
        self._largest_batch = 0

    async def run(self, receive: trio.MemoryReceiveChannel[Page]) -> None:
        """Work until the channel is closed and empty; closes ``receive``.

        A cancellation waits for the hops under way, and loses what waits in the channel.
        """
        async with trio.open_nursery() as nursery:
            for _ in range(self._workers):
                nursery.start_soon(self._work, receive.clone())
            receive.close()

    async def _work(self, receive: trio.MemoryReceiveChannel[Page]) -> None:
        with receive:
            async for page in receive:
                batch = self._batch_from(page, receive)
                self._in_flight += 1
                self._peak_in_flight = max(self._peak_in_flight, self._in_flight)
                try:
                    normalized = await self._hop(batch)
                finally:
                    self._in_flight -= 1
                for result in normalized:
                    self._deliver(result)

    async def _hop_into_thread(self, batch: Sequence[Page]) -> list[NormalizedPage]:
        return await trio.to_thread.run_sync(self._normalize, batch, limiter=self._limiter)

    def _batch_from(self, page: Page, receive: trio.MemoryReceiveChannel[Page]) -> list[Page]:
        """The page and those that wait behind it: up to the aim, and further where the other workers can't keep up."""
        batch = [page]
        records = len(page.records)
        while True:
            backlog = receive.statistics().current_buffer_used > self._workers
            if records >= (MAX_BATCH if backlog else self._batch_size):
                break
            try:
                batch.append(receive.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                break
            records += len(batch[-1].records)
        self._hops += 1
        self._largest_batch = max(self._largest_batch, records)
        return batch

    def statistics(self) -> ConsumerStatistics:
        """A snapshot of the consumer."""
        return ConsumerStatistics(
            hops=self._hops, peak_in_flight=self._peak_in_flight, largest_batch=self._largest_batch
        )
