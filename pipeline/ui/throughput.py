"""How fast endpoints go, and when they will be done."""

import math
from collections.abc import Sequence

import msgspec

from pipeline.model.status import EndpointStatus, RunStatus

# What was longer ago counts less than 1/e of what is now, in seconds.
_MEMORY = 10.0

# Sooner no pace is told: a burst at the start says little about what follows.
_LEAST = 1.0


def is_held_up(status: EndpointStatus) -> bool:
    """Whether nothing can come of the endpoint for a reason that is known: its end, its circuit, a pause."""
    return status.ended is not None or status.circuit != "closed" or status.paused_for > 0


class Paced(msgspec.Struct, frozen=True):
    """An endpoint's status and its pace while nothing holds it up, in pages and records a second; None if unknown."""

    status: EndpointStatus
    pages_a_second: float | None = None
    records_a_second: float | None = None

    @property
    def pages_left(self) -> int | None:
        """How many pages are still to be fetched, None where that is unknown."""
        if self.status.ended:
            return 0
        return None if self.status.pages_wanted is None else self.status.pages_wanted - self.status.pages

    @property
    def seconds_to_go(self) -> float | None:
        """What is left at this pace, behind what holds it up now; None where either is unknown."""
        left, pace = self.pages_left, self.pages_a_second
        if not left:
            return left
        return None if not pace else max(self.status.probe_in or 0.0, self.status.paused_for) + left / pace


def seconds_to_go(endpoints: Sequence[Paced]) -> float | None:
    """When the last of them will be done, None where that is unknown of one."""
    known = [seconds for endpoint in endpoints if (seconds := endpoint.seconds_to_go) is not None]
    return max(known, default=0.0) if len(known) == len(endpoints) else None


class Paces:
    """Finds paces from what a run's status says again and again.

    They are exponential moving averages over time. Time in which an endpoint is held up does not count: it will go on
    as before.
    """

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._paces: dict[str, _Pace] = {}

    def of(self, run: RunStatus) -> Sequence[Paced]:
        """The endpoints with their paces, in their order; to be called with one status after the other."""
        seconds, self._elapsed = run.elapsed - self._elapsed, run.elapsed
        fade = math.exp(-seconds / _MEMORY)
        return [self._paced(endpoint, seconds, fade) for endpoint in run.endpoints]

    def _paced(self, status: EndpointStatus, seconds: float, fade: float) -> Paced:
        pace = self._paces.get(status.source)
        if pace is None:
            pace = self._paces[status.source] = _Pace(status)
        elif not is_held_up(status):
            pace.advance(status, seconds, fade)
        if pace.seconds < _LEAST:
            return Paced(status)
        return Paced(status, pace.pages / pace.seconds, pace.records / pace.seconds)


class _Pace:
    """What was seen of one endpoint, and in how much time, both faded."""

    __slots__ = ("last", "pages", "records", "seconds")

    def __init__(self, status: EndpointStatus) -> None:
        self.last = status
        self.pages = self.records = self.seconds = 0.0

    def advance(self, status: EndpointStatus, seconds: float, fade: float) -> None:
        self.pages = self.pages * fade + status.pages - self.last.pages
        self.records = self.records * fade + status.records - self.last.records
        self.seconds = self.seconds * fade + seconds
        self.last = status
