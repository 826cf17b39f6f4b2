"""Request statistics: evidence from the server about a client's behaviour."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

import msgspec


class Seen(msgspec.Struct):
    """One request: its arrival (seconds since the first), its page and its outcome.

    ``status`` is None until the request is answered, and stays None if a fault prevents an answer.
    """

    at: float
    page: int
    status: int | None = None
    fault: str | None = None


class StatsReport(msgspec.Struct, frozen=True):
    """The body of ``/stats``. ``peak_per_second`` is the maximum number of requests within any one second."""

    persona: str
    requests: int
    peak_per_second: int
    statuses: dict[str, int]
    log: Sequence[Seen]


class Stats:
    """A log of all requests for products; requests for ``/health`` and ``/stats`` are not included."""

    def __init__(self, persona: str) -> None:
        self._persona = persona
        self._first: float | None = None
        self._log: list[Seen] = []

    def arrived(self, now: float, page: int) -> Seen:
        """Log a request at ``now``, on any monotonic clock; the caller fills in its outcome."""
        if self._first is None:
            self._first = now
        seen = Seen(round(now - self._first, 4), page)
        self._log.append(seen)
        return seen

    def report(self) -> StatsReport:
        """Return the statistics of all requests so far."""
        return StatsReport(
            persona=self._persona,
            requests=len(self._log),
            peak_per_second=peak_within([seen.at for seen in self._log], 1.0),
            statuses=dict(Counter(str(seen.status) for seen in self._log if seen.status is not None)),
            log=self._log,
        )


def peak_within(times: Sequence[float], window: float) -> int:
    """Return the maximum number of ascending ``times`` within any half-open window of ``window`` seconds."""
    return max((bisect_left(times, start + window) - index for index, start in enumerate(times)), default=0)
