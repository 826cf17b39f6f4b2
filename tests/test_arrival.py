"""What the server sees of the token bucket when requests are held up on their way out."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from mockapi.limit import RateLimit
from pipeline.fetch.bucket import TokenBucket


async def refusals(bucket: TokenBucket, limit: RateLimit, delays: list[float], *, told: bool) -> int:
    """How many requests a server refuses that enforces the same limit, when each is held up before it is sent."""
    refused = 0
    for delay in delays:
        await bucket.acquire()
        await trio.sleep(delay)
        if told:
            bucket.arrives_at(trio.current_time())
        refused += limit.refuse(trio.current_time()) is not None
    return refused


@pytest.mark.virtual_time
async def test_a_slow_connection_makes_those_behind_it_wait() -> None:
    """The bucket counts from when a request goes out: a handshake of half a second costs no 429 behind it."""
    delays = [0.5] + [0.0] * 20
    assert await refusals(TokenBucket(5, 5), RateLimit(5, 5), delays, told=False) > 0
    assert await refusals(TokenBucket(5, 5), RateLimit(5, 5), delays, told=True) == 0


@given(st.floats(0.5, 20), st.integers(1, 6), st.lists(st.floats(0, 2), min_size=1, max_size=30))
def test_whatever_holds_requests_up_the_server_refuses_none(rate: float, burst: int, delays: list[float]) -> None:
    """One after another, however late each is sent, requests keep the rate as their server counts it."""
    bucket_of = lambda: TokenBucket(rate, burst, jitter_allowance=1e-6)  # noqa: E731 - needs a running Trio

    async def check() -> int:
        return await refusals(bucket_of(), RateLimit(rate, burst), delays, told=True)

    assert trio.run(check, clock=MockClock(autojump_threshold=0)) == 0


@pytest.mark.virtual_time
async def test_an_arrival_of_the_past_changes_nothing() -> None:
    """Being told of a request that went out at once leaves the bucket as it was."""
    bucket = TokenBucket(5, 5)
    await bucket.acquire()
    before = bucket.statistics()
    bucket.arrives_at(trio.current_time())
    assert bucket.statistics() == before
