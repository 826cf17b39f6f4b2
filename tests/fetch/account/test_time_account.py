"""An endpoint's time under a virtual clock: exact to the millisecond, and the parts add up to the whole."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
import trio
from helpers.support import FakeApi, reply, walk
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from pipeline.config.endpoint import Breaker, RateLimit
from pipeline.fetch.account.time_account import TimeAccount
from pipeline.model.metrics import Activity, TimeSpent

PROMPT = RateLimit(rps=100, burst=100, concurrency=1)


def virtually(main: Callable[[], Awaitable[TimeSpent]]) -> TimeSpent:
    """Run under a new virtual clock."""
    return trio.run(main, clock=MockClock(autojump_threshold=0))


async def time_of(api: FakeApi, **changes: object) -> TimeSpent:
    fetcher, _ = await walk(api, **changes)
    return fetcher.result().time


@pytest.mark.virtual_time
async def test_waiting_for_the_rate_limit_is_told_from_the_network() -> None:
    """At one request a second the time between requests counts as tokens, except for the answers' latency."""
    spent = await time_of(FakeApi(pages=3, latency=0.25), rate_limit=RateLimit(rps=1, burst=1, concurrency=1))
    assert (spent.network, spent.wall) == (1.0, pytest.approx(3.4, abs=0.2))
    assert spent.tokens == pytest.approx(spent.wall - 1.0, abs=0.001)


@pytest.mark.virtual_time
async def test_pause_that_the_api_asked_for_is_its_own() -> None:
    """The three seconds of a Retry-After count neither as backoff nor as waiting for our own limit."""
    spent = await time_of(FakeApi(pages=2, script={2: [reply(429, Retry_After="3")]}), rate_limit=PROMPT)
    assert spent == TimeSpent(wall=spent.wall, retry_after=3.0, tokens=spent.tokens)
    # One request passed in those three seconds, so the last one waits for as long at the rate that was learned.
    assert spent.tokens == pytest.approx(3.05)


@pytest.mark.virtual_time
async def test_waiting_for_a_token_during_a_pause_counts_as_the_pause() -> None:
    """After an answer with a used-up quota, waiting for the next token counts as the API's pause."""
    exhausted = reply(200, b'[{"id": 1}]', X_RateLimit_Remaining="0", X_RateLimit_Reset="7")
    spent = await time_of(FakeApi(pages=2, script={1: [exhausted]}), rate_limit=PROMPT)
    assert spent.retry_after == pytest.approx(7.0, abs=1.01)  # a reset is in whole seconds


@pytest.mark.virtual_time
async def test_waiting_for_a_quota_is_not_waiting_for_our_own_limit() -> None:
    """After the requests that the API's quota leaves, waiting counts as the API's pause, not as our rate limit."""
    left = reply(200, b'[{"id": 1}]', RateLimit_Limit="9", RateLimit_Remaining="1", RateLimit_Reset="20")
    spent = await time_of(FakeApi(pages=4, script={1: [left]}), rate_limit=PROMPT)
    assert spent.retry_after == pytest.approx(20, abs=0.1)
    assert spent.tokens < 0.2


@pytest.mark.virtual_time
async def test_backoff_is_what_retries_wait() -> None:
    """With the defaults two failures cost 0.5 and 1 second."""
    spent = await time_of(FakeApi(pages=2, script={2: [reply(503), reply(503)]}), rate_limit=PROMPT)
    assert spent.backoff == 1.5


@pytest.mark.virtual_time
async def test_open_circuit_is_told_from_backoff() -> None:
    """The cooldown after three failures counts as circuit, not as backoff."""
    api = FakeApi(pages=2, script={2: [reply(503)] * 3})
    spent = await time_of(api, rate_limit=PROMPT, breaker=Breaker(cooldown=15))
    assert (spent.circuit, spent.backoff) == (15.0, 1.5)


@pytest.mark.virtual_time
async def test_pages_in_flight_do_not_hide_that_others_wait() -> None:
    """With many requests in flight at a slow API, time counts as tokens while any task waits for a token."""
    spent = await time_of(FakeApi(pages=30, latency=1), rate_limit=RateLimit(rps=5, burst=1))
    assert spent.tokens > 0.7 * spent.wall


@pytest.mark.virtual_time
async def test_slow_api_without_a_limit_is_network() -> None:
    """If only the API takes time, all of it counts as network."""
    assert await time_of(FakeApi(pages=4, latency=2), rate_limit=PROMPT) == TimeSpent(wall=10.0, network=10.0)


@dataclass(frozen=True)
class Doing:
    """A task with a start, an activity and a duration, in eighths of a second so that sums are exact."""

    at: int
    activity: Activity
    eighths: int


@given(st.lists(st.builds(Doing, st.integers(0, 40), st.sampled_from(Activity), st.integers(0, 40)), max_size=12))
def test_whatever_overlaps_the_parts_add_up_to_the_wall_time(doings: list[Doing]) -> None:
    """Each moment is counted once, for the first of the activities at that moment."""

    async def main() -> TimeSpent:
        account = TimeAccount()
        account.start()

        async def do(doing: Doing) -> None:
            await trio.sleep(doing.at / 8)
            with account.during(doing.activity):
                await trio.sleep(doing.eighths / 8)

        async with trio.open_nursery() as nursery:
            for doing in doings:
                nursery.start_soon(do, doing)
        account.over()
        return account.statistics()

    spent = virtually(main)
    end = max((doing.at + doing.eighths for doing in doings), default=0)
    assert sum(spent.of(activity) for activity in Activity) == spent.wall == end / 8
    order = list(Activity)
    for activity in order[:-1]:
        mine = sum(
            any(d.at <= eighth < d.at + d.eighths and d.activity is activity for d in doings)
            and not any(
                d.at <= eighth < d.at + d.eighths and order.index(d.activity) < order.index(activity) for d in doings
            )
            for eighth in range(end)
        )
        assert spent.of(activity) == mine / 8


def test_normalizing_lasts_until_the_last_page_is_written_down() -> None:
    """After fetching has ended, time is counted until the last page is delivered, and no longer."""

    async def main() -> TimeSpent:
        account = TimeAccount()
        account.start()
        account.sent()
        account.sent()
        with account.during(Activity.NETWORK):
            await trio.sleep(1)
        account.over()
        for seconds in (2, 4):
            await trio.sleep(seconds)
            account.delivered()
        await trio.sleep(8)
        return account.statistics()

    assert virtually(main) == TimeSpent(wall=7.0, network=1.0, normalizing=6.0)


def test_pause_splits_a_wait_that_outlasts_it() -> None:
    """Only the part of a wait for a token before the end of the pause counts as the pause."""

    async def main() -> TimeSpent:
        account = TimeAccount()
        account.start()
        account.paused_until(trio.current_time() + 3)
        with account.during(Activity.TOKENS):
            await trio.sleep(5)
        account.over()
        return account.statistics()

    assert virtually(main) == TimeSpent(wall=5.0, retry_after=3.0, tokens=2.0)
