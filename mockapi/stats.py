"""What the server saw: the other side's proof of a client's good manners."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

import msgspec


class Seen(msgspec.Struct):
    """One request: when it arrived (seconds since the first), for which page, and what became of it.

    ``status`` is None until it was answered, and for good where a fault left no answer.
    """

    at: float
    page: int
    status: int | None = None
    fault: str | None = None


class StatsReport(msgspec.Struct, frozen=True):
    """The body of ``/stats``. ``peak_per_second`` is the most requests that arrived within any one second."""

    persona: str
    requests: int
    peak_per_second: int
    statuses: dict[str, int]
    log: Sequence[Seen]


class Stats:
    """Takes down every request for products; those for ``/health`` and ``/stats`` do not count."""

    def __init__(self, persona: str) -> None:
        self._persona = persona
        self._first: float | None = None
        self._log: list[Seen] = []

    def arrived(self, now: float, page: int) -> Seen:
        """A request arrived at ``now``, on any steady clock; fill in what becomes of it."""
        if self._first is None:
            self._first = now
        seen = Seen(round(now - self._first, 4), page)
        self._log.append(seen)
        return seen

    def report(self) -> StatsReport:
        """All of it so far."""
        return StatsReport(
            persona=self._persona,
            requests=len(self._log),
            peak_per_second=peak_within([seen.at for seen in self._log], 1.0),
            statuses=dict(Counter(str(seen.status) for seen in self._log if seen.status is not None)),
            log=self._log,
        )


def peak_within(times: Sequence[float], window: float) -> int:
    """The most of the ascending ``times`` that lie within any half-open window of so many seconds."""
    return max((bisect_left(times, start + window) - index for index, start in enumerate(times)), default=0)
