"""The consumer: batches, worker threads, backpressure and cancellation."""

import threading
from collections.abc import Sequence

import msgspec
import pytest
import trio
from helpers.support import dispatch_inline, records

from pipeline.model.pages import NormalizedPage, Page
from pipeline.normalize.consumer import DISPATCH_INTERVAL, MAX_BATCH, Consumer
from pipeline.normalize.normalizer import normalize_batch


def page(number: int, count: int = 3) -> Page:
    raw = [msgspec.Raw(msgspec.json.encode(record)) for record in records(number, count)]
    return Page("shop", number, raw)


async def consume(pages: Sequence[Page], **options: object) -> tuple[Consumer, list[NormalizedPage]]:
    """Run a consumer on pages that already wait in the channel."""
    delivered: list[NormalizedPage] = []
    consumer = Consumer(delivered.append, **{"workers": 4, "batch_size": 50, **options})
    send, receive = trio.open_memory_channel[Page](len(pages))
    with send:
        for each in pages:
            send.send_nowait(each)
    await consumer.run(receive)
    return consumer, delivered


async def test_every_page_is_delivered_once() -> None:
    """Each page is delivered exactly once, regardless of batching."""
    _, delivered = await consume([page(number) for number in range(1, 38)])
    assert sorted(result.number for result in delivered) == list(range(1, 38))
    assert all(result.records == 3 for result in delivered)


async def test_normalizing_happens_in_worker_threads_under_the_limit() -> None:
    """Batches are normalized in at most `workers` threads, none of which is the event loop's."""
    main, seen, active, peak = threading.get_ident(), set(), set(), []

    async def dispatch(batch: Sequence[Page]) -> list[NormalizedPage]:
        def work() -> list[NormalizedPage]:
            seen.add(threading.get_ident())
            active.add(token := object())
            peak.append(len(active))
            threading.Event().wait(0.02)
            active.discard(token)
            return normalize_batch(batch)

        return await trio.to_thread.run_sync(work, limiter=trio.CapacityLimiter(100))

    consumer, delivered = await consume([page(n, MAX_BATCH) for n in range(1, 9)], workers=3, dispatch=dispatch)
    assert len(delivered) == 8
    assert main not in seen
    assert max(peak) == consumer.statistics().peak_in_flight == 3


async def test_the_default_dispatch_leaves_the_event_loop() -> None:
    """By default the consumer normalizes in a thread, and the event loop keeps running."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        _, delivered = await consume([page(1, 500)])
        nursery.cancel_scope.cancel()
    assert len(delivered) == 1
    assert ticks > 3


@pytest.mark.virtual_time
async def test_a_batch_aims_at_its_size() -> None:
    """Small waiting pages are combined until a batch has `batch_size` records."""
    consumer, _ = await consume([page(n, 20) for n in range(1, 4)], workers=1, dispatch=dispatch_inline)
    assert (consumer.statistics().dispatches, consumer.statistics().largest_batch) == (1, 60)


@pytest.mark.virtual_time
async def test_under_backlog_a_batch_takes_what_waits_up_to_the_most() -> None:
    """If more pages wait than there are workers, one dispatch takes up to `MAX_BATCH` records."""
    consumer, delivered = await consume([page(n, 100) for n in range(1, 41)], dispatch=dispatch_inline)
    assert len(delivered) == 40
    assert consumer.statistics().largest_batch == MAX_BATCH
    assert consumer.statistics().dispatches < 10


@pytest.mark.virtual_time
async def test_pages_that_come_fast_share_a_dispatch() -> None:
    """The first page is dispatched at once; pages that arrive within the interval after it share a dispatch."""
    batches: list[tuple[float, list[int]]] = []

    async def dispatch(batch: Sequence[Page]) -> list[NormalizedPage]:
        batches.append((round(trio.current_time() - start, 6), [each.number for each in batch]))
        return await dispatch_inline(batch)

    consumer = Consumer(lambda result: None, workers=4, batch_size=1, dispatch=dispatch)
    send, receive = trio.open_memory_channel[Page](100)
    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(consumer.run, receive)
        with send:
            for number in range(1, 8):
                await send.send(page(number))
                await trio.sleep(0.3 * DISPATCH_INTERVAL if number < 6 else 10)
    much_later = round(10 + 5 * 0.3 * DISPATCH_INTERVAL, 6)
    assert batches == [(0.0, [1]), (DISPATCH_INTERVAL, [2, 3, 4]), (2 * DISPATCH_INTERVAL, [5, 6]), (much_later, [7])]


@pytest.mark.virtual_time
async def test_a_full_batch_does_not_wait_for_its_turn() -> None:
    """A full batch is dispatched at once, and so is the rest at the end of the channel, despite the interval."""
    consumer, delivered = await consume([page(n, MAX_BATCH) for n in range(1, 4)] + [page(4)], dispatch=dispatch_inline)
    assert (consumer.statistics().dispatches, len(delivered), trio.current_time()) == (4, 4, 0.0)


@pytest.mark.virtual_time
async def test_a_page_larger_than_a_batch_is_one_batch() -> None:
    """A batch has at least one page, even if that is larger than `batch_size`."""
    consumer, _ = await consume([page(1, 2_000)], dispatch=dispatch_inline)
    assert consumer.statistics().largest_batch == 2_000


@pytest.mark.virtual_time
async def test_a_full_channel_makes_senders_wait() -> None:
    """While the workers are busy, the channel fills to its capacity; then the sender waits."""
    release = trio.Event()

    held = 0

    async def stuck(batch: Sequence[Page]) -> list[NormalizedPage]:
        nonlocal held
        held += len(batch)
        await release.wait()
        return normalize_batch(batch)

    delivered: list[NormalizedPage] = []
    consumer = Consumer(delivered.append, workers=1, batch_size=1, dispatch=stuck)
    send, receive = trio.open_memory_channel[Page](5)
    sent = 0

    async def produce() -> None:
        nonlocal sent
        with send:
            for number in range(1, 21):
                await send.send(page(number))
                sent += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(consumer.run, receive)
        nursery.start_soon(produce)
        await trio.sleep(100)
        assert sent == held + 5
        release.set()
    assert len(delivered) == 20
    assert send.statistics().peak_buffer_used == 5


async def test_a_consumer_that_is_cancelled_lets_no_sender_hang() -> None:
    """If the consumer is cancelled, senders get BrokenResourceError instead of waiting forever."""
    consumer = Consumer(lambda result: None, workers=2, batch_size=1)
    send, receive = trio.open_memory_channel[Page](0)
    with trio.CancelScope() as scope:
        scope.cancel()
        await consumer.run(receive)
    with pytest.raises(trio.BrokenResourceError):
        await send.send(page(1))
