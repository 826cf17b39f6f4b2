"""Record how an endpoint answered, in bounded memory, and time single attempts."""

import math
from collections import Counter

import trio

from pipeline.errors import FetchError, RateLimitedError, TransientError
from pipeline.fetch.policy.throttle import Turn
from pipeline.model.metrics import Outcome, Slot, Traffic

# The maximum number of time spans. When more would be needed, every span is doubled in length.
MOST_SPANS = 240
_FIRST_SPAN = 0.25

# Latencies are counted in logarithmic classes: four for each doubling, from a millisecond up.
_CLASSES, _LEAST = 4, 0.001


class TrafficRecorder:
    """A recorder that counts attempts by outcome and time span, and answers by latency. Times are on Trio's clock."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._span = _FIRST_SPAN
        self._slots: dict[int, Counter[Outcome]] = {}
        self._latencies: Counter[int] = Counter()
        self._slowest = 0.0
        self._opened_at: float | None = None
        self._open: list[tuple[float, float]] = []

    def start(self) -> None:
        """Set the start, from which recorded times are counted; a second call has no effect."""
        if self._began is None:
            self._began = trio.current_time()

    def attempted(self, began_at: float, error: FetchError | None, latency: float = 0.0) -> None:
        """Record the outcome of an attempt, and the ``latency`` of its answer in seconds if there was no error."""
        number = int(self._since_start(began_at) / self._span)
        while number >= MOST_SPANS:
            self._widen()
            number //= 2
        self._slots.setdefault(number, Counter())[_outcome(error)] += 1
        if error is None:
            self._latencies[math.ceil(_CLASSES * math.log2(max(latency / _LEAST, 1)))] += 1
            self._slowest = max(self._slowest, latency)

    def circuit(self, *, is_open: bool) -> None:
        """Record whether the circuit is open now; repeating the same state has no effect."""
        if is_open and self._opened_at is None:
            self._opened_at = trio.current_time()
        elif not is_open and self._opened_at is not None:
            self._open.append((self._since_start(self._opened_at), self._since_start(trio.current_time())))
            self._opened_at = None

    def statistics(self) -> Traffic:
        """Return what was recorded so far."""
        still_open = [] if self._opened_at is None else [(self._opened_at, trio.current_time())]
        return Traffic(
            span=self._span,
            slots=[Slot(number * self._span, dict(counts)) for number, counts in sorted(self._slots.items())],
            latencies={_LEAST * 2 ** (number / _CLASSES): count for number, count in sorted(self._latencies.items())},
            slowest=self._slowest,
            open_circuit=[*self._open, *((self._since_start(a), self._since_start(b)) for a, b in still_open)],
        )

    def _since_start(self, moment: float) -> float:
        return moment - (moment if self._began is None else self._began)

    def _widen(self) -> None:
        self._span *= 2
        slots, self._slots = self._slots, {}
        for number, counts in slots.items():
            self._slots.setdefault(number // 2, Counter()).update(counts)


def _outcome(error: FetchError | None) -> Outcome:
    match error:
        case None:
            return Outcome.OK
        case RateLimitedError():
            return Outcome.THROTTLED
        case TransientError(code=None):
            return Outcome.NO_ANSWER
        case TransientError():
            return Outcome.FAILED
        case _:
            return Outcome.UNUSABLE


class Stopwatch:
    """A stopwatch for one attempt, started by its first request. ``latency`` is the last request's, in seconds."""

    def __init__(self) -> None:
        self.started_at: float | None = None
        self._sent_at: float | None = None
        self.latency = 0.0

    def start(self) -> None:
        """Record that a request begins, and start the stopwatch if it is not running."""
        self._sent_at = trio.current_time()
        if self.started_at is None:
            self.started_at = self._sent_at

    def sent(self, turn: Turn) -> None:
        """Record that the request leaves on an open connection, and report that to its turn."""
        self._sent_at = trio.current_time()
        turn.sent()

    def over(self) -> None:
        """Record that the request has ended."""
        if self._sent_at is not None:
            self.latency, self._sent_at = trio.current_time() - self._sent_at, None

    def seconds(self) -> float:
        """Return the seconds since the start, or 0 if it has not been started."""
        return 0.0 if self.started_at is None else trio.current_time() - self.started_at
