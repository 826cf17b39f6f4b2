"""The sentence that names what slowed an endpoint down."""

import re

import pytest
from helpers.support import FakeApi, walk

from pipeline.config.endpoint import RateLimit
from pipeline.model.metrics import NO_TRAFFIC, Activity, Outcome, Slot, TimeSpent, Traffic
from pipeline.output.bottleneck import bottleneck

LIMIT = RateLimit()
SLOW = Traffic(1.0, latencies={0.8: 10}, slowest=0.8)
THROTTLED = Traffic(1.0, [Slot(0, {Outcome.THROTTLED: 2}), Slot(4, {Outcome.THROTTLED: 1, Outcome.OK: 9})])


@pytest.mark.parametrize(
    ("time", "traffic", "busy", "text"),
    [
        (TimeSpent(10, tokens=7.1, network=2.9), THROTTLED, 0.1, ("71 % waiting for its own rate limit; the API "
         "refused 3 requests")),
        (TimeSpent(10, tokens=0.9, normalizing=0.1), NO_TRAFFIC, 0.1, "9 % waiting for its own rate limit"),
        (TimeSpent(10, retry_after=6, network=4), THROTTLED, 0.1, ("60 % in pauses that the API requested; the API "
         "refused 3 requests")),
        (TimeSpent(20, circuit=15, network=5), Traffic(1.0, open_circuit=[(1, 16)]), 0.1,
         "75 % waiting for its open circuit; repeated failures kept it open for 15 s"),
        (TimeSpent(10, tokens=10), Traffic(1.0, [Slot(0, {Outcome.THROTTLED: 1})]), 0.1,
         "100 % waiting for its own rate limit; the API refused 1 request"),
        (TimeSpent(4, backoff=3, network=1), NO_TRAFFIC, 0.1, "75 % waiting between retries"),
        (TimeSpent(4, network=4), SLOW, 0.1, "100 % waiting for the API; half of its responses took 0.80 s or more"),
        (TimeSpent(4, network=4), SLOW, 0.97, "100 % waiting for the API; the processor was busy 97 % of the run"),
        (TimeSpent(4, normalizing=3, network=1), SLOW, 0.1, "75 % in local processing"),
        (TimeSpent(4, channel=3, network=1), SLOW, 0.9, ("75 % waiting for room in the channel; the processor was busy "
         "90 % of the run")),
    ],
)  # fmt: skip
def test_bottleneck_is_named_in_one_sentence(time: TimeSpent, traffic: Traffic, busy: float, text: str) -> None:
    """The sentence names the activity that took most, its share of the wall time, and the known cause."""
    assert bottleneck(time, traffic, LIMIT, busy=busy) == text


def test_nothing_is_said_of_no_time() -> None:
    """An endpoint that took no time in a resumed run has no bottleneck."""
    assert bottleneck(TimeSpent(), NO_TRAFFIC, LIMIT, busy=1.0) is None


@pytest.mark.virtual_time
@pytest.mark.parametrize("latency", [0.1, 0.5, 1.4])
async def test_promised_gain_comes_true(latency: float) -> None:
    """With the suggested rate, the same fetch ends as many seconds sooner as promised."""

    async def spent(limit: RateLimit) -> tuple[TimeSpent, Traffic]:
        fetcher, _ = await walk(FakeApi(pages=100, latency=latency), rate_limit=limit)
        walked = fetcher.result()
        return walked.time, walked.traffic

    slow, traffic = await spent(LIMIT)
    said = bottleneck(slow, traffic, LIMIT, busy=0)
    assert said
    found = re.search(r"rps ([\d.]+) would end (\d+) s sooner", said)
    assert found, said
    faster, _ = await spent(RateLimit(rps=float(found[1])))
    assert slow.wall - faster.wall == pytest.approx(int(found[2]), abs=1.0)


@pytest.mark.parametrize(("rps", "named"), [(1_500.0, "3000"), (0.3, "0.6"), (7.0, "14")])
def test_rate_is_named_as_a_configuration_has_it(rps: float, named: str) -> None:
    """The rate is written without exponent and without meaningless digits."""
    said = bottleneck(TimeSpent(9, tokens=9), NO_TRAFFIC, RateLimit(rps=rps), busy=0)
    assert f"; rps {named} would end " in (said or "")


def test_no_higher_rate_is_suggested_for_a_fetch_that_was_cut_off() -> None:
    """The time that a higher rate would have saved is unknown, since pages are missing."""
    said = bottleneck(TimeSpent(9, tokens=9), NO_TRAFFIC, LIMIT, busy=0, was_cut_off=True)
    assert said == "100 % waiting for its own rate limit"


def test_processor_is_never_busier_than_all_the_time() -> None:
    """Overlapping threads, which add up to more than the run, are shown as 100 %."""
    assert (bottleneck(TimeSpent(4, network=4), SLOW, LIMIT, busy=1.04) or "").endswith("busy 100 % of the run")


def test_every_activity_has_words() -> None:
    """The sentence can name any activity."""
    for activity in Activity:
        time = TimeSpent(1.0, **{activity.value: 1.0})
        assert (bottleneck(time, NO_TRAFFIC, LIMIT, busy=0) or "").startswith("100 % ")
