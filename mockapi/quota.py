"""Quotas of requests: what an API allows by itself, and where a client stands with it."""

from math import floor
from typing import Protocol

import msgspec

from mockapi.limit import RateLimit


class Standing(msgspec.Struct, frozen=True):
    """Where a client stands after a request: ``left`` of ``requests`` in ``seconds``, all there again after ``reset``.

    ``wait`` is None where the request was allowed, else the seconds after which the next one is. Times are seconds.
    """

    requests: int
    seconds: float
    left: int
    reset: float
    wait: float | None


class Limit(Protocol):
    """Counts requests."""

    def ask(self, now: float) -> Standing:
        """A request at ``now``, on any steady clock."""


class Quota(msgspec.Struct, frozen=True):
    """So many requests in so many seconds: in fixed windows, or as a bucket that ``leaks``; 0 requests: no quota."""

    requests: int = 0
    seconds: float = 1.0
    leaks: bool = False

    def limit(self, rate: float, burst: int) -> Limit:
        """A limit that enforces it, or ``burst`` requests at ``rate`` a second instead, if that is not 0."""
        requests, seconds = (burst, burst / rate) if rate else (self.requests, self.seconds)
        if self.requests and not self.leaks:
            return _FixedWindows(requests, seconds)
        return _Bucket(requests, seconds)


class _FixedWindows:
    """The first request opens a window; when it has ended, the next one does."""

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
    """A bucket that leaks evenly; one of no requests holds all there are."""

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
