"""The token bucket under a virtual clock. Rates that are powers of two make the expected times exact."""

import math
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate
from typing import TypeVar

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, assert_checkpoints, wait_all_tasks_blocked

from pipeline.fetch.policy.token_bucket import TokenBucket

pytestmark = pytest.mark.virtual_time

T = TypeVar("T")
Grants = list[tuple[int, float]]
RATES = st.floats(min_value=0.1, max_value=50)
BURSTS = st.integers(min_value=1, max_value=10)
GAPS = st.one_of(st.just(0.0), st.floats(min_value=0, max_value=3))


async def grant_moments(bucket: TokenBucket, count: int) -> list[float]:
    """Return the times at which ``count`` tokens are granted to one task."""
    moments = []
    for _ in range(count):
        await bucket.acquire()
        moments.append(trio.current_time())
    return moments


async def serve(
    bucket: TokenBucket, visits: Sequence[tuple[float, float]], pauses: Sequence[tuple[float, float]] = ()
) -> tuple[Grants, list[int]]:
    """Run one task per visit and set the pauses.

    A visit is the task's arrival and the seconds after which it is cancelled; a pause is its start and its end. Return
    the task and time of each grant, and the order in which the tasks arrived.
    """
    grants, line = Grants(), list[int]()

    async def visit(who: int, arrival: float, patience: float) -> None:
        await trio.sleep_until(arrival)
        line.append(who)
        with trio.move_on_after(patience):
            await bucket.acquire()
            grants.append((who, trio.current_time()))

    async with trio.open_nursery() as nursery:
        for who, (arrival, patience) in enumerate(visits):
            nursery.start_soon(visit, who, arrival, patience)
        for moment, end in pauses:
            await trio.sleep_until(moment)
            bucket.pause_until(end)
    return grants, line


def virtually(main: Callable[..., Awaitable[T]], *args: object) -> T:
    """Run under a new virtual clock that starts at 0."""
    return trio.run(main, *args, clock=MockClock(autojump_threshold=0))


async def test_burst_at_once_then_one_token_per_interval() -> None:
    """The burst is granted at once, and then one token every 1/rate seconds."""
    assert await grant_moments(TokenBucket(4, 3), 7) == [0, 0, 0, 0.25, 0.5, 0.75, 1.0]


async def test_defaults_grant_five_at_once_and_five_a_second() -> None:
    """With the defaults, 5/5, the twenty-fifth token comes four seconds after the fifth."""
    moments = await grant_moments(TokenBucket(5, 5), 25)
    assert moments[:5] == [0] * 5
    assert moments[5:] == pytest.approx([n / 5 for n in range(1, 21)], abs=1e-9)


async def test_rest_refills_no_more_than_the_burst() -> None:
    """After a rest of any length, at most the burst is available."""
    bucket = TokenBucket(4, 2)
    await grant_moments(bucket, 3)
    await trio.sleep_until(1000)
    assert await grant_moments(bucket, 4) == [1000, 1000, 1000.25, 1000.5]


async def test_short_rest_refills_in_part() -> None:
    """A rest of two intervals refills two tokens, not the whole burst."""
    bucket = TokenBucket(4, 4)
    await grant_moments(bucket, 4)
    await trio.sleep(0.5)
    assert await grant_moments(bucket, 3) == [0.5, 0.5, 0.75]


async def test_waiters_are_served_first_come_first_served() -> None:
    """Tasks get their tokens in the order of their arrival, at the computed times."""
    grants, _ = await serve(TokenBucket(1, 1), [(who / 64, math.inf) for who in range(6)])
    assert grants == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]


@pytest.mark.parametrize("_repeat", range(8))  # Trio wakes tasks that are due at once in random order
async def test_no_task_overtakes_the_waiters_at_the_moment_of_a_grant(_repeat: int) -> None:
    """A task that arrives exactly when a token is due does not overtake those that wait for it."""
    grants, _ = await serve(TokenBucket(1, 1), [(0, math.inf), (0.5, math.inf), (1, math.inf), (2, math.inf)])
    assert grants == [(0, 0), (1, 1), (2, 2), (3, 3)]


