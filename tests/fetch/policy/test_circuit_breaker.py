"""The circuit breaker under a virtual clock: every transition at its exact time."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import assert_checkpoints

from pipeline.errors import CircuitGivenUpError, DeadlineNearError
from pipeline.fetch.policy.circuit_breaker import CircuitBreaker, Permit, State

pytestmark = pytest.mark.virtual_time


def breaker_of(*, failure_threshold: int = 3, cooldown: float = 15, max_probes: int = 2) -> CircuitBreaker:
    return CircuitBreaker(failure_threshold=failure_threshold, cooldown=cooldown, max_probes=max_probes)


async def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        with await breaker.admit() as permit:
            permit.failed()


async def succeed(breaker: CircuitBreaker) -> None:
    with await breaker.admit() as permit:
        permit.succeeded()


def counts(breaker: CircuitBreaker) -> tuple[State, int, int]:
    """Return the state, the failures in a row and the failed probes in a row."""
    statistics = breaker.statistics()
    return statistics.state, statistics.failures, statistics.failed_probes


async def test_new_breaker_is_closed_and_admits_at_once() -> None:
    """A new breaker is CLOSED, has counted nothing, and admits any number of attempts after a checkpoint only."""
    breaker = breaker_of()
    with assert_checkpoints():
        permits = [await breaker.admit() for _ in range(10)]
    assert trio.current_time() == 0
    assert not any(permit.probe for permit in permits)
    assert counts(breaker) == (State.CLOSED, 0, 0)
    assert (breaker.times_opened, breaker.statistics().probe_at) == (0, None)


@pytest.mark.parametrize("threshold", [1, 2, 3, 7])
async def test_opens_exactly_at_the_threshold(threshold: int) -> None:
    """One failure less than the threshold keeps the circuit closed; the next one opens it."""
    breaker = breaker_of(failure_threshold=threshold)
    await fail(breaker, threshold - 1)
    assert breaker.state is State.CLOSED
    await fail(breaker)
    assert counts(breaker) == (State.OPEN, threshold, 0)
    assert breaker.times_opened == 1


async def test_success_starts_the_count_anew_and_a_neutral_outcome_does_not() -> None:
    """A success resets the count of failures. An attempt without a report (HTTP 429) neither counts nor resets it."""
    breaker = breaker_of()
    await fail(breaker, 2)
    await succeed(breaker)
    await fail(breaker, 2)
    assert counts(breaker) == (State.CLOSED, 2, 0)
    with await breaker.admit():
        pass
    assert counts(breaker) == (State.CLOSED, 2, 0)
    await fail(breaker)
    assert breaker.state is State.OPEN


@pytest.mark.parametrize(("asked_at", "admitted_at"), [(1, 16), (15.5, 16), (16, 16), (40, 40)])
async def test_open_circuit_admits_a_probe_from_the_end_of_the_cooldown_on(asked_at: float, admitted_at: float) -> None:
    """A task that asks while the circuit is open waits until exactly the end of the cooldown; a later one does not."""
    breaker = breaker_of()
    await trio.sleep(1)
    await fail(breaker, 3)
    assert breaker.statistics().probe_at == 16
    await trio.sleep_until(asked_at)
    permit = await breaker.admit()
    assert (trio.current_time(), permit.probe) == (admitted_at, True)
    assert (breaker.state, breaker.statistics().probe_at) == (State.HALF_OPEN, None)


async def test_successful_probe_closes_the_circuit_with_a_clean_slate() -> None:
    """A successful probe resets both the failures and the failed probes."""
    breaker = breaker_of()
    await fail(breaker, 4)
    await succeed(breaker)
    assert counts(breaker) == (State.CLOSED, 0, 0)
    await fail(breaker, 2)
    assert breaker.state is State.CLOSED
    await fail(breaker, 2)
    assert counts(breaker) == (State.OPEN, 4, 1)


async def test_failed_probe_opens_the_circuit_for_another_cooldown() -> None:
    """The second cooldown starts when the probe fails."""
    breaker = breaker_of()
    await fail(breaker, 3)
    with await breaker.admit() as probe:
        await trio.sleep(2)
        probe.failed()
    assert counts(breaker) == (State.OPEN, 4, 1)
    assert (breaker.statistics().probe_at, breaker.times_opened) == (32, 2)
    assert (await breaker.admit()).probe
    assert trio.current_time() == 32


@pytest.mark.parametrize("max_probes", [1, 2, 4])
async def test_gives_up_after_so_many_failed_probes(max_probes: int) -> None:
    """After the last allowed probe has failed, every further call raises CircuitGivenUpError at once."""
    breaker = breaker_of(max_probes=max_probes)
    await fail(breaker, 3 + max_probes)
    assert trio.current_time() == 15 * max_probes
    assert counts(breaker) == (State.GIVEN_UP, 3 + max_probes, max_probes)
    for _ in range(2):
        with pytest.raises(CircuitGivenUpError, match=f"after {max_probes} failed probes"):
            await breaker.admit()
    assert trio.current_time() == 15 * max_probes


@pytest.mark.parametrize("well", [True, False])
async def test_only_one_of_many_waiters_probes(well: bool) -> None:
    """At the end of the cooldown one waiter probes; its outcome admits or refuses all others at that moment."""
    breaker = breaker_of(max_probes=1)
    await fail(breaker, 3)
    admitted: list[tuple[float, bool]] = []
    refused: list[float] = []

    async def attempt() -> None:
        try:
            with await breaker.admit() as permit:
                admitted.append((trio.current_time(), permit.probe))
                await trio.sleep(3)
                permit.succeeded() if well else permit.failed()
        except CircuitGivenUpError:
            refused.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(attempt)
    assert admitted == [(15, True), *([(18, False)] * 19 if well else [])]
    assert refused == ([] if well else [18] * 19)


@pytest.mark.parametrize("ends_at", [17, 1000])
async def test_probe_without_a_report_makes_room_for_the_next(ends_at: float) -> None:
    """After a probe that was cancelled or ended without a report, the next waiter probes."""
    breaker = breaker_of()
    await fail(breaker, 3)
    probes: list[float] = []

    async def second() -> None:
        await trio.sleep_until(15.5)
        with await breaker.admit() as permit:
            assert permit.probe
            probes.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(second)
        with trio.move_on_at(ends_at):
            with await breaker.admit():
                await trio.sleep(3)
    assert probes == [min(ends_at, 18)]
    assert counts(breaker) == (State.HALF_OPEN, 3, 0)


async def test_cancelled_waiter_leaves_nothing_behind() -> None:
    """A cancelled waiter takes no probe, whether the circuit is open or half open."""
    breaker = breaker_of()
    await fail(breaker, 3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(breaker.admit)
        await trio.sleep(10)
        nursery.cancel_scope.cancel()
    with await breaker.admit() as probe:
        assert (trio.current_time(), probe.probe) == (15, True)
        with trio.move_on_after(1) as impatient:
            await breaker.admit()
        assert impatient.cancelled_caught
        probe.succeeded()
    assert breaker.state is State.CLOSED


async def test_a_probe_that_is_due_too_late_is_not_waited_for() -> None:
    """A task with an earlier deadline gets DeadlineNearError at once; a task with a later one waits."""
    breaker = breaker_of()
    await fail(breaker, 3)
    with trio.fail_after(10), pytest.raises(DeadlineNearError, match="next probe, which is past the deadline"):
        await breaker.admit()
    assert trio.current_time() == 0
    with trio.fail_after(16):
        permit = await breaker.admit()
    assert (trio.current_time(), permit.probe) == (15, True)


@pytest.mark.parametrize("report", [Permit.succeeded, Permit.failed])
async def test_stale_reports_are_ignored(report: Callable[[Permit], None]) -> None:
    """A report of an attempt that was admitted before the circuit opened has no effect, and its end frees no probe."""
    breaker = breaker_of()
    stale = [await breaker.admit() for _ in range(3)]
    await fail(breaker, 3)
    opened = breaker.statistics()
    with stale[0] as permit:
        report(permit)
    assert breaker.statistics() == opened
    with await breaker.admit() as probe:
        for permit in stale[1:]:
            with permit:
                report(permit)
        assert breaker.state is State.HALF_OPEN
        with trio.move_on_after(100) as impatient:
            await breaker.admit()
        assert impatient.cancelled_caught
        probe.succeeded()
    assert breaker.state is State.CLOSED


async def test_only_a_closed_circuit_admits_at_once() -> None:
    """``admit_nowait`` admits attempts while the circuit is closed, but neither attempts nor probes otherwise."""
    breaker = breaker_of(failure_threshold=1)
    assert breaker.admit_nowait().failed()
    for moment in (1, 20):
        await trio.sleep(moment)
        with pytest.raises(trio.WouldBlock):
            breaker.admit_nowait()
    (await breaker.admit()).succeeded()
    breaker.admit_nowait().succeeded()
