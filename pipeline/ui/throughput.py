"""Throughput of endpoints, and estimates of when they will be done."""

import math
from collections.abc import Sequence

import msgspec

from pipeline.model.status import EndpointStatus, RunStatus

# Time constant of the moving averages, in seconds: older observations weigh less than 1/e.
_MEMORY = 10.0

# Seconds of observation before there is a pace: a burst at the start would distort it.
_LEAST = 1.0


def is_held_up(status: EndpointStatus) -> bool:
    """True if the endpoint cannot deliver pages for a known reason: it has ended, its circuit is open, or it pauses."""
    return status.ended is not None or status.circuit != "closed" or status.paused_for > 0


class Paced(msgspec.Struct, frozen=True):
    """An endpoint's status and its pace in pages and records per second, None if unknown.

    The pace is that of the time in which nothing held the endpoint up.
    """

    status: EndpointStatus
    pages_a_second: float | None = None
    records_a_second: float | None = None

    @property
    def pages_left(self) -> int | None:
        """The number of pages still to be fetched, None if unknown."""
        if self.status.ended:
            return 0
        return None if self.status.pages_wanted is None else self.status.pages_wanted - self.status.pages

    @property
    def seconds_to_go(self) -> float | None:
        """The seconds needed for the remaining pages, after the current pause or probe; None if unknown."""
        left, pace = self.pages_left, self.pages_a_second
        if not left:
            return left
        return None if not pace else max(self.status.probe_in or 0.0, self.status.paused_for) + left / pace


def seconds_to_go(endpoints: Sequence[Paced]) -> float | None:
    """Return the seconds until the last endpoint is done, None if that is unknown for any of them."""
    known = [seconds for endpoint in endpoints if (seconds := endpoint.seconds_to_go) is not None]
    return max(known, default=0.0) if len(known) == len(endpoints) else None


class PaceTracker:
    """An estimator of the pace of endpoints, from successive snapshots of a run.

    A pace is an exponential moving average over time. Time in which an endpoint is held up does not count, because the
    endpoint is expected to continue as before.
    """

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._paces: dict[str, _Pace] = {}

    def update(self, run: RunStatus) -> Sequence[Paced]:
        """Take in the next snapshot, and return its endpoints with their paces, in the same order."""
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
    """Pages and records of one endpoint and the time they took, all with exponential decay."""

    __slots__ = ("last", "pages", "records", "seconds")

    def __init__(self, status: EndpointStatus) -> None:
        self.last = status
        self.pages = self.records = self.seconds = 0.0

    def advance(self, status: EndpointStatus, seconds: float, fade: float) -> None:
        self.pages = self.pages * fade + status.pages - self.last.pages
        self.records = self.records * fade + status.records - self.last.records
        self.seconds = self.seconds * fade + seconds
        self.last = status
