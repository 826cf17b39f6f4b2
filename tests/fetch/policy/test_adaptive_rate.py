"""The adaptive rate falls after refusals, recovers, and never exceeds the configured rate."""

import math
from itertools import pairwise

import httpx
import pytest
import trio
from helpers.enforcing import EnforcingApi
from helpers.support import FakeApi, ok, records, reply, walk
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.settings import RateLimit, Retry
from pipeline.errors import DeadlineNearError
from pipeline.fetch.policy.adaptive_rate import LEAST, AdaptiveRate
from pipeline.fetch.policy.quota import Quota, seconds_until_quota, tightest_quota
from pipeline.fetch.policy.token_bucket import TokenBucket

PATIENT = Retry(max_retries=20, base_delay=0.1, max_delay=1, jitter=0)


def test_a_refusal_costs_a_share_of_the_rate() -> None:
    """Each refusal leaves 70 % of the rate, down to a quarter of the configured rate."""
    rate = AdaptiveRate(10)
    rates = []
    for moment in range(6):
        rate.refused(sent_at=moment, now=moment + 0.5)
        rates.append(round(rate.rate, 3))
    assert rates == [7.0, 4.9, 3.43, 2.5, 2.5, 2.5]


def test_refusals_of_requests_sent_before_the_decrease_are_ignored() -> None:
    """Several concurrent requests that are refused together lower the rate once."""
    rate = AdaptiveRate(10)
    for sent_at in (1.0, 1.1, 1.2, 1.3):
        rate.refused(sent_at, now=2.0)
    assert rate.rate == 7.0


def test_it_recovers_quickly_at_first_and_carefully_near_the_refused_rate() -> None:
    """Each success adds half a request a second, and a fortieth near the refused rate."""
    rate = AdaptiveRate(10)
    rate.refused(0, 0)
    rates = []
    for _ in range(6):
        rate.allowed()
        rates.append(round(rate.rate, 3))
    assert rates == [7.5, 8.0, 8.5, 9.0, 9.025, 9.05]


@given(st.floats(0.01, 1000), st.lists(st.booleans(), max_size=300))
def test_it_never_exceeds_what_is_configured(configured: float, refusals: list[bool]) -> None:
    """Any sequence of refusals and successes leaves it between a quarter of the configured rate and all of it."""
    rate = AdaptiveRate(configured)
    for moment, refused in enumerate(refusals):
        if refused:
            rate.refused(moment, moment)
        else:
            rate.allowed()
        assert configured * LEAST * 0.999 <= rate.rate <= configured


@pytest.mark.virtual_time
@pytest.mark.parametrize("burst", [1, 5])
async def test_a_bucket_that_slows_down_grants_no_burst_before_a_rest(burst: int) -> None:
    """The rest of the burst is lost, and tokens follow each other at the new rate."""
    bucket = TokenBucket(10, burst)
    await bucket.acquire()
    bucket.slow_down(2)
    moments = []
    for _ in range(4):
        await bucket.acquire()
        moments.append(trio.current_time())
    assert [after - before for before, after in pairwise(moments)] == pytest.approx([0.5] * 3)
    bucket.speed_up(10)
    await trio.sleep(100)
    for _ in range(burst):
        await bucket.acquire()
    assert trio.current_time() == pytest.approx(moments[-1] + 100)


@pytest.mark.virtual_time
@pytest.mark.parametrize("latency", [0.02, 0.5])
async def test_a_server_that_allows_less_than_ours_is_found_out(latency: float) -> None:
    """With 3 of our 5 requests a second allowed, all pages are fetched, few requests refused, most of the rate used."""
    api = EnforcingApi(200, [latency], rate=3, burst=3)
    fetcher, pages = await walk(api, rate_limit=RateLimit(rps=5, burst=5), retry=PATIENT)
    assert (len(pages), fetcher.result().status) == (200, "complete")
    assert api.refused <= 20
    assert trio.current_time() <= 200 / 3 * 1.5


@pytest.mark.virtual_time
async def test_one_refusal_is_forgotten_in_time() -> None:
    """After one refusal the configured rate is reached again, if the server allows it."""
    api = FakeApi(150, script={5: [reply(429)]})
    _, pages = await walk(api, rate_limit=RateLimit(rps=5, burst=1))
    assert len(pages) == 150
    last = [after - before for before, after in pairwise(api.times)][-5:]
    assert max(last) < 0.22


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


@pytest.mark.virtual_time
async def test_no_more_tokens_are_granted_than_a_quota_leaves() -> None:
    """Grants made before the answer count against the quota; an answer to an earlier request changes nothing."""
    bucket = TokenBucket(0, 1)
    first, second, _ = [await bucket.acquire() for _ in range(3)]
    second.leaves(3, until=60)
    first.leaves(1000, until=1)
    for moment in (0, 0, 60, 60):
        await bucket.acquire()
        assert trio.current_time() == moment


@pytest.mark.virtual_time
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


@pytest.mark.virtual_time
async def test_a_pause_past_the_deadline_fails_all_waiting_tasks() -> None:
    """All waiting tasks raise DeadlineNearError, including those that waited before the pause was set."""
    bucket = TokenBucket(1, 1)
    await bucket.acquire()
    told: list[float] = []

    async def ask() -> None:
        with pytest.raises(DeadlineNearError, match="quota is used up for another 499 s"):
            await bucket.acquire()
        told.append(trio.current_time())

    with trio.fail_after(100):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)
            await trio.sleep(0.5)
            bucket.pause_until(500)
    assert told == [pytest.approx(1)] * 3
