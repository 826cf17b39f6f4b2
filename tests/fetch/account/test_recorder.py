"""The recorder counts every attempt in bounded memory."""

import math
from collections import Counter

import pytest
import trio
from helpers.support import FakeApi, reply, walk
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from pipeline.config.endpoint import Breaker, RateLimit
from pipeline.errors import FetchError, PermanentError, RateLimitedError, TransientError
from pipeline.fetch.account.recorder import MOST_SPANS, TrafficRecorder
from pipeline.model.metrics import NO_TRAFFIC, Outcome, Traffic

ERRORS = {
    Outcome.OK: None,
    Outcome.THROTTLED: RateLimitedError("429", code=429),
    Outcome.FAILED: TransientError("503", code=503),
    Outcome.NO_ANSWER: TransientError("reset"),
    Outcome.UNUSABLE: PermanentError("404", code=404),
}


def recorded(attempts: list[tuple[float, FetchError | None, float]]) -> Traffic:
    """Return the record of attempts, each given by its start, its error or None, and its latency."""

    async def main() -> Traffic:
        recorder = TrafficRecorder()
        recorder.start()
        start = trio.current_time()
        for at, error, latency in attempts:
            recorder.attempted(start + at, error, latency)
        await trio.lowlevel.checkpoint()
        return recorder.statistics()

    return trio.run(main, clock=MockClock())


@given(st.lists(st.tuples(st.floats(0, 1e5), st.sampled_from(Outcome)), max_size=60))
def test_every_attempt_is_counted_once_and_memory_stays_bounded(attempts: list[tuple[float, Outcome]]) -> None:
    """For a run of any length, the number of spans is bounded and the counts are those of the attempts."""
    traffic = recorded([(at, ERRORS[outcome], 0.1) for at, outcome in attempts])
    assert len(traffic.slots) <= MOST_SPANS
    counted: Counter[Outcome] = Counter()
    for slot in traffic.slots:
        counted.update(slot.attempts)
    assert counted == Counter(outcome for _, outcome in attempts)
    for at, _ in attempts:
        assert any(slot.at <= at + 1e-6 and at - 1e-6 < slot.at + traffic.span for slot in traffic.slots)


@given(st.lists(st.floats(0.001, 100), min_size=1), st.sampled_from([0.5, 0.9, 1.0]))
def test_latency_of_a_share_is_within_its_class(latencies: list[float], share: float) -> None:
    """A quantile is never less than the true one, and exceeds it by less than a class (a fifth)."""
    quantile = recorded([(0, None, latency) for latency in latencies]).latency(share)
    true = sorted(latencies)[max(1, math.ceil(len(latencies) * share)) - 1]
    assert quantile is not None
    assert true * (1 - 1e-9) <= quantile <= true * 2**0.25 * (1 + 1e-9)


def test_no_answers_have_no_latency() -> None:
    """Without answers there is no median latency."""
    assert NO_TRAFFIC.latency(0.5) is None


@pytest.mark.virtual_time
async def test_open_circuit_and_outcomes_are_recorded() -> None:
    """Three failures open the circuit. The record contains when it was open, and each attempt by its outcome."""
    api = FakeApi(pages=2, script={2: [reply(503), reply(503), reply(503)]})
    limit = RateLimit(rps=100, burst=100, concurrency=1)
    fetcher, _ = await walk(api, rate_limit=limit, breaker=Breaker(cooldown=15))
    traffic = fetcher.result().traffic
    assert traffic.open_circuit == [(1.5, 16.5)]
    counted = sum((Counter(dict(slot.attempts)) for slot in traffic.slots), Counter[Outcome]())
    assert counted == {Outcome.OK: 3, Outcome.FAILED: 3}
