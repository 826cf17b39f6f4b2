"""The throttle under a virtual clock: pauses, one request at a time, quotas, and the room that it makes."""

import math
from functools import partial
from itertools import pairwise
from random import Random

import httpx
import pytest
import trio
from helpers.enforcing import EnforcingApi
from helpers.support import FakeApi, ok, records, reply, walk

from pipeline.config.endpoint import RateLimit
from pipeline.errors import DeadlineNearError
from pipeline.fetch.policy.quota import Quota, seconds_until_quota, tightest_quota
from pipeline.fetch.policy.throttle import Throttle
from pipeline.fetch.policy.token_bucket import TokenBucket

pytestmark = pytest.mark.virtual_time


async def passes(throttle: Throttle, took: float = 0.0) -> float:
    """Send a request that passes, and return when it left."""
    with await throttle.acquire() as turn:
        turn.sent()
        await trio.sleep(took)
        turn.answered()
        turn.passed()
        return turn.began_at


async def is_refused(throttle: Throttle, asked: float | None = None) -> float:
    """Send a request that is refused at once, and return when it left."""
    with await throttle.acquire() as turn:
        turn.sent()
        turn.answered()
        turn.refused(asked)
        return turn.began_at


async def test_pauses_double_from_the_base_delay_to_a_minute() -> None:
    """Refusals in a row without a time to wait cost 0.5, 1, 2, 4 seconds and so on, and 60 s at the most."""
    throttle = Throttle(0, 1, 8)
    moments = [await is_refused(throttle) for _ in range(11)]
    pauses = [after - before for before, after in pairwise(moments)]
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60])


async def test_a_request_that_passes_ends_the_doubling() -> None:
    """The next refusal begins with the base delay again."""
    throttle = Throttle(0, 1, 8, base_delay=0.25)
    await is_refused(throttle)
    await is_refused(throttle)
    await passes(throttle)
    before = await is_refused(throttle)
    assert await is_refused(throttle) - before == pytest.approx(0.25)


async def test_jitter_is_only_added_to_a_pause() -> None:
    """With a jitter of 1 a pause is between the plain one and twice that."""
    rng, pauses = Random(1), list[float]()
    for _ in range(50):
        throttle = Throttle(0, 1, 8, jitter=1, rng=rng)
        before = await is_refused(throttle)
        pauses.append(await passes(throttle) - before)
    assert 0.5 <= min(pauses) < 0.6
    assert 0.9 < max(pauses) <= 1.0


async def test_a_base_delay_of_zero_is_no_endless_loop() -> None:
    """The first pause is a tenth of a second at the least."""
    throttle = Throttle(0, 1, 8, base_delay=0)
    before = await is_refused(throttle)
    assert await is_refused(throttle) - before == pytest.approx(0.1)


async def test_the_time_that_the_server_names_replaces_the_pause() -> None:
    """If that was too short, the pauses double beside it, and the longer one applies."""
    throttle = Throttle(0, 1, 8)
    moments = [await is_refused(throttle, asked=3) for _ in range(6)]
    pauses = [after - before for before, after in pairwise(moments)]
    assert pauses == pytest.approx([3, 3, 3, 3, 4])


async def test_after_a_refusal_the_burst_is_repaid_and_never_comes_back() -> None:
    """Six requests at 5 a second leave room for the next one 1.2 s after the first, and none leaves at once again."""
    throttle = Throttle(5, 5, 8)
    for _ in range(5):
        await passes(throttle)
    await is_refused(throttle)
    assert await passes(throttle) == pytest.approx(1.2, abs=0.03)
    await trio.sleep(100)
    first, second = await passes(throttle), await passes(throttle)
    assert second - first > 0.2


async def test_requests_leave_one_at_a_time_until_one_passes() -> None:
    """After a refusal, one request is under way at most; once it passes, the others follow at the rate."""
    throttle = Throttle(0, 1, 8)
    left: list[float] = []
    for _ in range(10):
        await passes(throttle)
        await trio.sleep(0.1)

    async def visit() -> None:
        left.append(await passes(throttle, took=7))

    await is_refused(throttle)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(visit)
    assert left[0] == pytest.approx(1.5)
    assert left[1] >= 8.5
    assert left[2] - left[1] < 7


@pytest.mark.parametrize(
    ("is_cancelled", "order"), [(False, [("repeated", 0.5), ("waits", 1.5)]), (True, [("waits", 0.5)])]
)
async def test_a_refused_request_is_repeated_before_others_are_sent(
    is_cancelled: bool, order: list[tuple[str, float]]
) -> None:
    """It goes ahead of those that waited before it; if it is cancelled, they move up."""
    throttle, left = Throttle(0, 1, 8), list[tuple[str, float]]()

    async def visit(name: str, *, repeats: bool) -> None:
        with await throttle.acquire(repeats=repeats) as turn:
            left.append((name, trio.current_time()))
            await trio.sleep(1)
            turn.passed()

    async with trio.open_nursery() as nursery:
        await is_refused(throttle)
        nursery.start_soon(partial(visit, "waits", repeats=False))
        await trio.sleep(0.2)
        async with trio.open_nursery() as repeating:
            repeating.start_soon(partial(visit, "repeated", repeats=True))
            await trio.sleep(0.1)
            if is_cancelled:
                repeating.cancel_scope.cancel()
    assert left == order


async def test_concurrent_requests_that_are_refused_cost_one_pause() -> None:
    """Requests that were under way at the refusal belong to it, and the pause does not double for each."""
    throttle = Throttle(0, 1, 8)
    turns = [await throttle.acquire() for _ in range(5)]
    await trio.sleep(1)
    for turn in turns:
        with turn:
            turn.refused()
    assert await passes(throttle) == pytest.approx(1.5)


