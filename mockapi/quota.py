"""Request quotas of APIs, and the standing of a client within them."""

from math import floor
from typing import Protocol

import msgspec

from mockapi.limit import RateLimit


class Standing(msgspec.Struct, frozen=True):
    """A client's standing after a request: ``left`` of ``requests`` per ``seconds``, all available after ``reset``.

    ``wait`` is None if the request was allowed, else the seconds until the next one is. Times are seconds.
    """

    requests: int
    seconds: float
    left: int
    reset: float
    wait: float | None


class Limit(Protocol):
    """A counter of requests that decides which are allowed."""

    def ask(self, now: float) -> Standing:
        """Count a request at ``now``, on any monotonic clock, and return where the client stands."""


class Quota(msgspec.Struct, frozen=True):
    """A number of requests per number of seconds, in fixed windows or as a leaky bucket; 0 requests means no quota."""

    requests: int = 0
    seconds: float = 1.0
    leaks: bool = False

    def limit(self, rate: float, burst: int) -> Limit:
        """Return a limit that enforces it, or a limit of ``rate`` per second with ``burst`` if ``rate`` is not 0."""
        requests, seconds = (burst, burst / rate) if rate else (self.requests, self.seconds)
        if self.requests and not self.leaks:
            return _FixedWindows(requests, seconds)
        return _Bucket(requests, seconds)


class _FixedWindows:
    """Fixed windows, each opened by the first request after the end of the previous one."""

    def __init__(self, requests: int, seconds: float) -> None:
        self._requests = requests
        self._seconds = seconds
        self._end = float("-inf")
        self._used = 0

    def ask(self, now: float) -> Standing:
        if now >= self._end:
            self._end, self._used = now + self._seconds, 0
        allowed = self._used < self._requests
        self._used += allowed
        reset = self._end - now
        return Standing(self._requests, self._seconds, self._requests - self._used, reset, None if allowed else reset)


class _Bucket:
    """A bucket that leaks evenly; a size of 0 means no limit."""

    def __init__(self, requests: int, seconds: float) -> None:
        self._requests = requests
        self._seconds = seconds
        self._rate = requests / seconds
        self._limit = RateLimit(self._rate, requests)

    def ask(self, now: float) -> Standing:
        wait = self._limit.refuse(now)
        left = self._limit.tokens
        reset = (self._requests - left) / self._rate if self._rate else 0.0
        return Standing(self._requests, self._seconds, floor(left), reset, wait)