async def test_cancelled_head_of_the_line_leaves_its_token_to_the_next() -> None:
    """When the first waiter is cancelled, the next one gets its token at the same time."""
    bucket = TokenBucket(1, 1)
    grants, _ = await serve(bucket, [(0, math.inf), (0.25, 0.25), (0.375, math.inf)])
    assert grants == [(0, 0), (2, 1)]
    assert bucket.statistics().granted == 2


async def test_cancelled_waiter_within_the_line_lets_the_others_move_up() -> None:
    """When a waiter in the middle is cancelled, those after it move up by one interval."""
    grants, _ = await serve(TokenBucket(1, 1), [(0, math.inf), (0.125, math.inf), (0.25, 0.5), (0.375, math.inf)])
    assert grants == [(0, 0), (1, 1), (3, 2)]


async def test_cancelled_call_takes_no_token() -> None:
    """A call within a cancelled scope leaves a full bucket full."""
    bucket = TokenBucket(1, 1)
    with trio.CancelScope() as scope:
        scope.cancel()
        await bucket.acquire()
    assert scope.cancelled_caught
    assert bucket.statistics().granted == 0
    assert await grant_moments(bucket, 1) == [0]


async def test_grant_at_once_is_a_checkpoint() -> None:
    """Taking an available token executes a checkpoint, as Trio's rules require."""
    with assert_checkpoints():
        await TokenBucket(1, 1).acquire()


async def test_pause_holds_all_tokens_back() -> None:
    """During a pause nothing is granted; after it the whole burst is available."""
    bucket = TokenBucket(4, 2)
    bucket.pause_until(10)
    assert await grant_moments(bucket, 3) == [10, 10, 10.25]


async def test_pause_during_a_wait_makes_it_longer() -> None:
    """A pause that is set while tasks wait delays all of them and keeps their order."""
    visits = [(who / 64, math.inf) for who in range(3)]
    grants, _ = await serve(TokenBucket(1, 1), visits, pauses=[(0.5, 7)])
    assert grants == [(0, 0), (1, 7), (2, 8)]


async def test_second_pause_during_the_first_makes_it_longer() -> None:
    """A pause can be extended while a task waits for its end, but not shortened."""
    bucket = TokenBucket(1, 1)
    bucket.pause_until(4)
    grants, _ = await serve(bucket, [(0, math.inf)], pauses=[(2, 3), (3, 6), (5, 5.5)])
    assert grants == [(0, 6)]


async def test_pause_is_never_shortened() -> None:
    """An earlier end, a past one or minus infinity does not change a pause."""
    bucket = TokenBucket(1, 1)
    bucket.pause_until(5)
    for moment in (4, 0, -math.inf):
        bucket.pause_until(moment)
    assert await grant_moments(bucket, 1) == [5]


async def test_without_its_burst_a_bucket_repays_what_it_granted() -> None:
    """After five tokens at 4 a second, the next one comes 5/4 s after the first, and no burst follows a rest."""
    bucket = TokenBucket(4, 5)
    assert await grant_moments(bucket, 5) == [0] * 5
    bucket.end_burst()
    assert await grant_moments(bucket, 2) == [1.25, 1.5]
    await trio.sleep_until(100)
    assert await grant_moments(bucket, 2) == [100, 100.25]


async def test_a_new_rate_counts_from_the_last_token() -> None:
    """A lower rate delays the next token, a higher one brings it forward, and no limit grants it at once."""
    bucket = TokenBucket(4, 1)
    assert await grant_moments(bucket, 2) == [0, 0.25]
    bucket.change_rate(0.5)
    assert await grant_moments(bucket, 1) == [2.25]
    bucket.change_rate(2)
    assert await grant_moments(bucket, 1) == [2.75]
    bucket.change_rate(0)
    assert await grant_moments(bucket, 2) == [2.75, 2.75]
    bucket.change_rate(1)
    assert await grant_moments(bucket, 2) == [3.75, 4.75]


