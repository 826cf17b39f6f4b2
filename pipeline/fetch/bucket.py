"""Token bucket: how often an endpoint may be asked."""

import math

import msgspec
import trio


class TokenBucketStatistics(msgspec.Struct, frozen=True):
    """``granted`` tokens so far; ``tasks_waiting`` in line; ``next_grant_at`` on Trio's clock, in seconds."""

    granted: int
    tasks_waiting: int
    next_grant_at: float


class TokenBucket:
    """Grants at most ``burst + rate * t`` tokens in any window of ``t`` seconds, first come, first served.

    ``rate`` is in tokens a second, 0 for no limit; ``burst`` is the capacity, full at the start. The state is one
    number, the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371, virtual scheduling):
    no counter to refill, no timer.

    ``jitter_allowance`` (seconds) makes up for the network: a request that is held up on its way and one that is
    not arrive closer together than they were granted. It holds back each grant that would use the burst up to
    the last bit, so that a server which enforces the same rate still sees it kept while the delays of two requests
    differ by less. It costs that time once, not per token; with a burst of 1 there is nothing to hold back from,
    and 5 % of the rate are given up instead, or more where that would be less than 10 ms a token.
    """

    def __init__(self, rate: float, burst: int, *, jitter_allowance: float = 0.0) -> None:
        if not (rate >= 0 and burst >= 1):
            raise ValueError(f"a token bucket needs rate >= 0 and burst >= 1, got {rate} and {burst}")
        self._interval = 1 / rate if rate else 0.0
        headroom = self._interval * (burst - 1) / 2 if burst > 1 else _headroom_without_burst(self._interval)
        self._tolerance = (burst - 1) * self._interval - min(jitter_allowance, headroom)
        self._theoretical_arrival = -math.inf
        self._paused_until = -math.inf
        self._turn = trio.StrictFIFOLock()
        self._granted = 0
        self._waiting = 0

    async def acquire(self) -> None:
        """Wait for a token and take it.

        A cancellation leaves the bucket as it was: no token is taken, and who waits behind moves up.
        """
        self._waiting += 1
        try:
            async with self._turn:
                # Only a pause that was set during the sleep makes it sleep again.
                while (wake_at := self._next_grant_at()) > trio.current_time():  # noqa: ASYNC110
                    await trio.sleep_until(wake_at)
                arrival = max(self._theoretical_arrival, trio.current_time())
                self._theoretical_arrival = arrival + self._interval
                self._granted += 1
        finally:
            self._waiting -= 1

    def arrives_at(self, moment: float) -> None:
        """The last grant is only used at ``moment`` on Trio's clock, when it was held up: by opening a connection, say.

        The server counts from there, and so does the bucket: else those granted behind it would come too early.
        """
        self._theoretical_arrival = max(self._theoretical_arrival, moment + self._interval)

    def pause_until(self, moment: float) -> None:
        """Grant nothing before ``moment`` on Trio's clock; an earlier pause never shortens a later one."""
        self._paused_until = max(self._paused_until, moment)

    def _next_grant_at(self) -> float:
        return max(self._paused_until, self._theoretical_arrival - self._tolerance)

    def statistics(self) -> TokenBucketStatistics:
        """A snapshot of the bucket."""
        return TokenBucketStatistics(
            granted=self._granted,
            tasks_waiting=self._waiting,
            next_grant_at=self._next_grant_at(),
        )


def _headroom_without_burst(interval: float) -> float:
    return min(max(0.05 * interval, 0.01), 0.25 * interval)
