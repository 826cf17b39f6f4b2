"""Request quotas of APIs, and the standing of a client within them."""

import re
from collections import deque
from collections.abc import Callable, Mapping
from math import floor
from types import MappingProxyType
from typing import Any, Final, Protocol

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
    """A number of requests per number of seconds; 0 requests means no quota.

    ``kind`` is a key of ``KINDS``. If ``counts_refusals``, a refused request counts like an allowed one. If ``silent``,
    no answer has rate limit headers.
    """

    requests: int = 0
    seconds: float = 1.0
    kind: str = "fixed"
    counts_refusals: bool = False
    silent: bool = False

    def limit(self, rate: float, burst: int) -> Limit:
        """Return a limit that enforces it, or a limit of ``rate`` per second with ``burst`` if ``rate`` is not 0."""
        requests, seconds = (burst, burst / rate) if rate else (self.requests, self.seconds)
        return KINDS[self.kind if self.requests else "bucket"](requests, seconds, self.counts_refusals)


class _FixedWindows:
    """Fixed windows, each opened by the first request after the end of the previous one.

    Counting refusals makes no difference, since every window begins with its full number of requests.
    """

    def __init__(self, requests: int, seconds: float, counts_refusals: bool) -> None:  # noqa: ARG002 - see above
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


class _SlidingWindow:
    """A log of the last requests that count; one more is allowed when the first of them has left the window."""

    def __init__(self, requests: int, seconds: float, counts_refusals: bool) -> None:
        self._seconds = seconds
        self._counts_refusals = counts_refusals
        self._ends: deque[float] = deque(maxlen=requests)
        self._requests = requests

    def ask(self, now: float) -> Standing:
        used = sum(end > now for end in self._ends)
        allowed = used < self._requests
        if allowed or self._counts_refusals:
            self._ends.append(now + self._seconds)
        left = self._requests - used - allowed
        wait = None if allowed else self._ends[0] - now
        return Standing(self._requests, self._seconds, left, self._ends[-1] - now, wait)


class _Bucket:
    """A bucket that leaks evenly; a size of 0 means no limit.

    If refusals count, they overfill it, at most to twice its size.
    """

    def __init__(self, requests: int, seconds: float, counts_refusals: bool) -> None:
        self._requests = requests
        self._seconds = seconds
        self._counts_refusals = counts_refusals
        self._rate = requests / seconds
        self._limit = RateLimit(self._rate, requests)

    def ask(self, now: float) -> Standing:
        wait = self._limit.refuse(now)
        if wait is not None and self._counts_refusals:
            self._limit.tokens = max(self._limit.tokens - 1, -self._requests)
            wait = (1 - self._limit.tokens) / self._rate
        left = self._limit.tokens
        reset = (self._requests - left) / self._rate if self._rate else 0.0
        return Standing(self._requests, self._seconds, max(0, floor(left)), reset, wait)


# Each enforces a number of requests per number of seconds, and counts refusals or not.
KINDS: Final[Mapping[str, Callable[[int, float, bool], Limit]]] = MappingProxyType(
    {"fixed": _FixedWindows, "sliding": _SlidingWindow, "bucket": _Bucket}
)

# The words after the numbers of a quota, and the fields that each sets.
_WORDS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {**{kind: {"kind": kind} for kind in KINDS}, "counting": {"counts_refusals": True}, "silent": {"silent": True}}
)
_PATTERN = re.compile(rf"(?P<requests>\d+)/(?P<seconds>\d+(\.\d+)?)(?P<words>(:({'|'.join(_WORDS)}))*)")


def parse_quota(text: str) -> Quota:
    """Parse ``REQUESTS/SECONDS[:WORD]...``; ``10/10:sliding:counting:silent`` resembles HAProxy's stick tables.

    Raises:
        ValueError: if it is not valid; the message quotes it and names the form.
    """
    match = _PATTERN.fullmatch(text)
    if match is None or int(match["requests"]) == 0 or float(match["seconds"]) == 0:
        raise ValueError(
            f"{text!r} is not a valid quota; expected REQUESTS/SECONDS, such as 10/60, followed by any of"
            f" {', '.join(f':{word}' for word in _WORDS)}"
        )
    fields = {key: value for word in match["words"].split(":")[1:] for key, value in _WORDS[word].items()}
    return Quota(int(match["requests"]), float(match["seconds"]), **fields)
