"""How many pages to have in flight: enough that neither the rate nor the latency of an endpoint goes to waste."""

import math

import msgspec

# While the first answer is awaited nothing is known of the endpoint, and no more than this is asked of it.
MOST_BEFORE_AN_ANSWER = 5

# Without a rate limit, one more request for each so many seconds of latency: a server that answers at once is kept busy
# by one after the other.
SECONDS_A_PAGE = 0.05

# How much a new latency counts (RFC 6298, section 2, has the same for round-trip times).
_SMOOTHING = 1 / 8


class WindowStatistics(msgspec.Struct, frozen=True):
    """``latency`` in seconds, smoothed, None before an answer; ``grown`` is how far the window has come."""

    latency: float | None
    grown: int


class Window:
    """Tells how many requests keep an endpoint busy.

    Those are as many as leave within one latency (Little's law), twice over to catch up with a burst, and one more.
    ``rate`` is in requests a second, 0 for no limit; ``most`` bounds it. It opens at once where the end is known;
    otherwise it grows by one with each page, so that no more than a window is asked for in vain. A failure closes it:
    whoever is ill is asked for one page at a time. Before the first answer one more request is made each time that a
    token would be lost, since the bucket is full again by then.
    """

    def __init__(self, rate: float, most: int, *, now: float) -> None:
        self._rate = rate
        self._most = most
        self._began = now
        self._latency: float | None = None
        self._grown = 1

    def answered(self, seconds: float) -> None:
        """A request was answered after so many seconds."""
        before = seconds if self._latency is None else self._latency
        self._latency = before + _SMOOTHING * (seconds - before)

    def settled(self) -> None:
        """A page was taken, in its turn."""
        self._grown = min(self._grown + 1, self._most)

    def end_is_known(self) -> None:
        """No page will be asked for in vain; has no effect between a failure and the next page."""
        if self._grown > 1:
            self._grown = self._most

    def failed(self) -> None:
        """A request failed in a way that says something about the server."""
        self._grown = 1
        self._began = math.inf  # an answer is not just late

    def width(self, now: float) -> int:
        """How many requests may be under way, at a time on Trio's clock; at least one."""
        if self._latency is None:
            tokens = max(0.0, now - self._began) * self._rate + 1e-9
            return min(1 + math.floor(tokens), MOST_BEFORE_AN_ANSWER, self._most)
        used = self._latency * self._rate if self._rate else self._latency / SECONDS_A_PAGE
        return min(math.floor(2 * used + 0.5) + 1, self._grown, self._most)

    def grows_at(self, now: float) -> float:
        """When it will be wider by waiting alone, on Trio's clock; infinity if it will not."""
        width = self.width(now)
        if self._latency is not None or not self._rate or width >= min(MOST_BEFORE_AN_ANSWER, self._most):
            return math.inf
        return self._began + width / self._rate

    def statistics(self) -> WindowStatistics:
        """What it goes by."""
        return WindowStatistics(self._latency, self._grown)
