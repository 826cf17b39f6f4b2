"""Server-side rate limiting, as a shop would enforce it."""


class RateLimit:
    """Allows ``burst + rate * t`` requests in any window of ``t`` seconds; what is refused costs nothing.

    ``rate`` is in requests a second, 0 for no limit; ``tokens`` is how many more are allowed now. Deliberately a plain
    counter that refills, not the client's algorithm: the two check each other.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self.tokens = float(burst)
        self._updated = 0.0

    def refuse(self, now: float) -> float | None:
        """None where a request at ``now`` is allowed, else the seconds after which the next one would be."""
        if self._rate == 0:
            return None
        self.tokens = min(self._burst, self.tokens + (now - self._updated) * self._rate)
        self._updated = now
        if self.tokens < 1:
            return (1 - self.tokens) / self._rate
        self.tokens -= 1
        return None