async def test_a_new_rate_holds_for_a_task_that_waits() -> None:
    """A rate that is lowered during the wait postpones the token."""
    bucket = TokenBucket(1, 1)
    await bucket.acquire()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bucket.acquire)
        await trio.sleep(0.5)
        bucket.change_rate(0.25)
    assert trio.current_time() == 4


async def test_rate_zero_means_no_limit() -> None:
    """With rate 0 any number of tokens is granted at once, except during a pause."""
    bucket = TokenBucket(0, 1, jitter_allowance=0.05)
    assert await grant_moments(bucket, 1000) == [0] * 1000
    bucket.pause_until(3)
    assert await grant_moments(bucket, 2) == [3, 3]


@pytest.mark.parametrize(("rate", "burst"), [(-1, 1), (-0.001, 5), (5, 0), (5, -3), (0, 0), (math.nan, 1)])
def test_bad_arguments_are_refused(rate: float, burst: int) -> None:
    """A negative or undefined rate, and a burst less than 1, raise ValueError."""
    with pytest.raises(ValueError, match="token bucket needs"):
        TokenBucket(rate, burst)


@pytest.mark.parametrize(
    ("burst", "allowance", "moments"),
    [
        (5, 0.0625, [0, 0, 0, 0, 0.0625, 0.3125, 0.5625]),  # held back once, not per token
        (5, 100, [0, 0, 0, 0.25, 0.5, 0.75]),  # half the burst is the most that is held back
        (2, 0.0625, [0, 0.0625, 0.3125, 0.5625]),
        (1, 0.0078125, [0, 0.2578125, 0.515625]),  # a burst of 1 leaves nothing to hold back
    ],
)
async def test_jitter_allowance_holds_back_the_end_of_the_burst(
    burst: int, allowance: float, moments: list[float]
) -> None:
    """The allowance delays the end of the burst, by at most half of the burst's time."""
    assert await grant_moments(TokenBucket(4, burst, jitter_allowance=allowance), len(moments)) == moments


async def test_jitter_allowance_costs_a_burst_of_one_five_percent_at_most() -> None:
    """With a burst of 1 a large allowance makes the interval 5 % longer at most."""
    moments = await grant_moments(TokenBucket(4, 1, jitter_allowance=100), 5)
    assert moments == pytest.approx([n * 0.25 * 1.05 for n in range(5)], abs=1e-9)


async def test_statistics_contain_grants_and_the_time_of_the_next_one() -> None:
    """The statistics contain the number of grants and the time of the next token, including pauses."""
    bucket = TokenBucket(2, 1)
    assert bucket.statistics().next_grant_at <= trio.current_time()
    await bucket.acquire()
    assert (bucket.statistics().granted, bucket.statistics().next_grant_at) == (1, 0.5)
    bucket.pause_until(9)
    assert bucket.statistics().next_grant_at == 9


async def test_statistics_count_every_task_that_waits() -> None:
    """``tasks_waiting`` counts all tasks that wait for a token, including the first in line."""
    bucket = TokenBucket(1, 1)
    await bucket.acquire()
    async with trio.open_nursery() as nursery:
        for waiting in (1, 2, 3):
            nursery.start_soon(bucket.acquire)
            await wait_all_tasks_blocked()
            assert bucket.statistics().tasks_waiting == waiting
    assert bucket.statistics().tasks_waiting == 0


@settings(max_examples=100)
@given(
    rate=RATES,
    burst=BURSTS,
    allowance=st.floats(min_value=0, max_value=0.2),
    steps=st.lists(st.tuples(GAPS, st.one_of(st.just(math.inf), GAPS)), min_size=1, max_size=25),
)
def test_no_window_has_more_than_burst_plus_rate_times_its_length(
    rate: float, burst: int, allowance: float, steps: list[tuple[float, float]]
) -> None:
    """For any arrivals and cancellations, each window has at most burst + rate·t grants, in the order of arrival."""
    visits = list(zip(accumulate(gap for gap, _ in steps), (patience for _, patience in steps), strict=True))
    bucket = TokenBucket(rate, burst, jitter_allowance=allowance)
    grants, line = virtually(serve, bucket, visits)
    granted = [who for who, _ in grants]
    assert_rate_is_kept([moment for _, moment in grants], rate, burst)
    assert granted == [who for who in line if who in granted]
    assert {who for who, (_, patience) in enumerate(visits) if patience == math.inf} <= set(granted)
    assert bucket.statistics().granted == len(grants)


