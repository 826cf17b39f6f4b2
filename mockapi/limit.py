"""A rate limit as a server enforces it."""


class RateLimit:
    """A limit of ``burst + rate * t`` requests in any window of ``t`` seconds; refused requests do not count.

    ``rate`` is in requests per second, 0 for no limit; ``tokens`` is the number that is allowed now. It is a plain
    refilling counter and deliberately not the client's algorithm, so that each checks the other.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self.tokens = float(burst)
        self._updated = 0.0

    def refuse(self, now: float) -> float | None:
        """Return None if a request at ``now`` is allowed, else the seconds until one would be."""
        if self._rate == 0:
            return None
        self.tokens = min(self._burst, self.tokens + (now - self._updated) * self._rate)
        self._updated = now
        if self.tokens < 1:
            return (1 - self.tokens) / self._rate
        self.tokens -= 1
        return None
