"""The token bucket, under a virtual clock."""

import trio
from pipeline.fetch.bucket import TokenBucket


async def test_burst_at_once_then_one_token_per_interval(autojump_clock: trio.testing.MockClock) -> None:
    """The burst is granted at once, after it one token every 1/rate seconds."""
    bucket = TokenBucket(5, 5)
    start = trio.current_time()
    grants = []
    for _ in range(8):
        await bucket.acquire()
        grants.append(round(trio.current_time() - start, 6))
    assert grants == [0, 0, 0, 0, 0, 0.2, 0.4, 0.6]
