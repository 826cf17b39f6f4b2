"""How an endpoint answered, over time: what its timeline and its latencies are drawn from."""

import math
from collections.abc import Mapping, Sequence
from enum import Enum

import msgspec


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
