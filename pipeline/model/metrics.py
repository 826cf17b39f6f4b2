"""Measurements of one endpoint: its time by activity, and its requests and latencies over time."""

import math
from collections.abc import Mapping, Sequence
from enum import Enum

import msgspec


class Activity(Enum):
    """An activity that an endpoint spends time on, in order of precedence.

    If several happen at once, the time counts for the first of them. A page that waits for a token delays the endpoint,
    regardless of requests in flight.
    """

    CIRCUIT = "circuit"
    RETRY_AFTER = "retry_after"
    CHANNEL = "channel"
    TOKENS = "tokens"
    BACKOFF = "backoff"
    NETWORK = "network"
    NORMALIZING = "normalizing"


class TimeSpent(msgspec.Struct, frozen=True):
    """An endpoint's wall time in seconds by activity; ``wall`` is the sum of the others.

    ``network`` lasts from a request to the last byte of its response. The next five are waits. ``tokens`` is for the
    rate limit, ``retry_after`` for a pause that the API requested, ``backoff`` before a retry. ``circuit`` lasts while
    the circuit is open, ``channel`` until consumers make room. ``normalizing`` is the rest, until the last page is in
    the journal.
    """

    wall: float = 0.0
    network: float = 0.0
    tokens: float = 0.0
    retry_after: float = 0.0
    backoff: float = 0.0
    circuit: float = 0.0
    channel: float = 0.0
    normalizing: float = 0.0

    def of(self, activity: Activity) -> float:
        """Return the seconds spent on one activity."""
        seconds: float = getattr(self, activity.value)
        return seconds


class SourceTime(TimeSpent, frozen=True):
    """An endpoint's wall time, with one sentence on what slowed it down most; None if it took no time."""

    bottleneck: str | None = None


NO_TIME = TimeSpent()
NO_SOURCE_TIME = SourceTime()


class Outcome(Enum):
    """The result of one attempt at a page."""

    OK = "ok"
    THROTTLED = "throttled"  # 429, or 503 with a time to wait
    FAILED = "failed"  # other 5xx, 408
    NO_ANSWER = "no answer"  # refused, reset, timed out, truncated
    UNUSABLE = "unusable"  # any other status, or a body without records


class Slot(msgspec.Struct, frozen=True):
    """The attempts that started within one span of time, by outcome; ``at`` is the start of the span."""

    at: float
    attempts: Mapping[Outcome, int]


class Traffic(msgspec.Struct, frozen=True):
    """An endpoint's attempts over time; all times are seconds since its start.

    ``slots`` are spans of ``span`` seconds; spans without attempts are left out. ``latencies`` is a histogram: it maps
    the upper bound of a class to the number of responses, with four classes per doubling. ``slowest`` is exact.
    ``open_circuit`` has the start and end of each time that the circuit was open.
    """

    span: float
    slots: Sequence[Slot] = ()
    latencies: Mapping[float, int] = {}
    slowest: float = 0.0
    open_circuit: Sequence[tuple[float, float]] = ()

    @property
    def refused(self) -> int:
        """The number of requests that the API refused."""
        return sum(slot.attempts.get(Outcome.THROTTLED, 0) for slot in self.slots)

    def latency(self, share: float) -> float | None:
        """Return the latency in seconds that a share of the responses did not exceed: 0.5 for the median.

        None if there were no responses.
        """
        left = math.ceil(sum(self.latencies.values()) * share)
        for bound, count in sorted(self.latencies.items()):
            left -= count
            if left <= 0:
                return min(bound, self.slowest)
        return None


NO_TRAFFIC = Traffic(1.0)
