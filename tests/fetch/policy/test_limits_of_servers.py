"""Whatever limit a server enforces, the walk ends complete, and few requests are refused."""

import math

import httpx
import trio
from helpers.support import FakeApi, reply, walk
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from mockapi.quota import KINDS, Quota
from pipeline.config.endpoint import RateLimit, Retry
from pipeline.model.summary import Status

# A bucket that counts refusals and leaks less than this many requests a second is refilled by requests a minute apart.
LEAST_LEAK = 1 / 30


class LimitedApi(FakeApi):
    """A fake API that refuses requests beyond its quota, without headers or with ``Retry-After``."""

    def __init__(self, pages: int, quota: Quota, latency: float = 0.02) -> None:
        super().__init__(pages, latency=latency)
        self._quota = quota
        self._limit = quota.limit(0, 1)
        self.refused = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        standing = self._limit.ask(trio.current_time())
        if standing.wait is None:
            return await super().handle_async_request(request)
        self.refused += 1
        await trio.sleep(self.latency)
        return reply(429) if self._quota.silent else reply(429, Retry_After=str(math.ceil(standing.wait)))


@st.composite
def quotas(draw: st.DrawFn) -> Quota:
    """Draw a limit from one request a minute to ten a second, in a window of 1 to 60 s."""
    seconds = draw(st.integers(1, 60))
    requests = draw(st.integers(1, 10 * seconds))
    kind = draw(st.sampled_from(sorted(KINDS)))
    quota = Quota(requests, seconds, kind, counts_refusals=draw(st.booleans()), silent=draw(st.booleans()))
    assume(not (kind == "bucket" and quota.counts_refusals) or requests / seconds >= LEAST_LEAK)
    return quota


LIMITS = st.builds(
    RateLimit,
    rps=st.one_of(st.just(0.0), st.floats(0.2, 30)),
    burst=st.integers(1, 20),
    concurrency=st.integers(1, 8),
)


@settings(max_examples=200)
@given(quotas(), LIMITS, st.integers(0, 60), st.sampled_from([0.0, 0.02, 0.3, 1.0]))
def test_any_limit_is_found_with_few_refusals(quota: Quota, ours: RateLimit, pages: int, latency: float) -> None:
    """All pages come before a deadline of five times the least time, and the refusals are bounded.

    The bound is one for each request under way, one for each doubling of the pause up to twice the window, and eight
    more for the search of the rate. The deadline also has room for the longest pauses.
    """

    async def main() -> tuple[int, Status, int]:
        api = LimitedApi(pages, quota, latency)
        each = quota.seconds / quota.requests + latency + (1 / ours.rps if ours.rps else 0)
        deadline = 5 * (pages + 1) * each + 4 * quota.seconds + 130
        fetcher, sent = await walk(api, timeout=deadline, rate_limit=ours, retry=Retry())
        return len(sent), fetcher.result().status, api.refused

    came, status, refused = trio.run(main, clock=MockClock(autojump_threshold=0))
    assert (came, status) == (pages, "complete")
    assert refused <= ours.concurrency + math.log2(2 * quota.seconds) + 8


def refusals(quota: Quota, pages: int, **ours: float) -> tuple[int, float]:
    """Walk a server with this quota on the default limit, and return the number of refusals and the seconds."""

    async def main() -> tuple[int, float]:
        api = LimitedApi(pages, quota)
        fetcher, sent = await walk(api, rate_limit=RateLimit(**ours), retry=Retry())  # type: ignore[arg-type]  # all are floats
        assert (len(sent), fetcher.result().status) == (pages, "complete")
        return api.refused, trio.current_time()

    return trio.run(main, clock=MockClock(autojump_threshold=0))


def test_ten_in_ten_seconds_with_refusals_that_count() -> None:
    """17 pages cost 6 refusals and 35 s at the most, without a word from the server about its limit."""
    refused, seconds = refusals(Quota(10, 10, "sliding", counts_refusals=True, silent=True), 17)
    assert refused <= 6
    assert seconds <= 35


def test_ten_in_thirty_seconds_with_refusals_that_count() -> None:
    """17 pages are fetched within 100 s."""
    refused, seconds = refusals(Quota(10, 30, "sliding", counts_refusals=True, silent=True), 17)
    assert refused <= 7
    assert seconds <= 100


def test_two_a_second_without_a_burst() -> None:
    """Two requests are refused at the most."""
    assert refusals(Quota(1, 0.5, "bucket", silent=True), 17)[0] <= 2


def test_five_a_second_in_a_sliding_window() -> None:
    """The configured burst of 5 at 5 a second is refused once, also in a long walk."""
    for pages in (17, 300):
        assert refusals(Quota(5, 1, "sliding", silent=True), pages)[0] == 1


def test_a_lower_limit_is_found_from_no_limit_at_all() -> None:
    """With `rps: 0` the rate follows from what passed."""
    refused, seconds = refusals(Quota(10, 10, "fixed", silent=True), 40, rps=0.0)
    assert refused <= 12
    assert seconds <= 80