@settings(max_examples=100)
@given(rate=RATES, burst=BURSTS, gaps=st.lists(GAPS, min_size=1, max_size=30))
def test_grants_are_those_of_a_counter_that_refills(rate: float, burst: int, gaps: list[float]) -> None:
    """Each grant comes exactly when a textbook bucket that counts fractions of tokens would make it."""
    arrivals = list(accumulate(gaps))
    expected = []
    now, tokens = 0.0, float(burst)
    for arrival in arrivals:
        asked_at = max(now, arrival)
        tokens = min(burst, tokens + (asked_at - now) * rate)
        wait = max(0.0, (1 - tokens) / rate)
        now, tokens = asked_at + wait, tokens + wait * rate - 1
        expected.append(now)
    grants, _ = virtually(serve, TokenBucket(rate, burst), [(arrival, math.inf) for arrival in arrivals])
    assert [moment for _, moment in grants] == pytest.approx(expected, abs=1e-6)


def headroom(rate: float, burst: int) -> float:
    """Return the most that is held back: half of the burst's time; for a burst of 1, 5 % or 10 ms, at most 25 %."""
    return (burst - 1) / 2 / rate if burst > 1 else min(max(0.05 / rate, 0.01), 0.25 / rate)


@settings(max_examples=100)
@given(rate=RATES, burst=BURSTS, allowance=st.floats(min_value=0, max_value=10))
def test_saturated_bucket_wastes_nothing(rate: float, burst: int, allowance: float) -> None:
    """The n-th grant comes at (n - burst)/rate. An allowance delays it once, or each time for a burst of 1."""
    plain = virtually(grant_moments, TokenBucket(rate, burst), 30)
    assert plain == pytest.approx([max(0, n - burst) / rate for n in range(1, 31)], abs=1e-6)
    polite = virtually(grant_moments, TokenBucket(rate, burst, jitter_allowance=allowance), 30)
    held_back = min(allowance, headroom(rate, burst)) * (29 if burst == 1 else 1)
    assert polite[-1] == pytest.approx((30 - burst) / rate + held_back, abs=1e-6)


@settings(max_examples=100)
@given(
    rate=RATES,
    burst=BURSTS,
    share=st.floats(min_value=0, max_value=1),
    delays=st.lists(st.floats(min_value=0, max_value=1), min_size=2, max_size=30),
)
def test_jitter_allowance_hides_the_network_from_the_server(
    rate: float, burst: int, share: float, delays: list[float]
) -> None:
    """If delays differ by less than the allowance, the server also sees at most burst + rate·t requests."""
    allowance = share * headroom(rate, burst)
    moments = virtually(grant_moments, TokenBucket(rate, burst, jitter_allowance=allowance), len(delays))
    arrivals = sorted(moment + delay * allowance for moment, delay in zip(moments, delays, strict=True))
    assert_rate_is_kept(arrivals, rate, burst)


def assert_rate_is_kept(moments: list[float], rate: float, burst: int) -> None:
    for first, start in enumerate(moments):
        for last in range(first, len(moments)):
            assert last - first + 1 <= burst + rate * (moments[last] - start) + 1e-6


async def test_must_wait_is_true_if_a_token_is_not_available_at_once() -> None:
    """``must_wait`` is true without a token, during a pause, and while another task waits."""
    bucket = TokenBucket(1, 2)
    assert not bucket.must_wait()
    for _ in range(2):
        await bucket.acquire()
    assert bucket.must_wait()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bucket.acquire)
        await trio.sleep(0.5)
        assert bucket.must_wait()
    await trio.sleep(1)
    assert not bucket.must_wait()
    bucket.pause_until(trio.current_time() + 1)
    assert bucket.must_wait()
    assert not TokenBucket(0, 1).must_wait()