async def test_no_more_requests_are_in_flight_than_the_concurrency() -> None:
    """The limit holds for all tasks together, whichever endpoint they belong to."""
    throttle = Throttle(0, 1, 3)
    under_way = most = 0

    async def visit() -> None:
        nonlocal under_way, most
        with await throttle.acquire():
            under_way += 1
            most = max(most, under_way)
            await trio.sleep(1)
            under_way -= 1

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(visit)
        await trio.sleep(0.5)
        assert throttle.must_wait()
        assert throttle.statistics().tasks_waiting == 7
    assert (most, trio.current_time()) == (3, 4)


async def test_a_cancelled_waiter_takes_nothing() -> None:
    """The next one in line gets its turn at the same time."""
    throttle = Throttle(1, 1, 1)
    await passes(throttle)
    with trio.move_on_after(0.5):
        await throttle.acquire()
    assert throttle.statistics().granted == 1
    assert await passes(throttle) == pytest.approx(1.05)


async def test_whoever_is_interested_is_told_of_each_pause() -> None:
    """Endpoints that share a throttle learn of the pauses that the others were told to make."""
    throttle, told = Throttle(0, 1, 8), list[float]()
    throttle.on_pause(told.append)
    await passes(throttle)
    assert told == []
    await is_refused(throttle, asked=3)
    assert told == [3]
    with await throttle.acquire() as turn:
        turn.heed(Quota(0, 10))
    assert told == [3, 13]


@pytest.mark.parametrize("latency", [0.02, 0.5])
async def test_a_server_that_allows_less_than_ours_is_found_out(latency: float) -> None:
    """With 3 of our 5 requests a second allowed, all pages are fetched, few requests refused, most of the rate used."""
    api = EnforcingApi(200, [latency], rate=3, burst=3)
    fetcher, pages = await walk(api, rate_limit=RateLimit(rps=5, burst=5))
    assert (len(pages), fetcher.result().status) == (200, "complete")
    assert api.refused <= 10
    assert trio.current_time() <= 200 / 3 * 1.1


async def test_one_refusal_is_forgotten_in_time() -> None:
    """After one refusal 95 % of the configured rate is reached again, if the server allows it."""
    api = FakeApi(150, script={5: [reply(429)]})
    fetcher, pages = await walk(api, rate_limit=RateLimit(rps=5, burst=1))
    assert len(pages) == 150
    last = [after - before for before, after in pairwise(api.times)][-5:]
    assert max(last) < 0.22 / 0.95
    assert fetcher.result().fitting_rps == 4.7


@pytest.mark.parametrize(
    "headers",
    [
        {"X-RateLimit-Remaining": "2", "X-RateLimit-Reset": "7"},
        {"RateLimit": '"daily";r=500;t=9999, "default";r=2;t=7'},
        {"X-Rate-Limit-Requests-Left": "2", "X-Rate-Limit-Time-Reset-Ms": "7000"},
    ],
)
def test_remaining_requests_are_read_with_the_time_until_the_reset(headers: dict[str, str]) -> None:
    """Of several quotas, the one with the fewest requests left is returned."""
    assert tightest_quota(httpx.Headers(headers), 0) == Quota(2, 7)
    assert seconds_until_quota(httpx.Headers(headers), 0) is None


async def test_no_more_tokens_are_granted_than_a_quota_leaves() -> None:
    """Grants made before the answer count against the quota; an answer to an earlier request changes nothing."""
    bucket = TokenBucket(0, 1)
    first, second, _ = [await bucket.acquire() for _ in range(3)]
    second.leaves(3, until=60)
    first.leaves(1000, until=1)
    for moment in (0, 0, 60, 60):
        await bucket.acquire()
        assert trio.current_time() == moment


async def test_an_announced_budget_is_kept_by_many_requests_together() -> None:
    """A quota of 10 requests per 10 s, announced with each answer, is never exceeded, although our rate is tenfold."""

    class Budget(FakeApi):
        def __init__(self) -> None:
            super().__init__(60)
            self.window_ends, self.used, self.refused = -math.inf, 0, 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            now = trio.current_time()
            if now >= self.window_ends:
                self.window_ends, self.used = now + 10, 0
            if self.used >= 10:
                self.refused += 1
                return reply(429)
            self.used += 1
            headers = {"X-RateLimit-Remaining": str(10 - self.used), "X-RateLimit-Reset": str(self.window_ends - now)}
            await trio.sleep(0.4)
            page = int(request.url.params["page"])
            response = ok(records(page) if page <= 60 else [])
            response.headers.update(headers)
            return response

    api = Budget()
    fetcher, pages = await walk(api, rate_limit=RateLimit(rps=10, burst=10))
    assert (len(pages), api.refused, fetcher.result().status) == (60, 0, "complete")


async def test_a_pause_past_the_deadline_fails_all_waiting_tasks() -> None:
    """All waiting tasks raise DeadlineNearError, including those that waited before the pause was set."""
    bucket = TokenBucket(1, 1)
    await bucket.acquire()
    told: list[float] = []

    async def ask() -> None:
        with pytest.raises(DeadlineNearError, match="allows no request for another 499 s"):
            await bucket.acquire()
        told.append(trio.current_time())

    with trio.fail_after(100):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)
            await trio.sleep(0.5)
            bucket.pause_until(500)
    assert told == [pytest.approx(1)] * 3
