"""The server sees the rate kept, even if requests are delayed on their way."""

from collections.abc import Sequence

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from mockapi.limit import RateLimit
from pipeline.fetch.policy.token_bucket import TokenBucket


async def refusals(
    bucket: TokenBucket, limit: RateLimit, delays: Sequence[tuple[float, float]], *, told: bool = True
) -> int:
    """Return how many requests a server refuses that enforces the same limit.

    Each of ``delays`` contains a request's delay before it is sent and its delay on the way to the server.
    """
    refused = 0
    for before, under_way in delays:
        grant = await bucket.acquire()
        await trio.sleep(before)
        if told:
            grant.sent()
        await trio.sleep(under_way)
        refused += limit.refuse(trio.current_time()) is not None
        if told:
            grant.answered()
    return refused


@pytest.mark.virtual_time
async def test_a_slow_connection_delays_the_requests_after_it() -> None:
    """The bucket counts from when a request is sent, so that a handshake of half a second causes no 429 later."""
    delays = [(0.5, 0.0)] + [(0.0, 0.0)] * 20
    assert await refusals(TokenBucket(5, 5), RateLimit(5, 5), delays, told=False) > 0
    assert await refusals(TokenBucket(5, 5), RateLimit(5, 5), delays) == 0


@pytest.mark.virtual_time
async def test_a_slow_first_answer_is_recognized_by_the_second() -> None:
    """A cold server or a busy network at the start causes no 429 after the burst is used up."""
    delays = [(0.0, 0.5)] + [(0.0, 0.0)] * 20
    assert await refusals(TokenBucket(5, 5), RateLimit(5, 5), delays, told=False) > 0
    assert await refusals(TokenBucket(5, 5), RateLimit(5, 5), delays) == 0


@pytest.mark.virtual_time
@pytest.mark.parametrize(("burst", "moments"), [(1, [0, 6, 6.4, 6.6]), (5, [0, 6, 6, 6, 6, 6.2])])
async def test_a_slow_first_answer_costs_its_latency_once(burst: int, moments: list[float]) -> None:
    """The first request had arrived when it was answered, so that later ones wait for one more token at most."""
    bucket, seen = TokenBucket(5, burst), list[float]()
    for number in range(len(moments)):
        grant = await bucket.acquire()
        seen.append(trio.current_time())
        grant.sent()
        await trio.sleep(0 if number else 6)
        grant.answered()
    assert seen == pytest.approx(moments)


@given(
    st.floats(0.5, 20),
    st.integers(1, 6),
    st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2)), min_size=1, max_size=30),
)
def test_whatever_holds_requests_up_the_server_refuses_none(
    rate: float, burst: int, delays: list[tuple[float, float]]
) -> None:
    """Sequential requests keep the rate as the server counts it, for any delays before sending and on the way."""
    bucket_of = lambda: TokenBucket(rate, burst, jitter_allowance=1e-6)  # noqa: E731 - needs a running Trio
    undelayed = (0.0, 0.0)  # shows how fast an answer can be

    async def check() -> int:
        return await refusals(bucket_of(), RateLimit(rate, burst), [undelayed, *delays])

    assert trio.run(check, clock=MockClock(autojump_threshold=0)) == 0


@pytest.mark.virtual_time
async def test_an_answer_without_delay_changes_nothing() -> None:
    """Reports of a request that was sent at once and answered as fast as any do not change the bucket."""
    bucket = TokenBucket(5, 5)
    for _ in range(2):
        grant = await bucket.acquire()
        before = bucket.statistics()
        grant.sent()
        await trio.sleep(0.3)
        grant.answered()
        grant.over()
        assert bucket.statistics() == before


@pytest.mark.virtual_time
async def test_a_late_answer_counts_for_all_granted_since() -> None:
    """When a slow request is answered late, the tokens that were granted meanwhile count from its arrival."""
    bucket = TokenBucket(1, 4)
    slow = await bucket.acquire()
    slow.sent()
    fast = await bucket.acquire()
    fast.sent()
    fast.answered()
    await trio.sleep(1.5)
    slow.answered()
    # It arrived at 1.5 at the latest, and the other one after it: 1.5 + 2 tokens - 3 of the burst.
    assert bucket.statistics().next_grant_at == trio.current_time() + 2 - 3


@pytest.mark.virtual_time
async def test_a_request_without_an_answer_may_have_arrived_last() -> None:
    """After a timeout the server may have counted the request just now; one that was never sent does not count."""
    bucket = TokenBucket(1, 1)
    lost = await bucket.acquire()
    lost.sent()
    await trio.sleep(8)
    lost.over()
    assert bucket.statistics().next_grant_at == trio.current_time() + 1
    unsent = await bucket.acquire()
    await trio.sleep(8)
    unsent.over()
    unsent.answered()
    assert bucket.statistics().next_grant_at == trio.current_time() - 7


@pytest.mark.virtual_time
async def test_without_a_limit_nothing_is_held_back() -> None:
    """With rate 0, late answers delay no request."""
    bucket = TokenBucket(0, 1)
    for took in (2.0, 1.0, 3.0):
        grant = await bucket.acquire()
        grant.sent()
        await trio.sleep(took)
        grant.answered()
        assert bucket.statistics().next_grant_at <= trio.current_time()
