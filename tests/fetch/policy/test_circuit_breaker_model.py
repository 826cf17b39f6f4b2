"""The circuit breaker agrees with a simple model of it for any sequence of operations by its tasks."""

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from trio.testing import MockClock, wait_all_tasks_blocked

from pipeline.errors import CircuitGivenUpError
from pipeline.fetch.policy.circuit_breaker import CircuitBreaker, Permit, State

COOLDOWN = 8

T = TypeVar("T")


class Model:
    """The simplest description of a breaker's behaviour."""

    def __init__(self, threshold: int, max_probes: int) -> None:
        self.threshold, self.max_probes = threshold, max_probes
        self.state, self.epoch, self.failures, self.failed_probes = State.CLOSED, 0, 0, 0
        self.open_until, self.probing = 0.0, False

    def enter(self, state: State) -> None:
        self.state, self.probing, self.epoch = state, False, self.epoch + 1

    def admit(self, waiting: int, now: float) -> int:
        """Return how many of the waiting tasks are admitted."""
        if self.state is State.OPEN and now >= self.open_until and waiting:
            self.enter(State.HALF_OPEN)
        if self.state is State.HALF_OPEN and not self.probing and waiting:
            self.probing = True
            return 1
        return waiting if self.state is State.CLOSED else 0

    def outcome(self, what: str, epoch: int, now: float) -> None:
        half_open = self.state is State.HALF_OPEN
        if epoch != self.epoch:
            return
        self.probing = False
        if what == "success":
            self.failures = self.failed_probes = 0
            if half_open:
                self.enter(State.CLOSED)
        elif what == "failure":
            self.failures, self.failed_probes = self.failures + 1, self.failed_probes + half_open
            if self.failed_probes == self.max_probes:
                self.enter(State.GIVEN_UP)
            elif half_open or self.failures == self.threshold:
                self.open_until = now + COOLDOWN
                self.enter(State.OPEN)


class Loop:
    """A Trio loop in its own thread. Hypothesis decides what happens in it, and moves its clock."""

    def __init__(self) -> None:
        self.clock = MockClock()
        started = queue.SimpleQueue[tuple[trio.lowlevel.TrioToken, trio.Nursery]]()
        self._thread = threading.Thread(target=trio.run, args=(self._main, started), kwargs={"clock": self.clock})
        self._thread.start()
        self._token, self.nursery = started.get(timeout=10)

    async def _main(self, started: queue.SimpleQueue[tuple[trio.lowlevel.TrioToken, trio.Nursery]]) -> None:
        async with trio.open_nursery() as nursery:
            started.put((trio.lowlevel.current_trio_token(), nursery))
            await trio.sleep_forever()

    def settle(self, act: Callable[[], T]) -> T:
        """Call ``act`` in the loop, and return its result when all tasks wait."""

        async def act_and_settle() -> T:
            result = act()
            await wait_all_tasks_blocked()
            return result

        return trio.from_thread.run(act_and_settle, trio_token=self._token)

    def end(self) -> None:
        trio.from_thread.run_sync(self.nursery.cancel_scope.cancel, trio_token=self._token)
        self._thread.join(timeout=10)


class BreakerMachine(RuleBasedStateMachine):
    """Tasks ask for permits, wait, are cancelled, and report their outcome, while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = Loop()
        self.held: list[tuple[Permit, int]] = []
        self.waiters: list[trio.CancelScope] = []
        self.admitted: list[Permit] = []
        self.too_early: list[float] = []

    @initialize(threshold=st.integers(1, 3), max_probes=st.integers(1, 3))
    def begin(self, threshold: int, max_probes: int) -> None:
        self.model = Model(threshold, max_probes)
        self.breaker = CircuitBreaker(failure_threshold=threshold, cooldown=COOLDOWN, max_probes=max_probes)

    async def ask_for_a_permit(self, patience: trio.CancelScope) -> None:
        try:
            with patience:
                permit = await self.breaker.admit()
                if permit.probe and trio.current_time() < self.model.open_until:
                    self.too_early.append(trio.current_time())
                self.admitted.append(permit)
        except CircuitGivenUpError:
            assert self.breaker.state is State.GIVEN_UP
        finally:
            self.waiters.remove(patience)

    @rule()
    def ask(self) -> None:
        patience = trio.CancelScope()
        self.waiters.append(patience)
        self.loop.settle(lambda: self.loop.nursery.start_soon(self.ask_for_a_permit, patience))
        self.admit()

    @rule(seconds=st.integers(1, 9))
    def wait(self, seconds: int) -> None:
        self.loop.settle(lambda: self.loop.clock.jump(seconds))
        self.admit()

    @precondition(lambda self: self.waiters)
    @rule(data=st.data())
    def lose_patience(self, data: st.DataObject) -> None:
        patience = data.draw(st.sampled_from(self.waiters))
        self.loop.settle(patience.cancel)
        self.admit()

    @precondition(lambda self: self.held)
    @rule(data=st.data(), what=st.sampled_from(["failure", "failure", "success", "neutral"]))
    def report(self, data: st.DataObject, what: str) -> None:
        permit, epoch = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        self.model.outcome(what, epoch, self.loop.settle(trio.current_time))

        def tell() -> None:
            with permit:
                {"success": permit.succeeded, "failure": permit.failed, "neutral": lambda: None}[what]()

        self.loop.settle(tell)
        self.admit()

    def admit(self) -> None:
        """Compare the admitted tasks with those that the model admits."""
        now = self.loop.settle(trio.current_time)
        expected = self.model.admit(len(self.admitted) + len(self.waiters), now)
        assert [permit.probe for permit in self.admitted] == [self.model.state is State.HALF_OPEN] * expected
        self.held += [(permit, self.model.epoch) for permit in self.admitted]
        self.admitted.clear()

    @invariant()
    def state_and_counts_agree(self) -> None:
        statistics = self.breaker.statistics()
        counts = statistics.state, statistics.failures, statistics.failed_probes
        assert counts == (self.model.state, self.model.failures, self.model.failed_probes)

    @invariant()
    def exactly_one_probe_is_out_while_half_open(self) -> None:
        out = sum(permit.probe and epoch == self.model.epoch for permit, epoch in self.held)
        assert out == self.model.probing
        assert self.model.state is State.HALF_OPEN or not out

    @invariant()
    def tasks_wait_only_while_the_circuit_is_open_or_half_open(self) -> None:
        assert not self.waiters or self.breaker.state in (State.OPEN, State.HALF_OPEN)
        assert self.too_early == [], "no probe before the end of the cooldown"

    def teardown(self) -> None:
        self.loop.end()


def test_agrees_with_the_model() -> None:
    """State, counts, admissions and refusals agree with the model, and at most one probe is under way."""
    run_state_machine_as_test(BreakerMachine, settings=settings(max_examples=100, stateful_step_count=40))
