"""Where an endpoint's time went.

How an endpoint answered, over time: what its timeline and its latencies are drawn from.
"""

import math
from collections.abc import Mapping, Sequence
from enum import Enum

import msgspec


class Activity(Enum):
    """What an endpoint's time is spent on, what holds it up most first.

    Where several things happen at once, the time goes to the first of them: a page that waits for a token holds up the
    walk, whatever else is in the network meanwhile.
    """

    CIRCUIT = "circuit"
    RETRY_AFTER = "retry_after"
    CHANNEL = "channel"
    TOKENS = "tokens"
    BACKOFF = "backoff"
    NETWORK = "network"
    NORMALIZING = "normalizing"


class TimeSpent(msgspec.Struct, frozen=True):
    """An endpoint's wall time, in seconds, by what it was spent on; ``wall`` is the sum of all others.

    ``network`` is from a request to the last byte of its response; ``tokens`` waiting for the rate limit;
    ``retry_after`` for as long as the API asked; ``backoff`` between retries; ``circuit`` while the circuit is open;
    ``channel`` until consumers made room; ``normalizing`` is all else, this machine's own work, until the last page is
    written down.
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
        """The seconds spent on one thing."""
        seconds: float = getattr(self, activity.value)
        return seconds


class SourceTime(TimeSpent, frozen=True):
    """An endpoint's wall time, and in one sentence what held it up most; None where there was no time to speak of."""

    bottleneck: str | None = None


NO_TIME = TimeSpent()
NO_SOURCE_TIME = SourceTime()


class Outcome(Enum):
    """What became of an attempt at a page."""

    OK = "ok"
    THROTTLED = "throttled"  # 429
    FAILED = "failed"  # 5xx, 408
    NO_ANSWER = "no answer"  # refused, reset, timed out, truncated
    UNUSABLE = "unusable"  # any other status, or a body without records


class Slot(msgspec.Struct, frozen=True):
    """The attempts that began in one span of time, by outcome; ``at`` is when it begins."""

    at: float
    attempts: Mapping[Outcome, int]


class Traffic(msgspec.Struct, frozen=True):
    """An endpoint's attempts in spans of ``span`` seconds, those with none left out; times count from its start.

    ``latencies`` counts answers by how long they took: the key is the upper bound of a class, in seconds, four
    classes to each doubling. ``slowest`` is exact. ``open_circuit`` has when the circuit was open, from and to.
    """

    span: float
    slots: Sequence[Slot] = ()
    latencies: Mapping[float, int] = {}
    slowest: float = 0.0
    open_circuit: Sequence[tuple[float, float]] = ()

    def latency(self, share: float) -> float | None:
        """What so great a share of the answers took at most, in seconds: 0.5 is the median. None without answers."""
        left = math.ceil(sum(self.latencies.values()) * share)
        for bound, count in sorted(self.latencies.items()):
            left -= count
            if left <= 0:
                return min(bound, self.slowest)
        return None


NO_TRAFFIC = Traffic(1.0)
