"""A circuit breaker: stop requests to an endpoint that keeps failing, and probe it until it recovers.

::

    CLOSED ──(failure_threshold failures in a row)──▶ OPEN ──(cooldown)──▶ HALF_OPEN
       ▲                                                ▲                      │
       │                                                └──(probe failed)──────┤
       └────────────────────────────────────────────────────(probe succeeded)──┤
                                 GIVEN_UP ◀──(max_probes probes failed in a row)┘
"""

import enum
from types import TracebackType
from typing import Self

import msgspec
import trio

from pipeline.errors import CircuitGivenUpError
from pipeline.fetch.policy.deadline import check_deadline


class State(enum.Enum):
    """The states of a circuit; GIVEN_UP is final."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"
    GIVEN_UP = "given up"


class CircuitBreakerStatistics(msgspec.Struct, frozen=True):
    """A snapshot of a circuit breaker.

    ``failures`` and ``failed_probes`` count those in a row. ``probe_at`` is when the cooldown ends, on Trio's clock; it
    is None unless the circuit is OPEN.
    """

    state: State
    failures: int
    failed_probes: int
    times_opened: int
    probe_at: float | None


class Permit:
    """Permission for one attempt, as a context manager; report the outcome inside the block.

    An attempt without a report does not count, for example after HTTP 429 or a cancellation. A probe without a report
    makes room for the next probe. Reports of attempts that were admitted before the last change of state are ignored:
    they are out of date.
    """

    def __init__(self, breaker: "CircuitBreaker", epoch: int, *, probe: bool) -> None:
        self._breaker = breaker
        self._epoch = epoch
        self.probe = probe

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._breaker._released(self._epoch)

    def succeeded(self) -> bool:
        """Report that the endpoint is healthy; return True if that closed the circuit."""
        return self._breaker._succeeded(self._epoch)

    def failed(self, in_a_row: int = 1) -> bool:
        """Report a transient failure; return True if it opened the circuit or made the breaker give up.

        ``in_a_row`` is the number of consecutive failures of the same page. It counts even if other pages succeeded
        meanwhile.
        """
        return self._breaker._failed(self._epoch, in_a_row)


class CircuitBreaker:
    """A circuit breaker that admits every attempt while CLOSED and one probe at a time while HALF_OPEN.

    All other attempts wait. ``cooldown`` is in seconds. All transitions are synchronous, so no other task runs between
    a check and its consequence.

    Example::

        breaker = CircuitBreaker(failure_threshold=3, cooldown=15, max_probes=2)
        with await breaker.admit() as permit:
            try:
                page = await fetch()
            except TransientError:
                permit.failed()
                raise
            permit.succeeded()

    Raises:
        ValueError: when an argument is out of range.
    """

    def __init__(self, *, failure_threshold: int, cooldown: float, max_probes: int) -> None:
        if not (failure_threshold >= 1 and cooldown >= 0 and max_probes >= 1):
            raise ValueError(
                "a circuit breaker needs failure_threshold >= 1, cooldown >= 0 and max_probes >= 1, "
                f"got {failure_threshold}, {cooldown} and {max_probes}"
            )
        self._failure_threshold = failure_threshold
        self._cooldown = cooldown
        self._max_probes = max_probes
        self._state = State.CLOSED
        self._epoch = 0
        self._failures = 0
        self._failed_probes = 0
        self._times_opened = 0
        self._probe_at = 0.0
        self._probing = False
        self._changed = trio.Event()

    @property
    def state(self) -> State:
        """The present state. A circuit stays OPEN after its cooldown until a task asks for a permit."""
        return self._state

    @property
    def times_opened(self) -> int:
        """The number of times that the circuit has opened."""
        return self._times_opened

    def admit_nowait(self) -> Permit:
        """Admit an attempt without waiting, if the circuit is closed.

        Raises:
            trio.WouldBlock: when the circuit is not closed.
        """
        if self._state is not State.CLOSED:
            raise trio.WouldBlock
        return Permit(self, self._epoch, probe=False)

    async def admit(self) -> Permit:
        """Wait until an attempt may be made.

        If cancelled, no permit is issued and no probe is taken.

        Raises:
            CircuitGivenUpError: when ``max_probes`` probes in a row have failed.
            DeadlineNearError: when the next probe is due at the caller's deadline or later.
        """
        await trio.lowlevel.checkpoint()
        while True:
            if self._state is State.OPEN and trio.current_time() >= self._probe_at:
                self._enter(State.HALF_OPEN)
            match self._state:
                case State.CLOSED:
                    return Permit(self, self._epoch, probe=False)
                case State.HALF_OPEN if not self._probing:
                    self._probing = True
                    return Permit(self, self._epoch, probe=True)
                case State.GIVEN_UP:
                    raise CircuitGivenUpError(
                        f"given up after {self._failed_probes} failed probes; run again later with --resume"
                    )
                case State.OPEN:
                    check_deadline(self._probe_at, "the circuit is open until its next probe")
                    with trio.move_on_at(self._probe_at):
                        await self._changed.wait()
                case State.HALF_OPEN:
                    await self._changed.wait()

    def _succeeded(self, epoch: int) -> bool:
        if epoch != self._epoch:
            return False
        self._failures = self._failed_probes = 0
        if self._state is State.HALF_OPEN:
            self._enter(State.CLOSED)
        return epoch != self._epoch

    def _failed(self, epoch: int, in_a_row: int) -> bool:
        if epoch != self._epoch:
            return False
        self._failures = max(self._failures + 1, in_a_row)
        if self._state is State.HALF_OPEN:
            self._failed_probes += 1
        if self._failed_probes >= self._max_probes:
            self._enter(State.GIVEN_UP)
        elif self._state is State.HALF_OPEN or self._failures >= self._failure_threshold:
            self._probe_at = trio.current_time() + self._cooldown
            self._times_opened += 1
            self._enter(State.OPEN)
        return epoch != self._epoch

    def _released(self, epoch: int) -> None:
        if epoch == self._epoch and self._probing:
            self._probing = False
            self._wake()

    def _enter(self, state: State) -> None:
        self._state = state
        self._epoch += 1
        self._probing = False
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def statistics(self) -> CircuitBreakerStatistics:
        """Return a snapshot of the breaker."""
        return CircuitBreakerStatistics(
            state=self._state,
            failures=self._failures,
            failed_probes=self._failed_probes,
            times_opened=self._times_opened,
            probe_at=self._probe_at if self._state is State.OPEN else None,
        )
