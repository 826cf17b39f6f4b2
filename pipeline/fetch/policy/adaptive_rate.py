"""Find the rate that a server allows from the requests that it refuses."""

import math

# The rate stays at this share of the lowest rate that was refused.
SHARE = 0.95

# The lower bound of the rate is one request a minute.
SLOWEST = 1 / 60

# An incident soon after another is little evidence about the rate. It leaves this share of the rate after the other.
LEAST = 0.5

# The rate climbs by this share while as many requests pass as passed before the last incident. A limit of N requests in
# a window is then exceeded by little, however large N is. A single request raises the rate by a quarter of it at most.
CLIMB, _FEWEST = 0.1, 4


class AdaptiveRate:
    """A rate that is ``configured`` until a request is refused, and is learned from then on.

    Refusals up to the next request that passes are one *incident*. The first of them lowers the rate to 95 % of the one
    that was refused, which is the upper bound from then on. Each further one halves it. What passed before the
    incident, over the time until something passes again, is a rate that the server allows, whatever kind of limit it
    enforces. The rate goes on from there, and climbs to the bound. If nothing passed before, it begins at the bound.

    Rates are in requests a second, 0 for no limit. Times are on Trio's clock.
    """

    def __init__(self, configured: float) -> None:
        self._bound = self._rate = configured or math.inf
        self._slowest = min(self._rate, SLOWEST)
        self._in_a_row = 0
        self._refused_at = -math.inf
        # The stretch since the last incident: when its first request that passed was sent, and how many passed.
        self._first_at = math.inf
        self._passed = 0
        # The rate after the last incident, and its factor for each request that passes.
        self._began_with = 0.0
        self._growth = 1.0

    @property
    def rate(self) -> float:
        """The rate at which requests may be sent now, 0 for no limit."""
        return self._rate if self._rate < math.inf else 0.0

    @property
    def in_incident(self) -> bool:
        """True if no request has passed that was sent after the last refusal."""
        return self._in_a_row > 0

    def fitting(self, now: float) -> float | None:
        """Return the rate that would have fitted so far; None if nothing was refused, or nothing is known."""
        if self._refused_at == -math.inf:
            return None
        rate = min(self._rate, self._seen(now)) if self.in_incident else self._rate
        return rate if rate < math.inf else None

    def refused(self, sent_at: float, rate: float, now: float) -> int:
        """Learn that a request was refused that was sent at ``rate``; return the number of refusals in a row.

        A request that was sent before the last refusal has no effect (0), because it does not depend on it. Congestion
        control makes the same distinction (RFC 5681, section 3.1).
        """
        if sent_at < self._refused_at:
            return 0
        if not self.in_incident:
            self._bound = min(self._bound, SHARE * (rate or self._seen(sent_at)))
        self._refused_at = now
        self._in_a_row += 1
        self._rate = max(self._slowest, math.ldexp(self._bound, 1 - self._in_a_row))
        return self._in_a_row

    def passed(self, sent_at: float) -> None:
        """Learn that a request was not refused."""
        if not self.in_incident:
            self._rate = max(self._slowest, min(self._bound, self._rate * self._growth))
        elif sent_at >= self._refused_at:
            seen = max(self._seen(sent_at), LEAST * self._began_with)
            self._rate = self._began_with = max(self._slowest, min(self._bound, seen))
            self._growth = 1 + CLIMB / max(self._passed, _FEWEST)
            self._in_a_row = self._passed = 0
            self._first_at = math.inf
        self._first_at = min(self._first_at, sent_at)
        self._passed += 1

    def _seen(self, now: float) -> float:
        """Return the rate at which requests passed since the last incident; infinity if that is unknown."""
        return self._passed / (now - self._first_at) if now > self._first_at else math.inf
