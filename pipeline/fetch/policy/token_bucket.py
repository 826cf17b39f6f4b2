"""A token bucket: limit the rate of requests to an endpoint."""

import math

import msgspec
import trio

from pipeline.fetch.policy.deadline import check_deadline


class TokenBucketStatistics(msgspec.Struct, frozen=True):
    """A snapshot of a token bucket.

    ``granted`` counts the tokens so far, ``tasks_waiting`` the tasks that wait for one. ``next_grant_at`` and
    ``paused_until`` are times on Trio's clock. ``paused_until`` is the end of the pause that the server imposed, be it
    explicitly or by its quota.
    """

    granted: int
    tasks_waiting: int
    next_grant_at: float
    paused_until: float


class TokenBucket:
    """A token bucket that grants at most ``burst + rate * t`` tokens in any window of ``t`` seconds.

    Tasks are served first come, first served. ``rate`` is in tokens a second, 0 for no limit. ``burst`` is the
    capacity; the bucket starts full. The state is one number, the theoretical arrival time of the generic cell rate
    algorithm (ITU-T I.371, virtual scheduling). There is no counter to refill and no timer.

    ``jitter_allowance`` (seconds) compensates for network delays. A delayed request and an undelayed one arrive closer
    together than they were granted. The bucket therefore delays each grant that would use up the whole burst. A server
    that enforces the same rate then sees it kept, as long as the delays of two requests differ by less than the
    allowance. This costs the allowance once, not per token. A burst of 1 leaves nothing to hold back. Each
    interval is longer by 5 % instead, or by 10 ms if that is more, but by at most the allowance and 25 %.

    Example::

        bucket = TokenBucket(rate=5, burst=10, jitter_allowance=0.05)
        grant = await bucket.acquire()
        try:
            grant.sent()
            response = await fetch()
            grant.answered()
        finally:
            grant.over()

    Raises:
        ValueError: when ``rate`` is negative or ``burst`` is less than 1.
    """

    def __init__(self, rate: float, burst: int, *, jitter_allowance: float = 0.0) -> None:
        if not (rate >= 0 and burst >= 1):
            raise ValueError(f"a token bucket needs rate >= 0 and burst >= 1, got {rate} and {burst}")
        self._burst = burst
        self._jitter_allowance = jitter_allowance
        self._interval = 1 / rate if rate else 0.0
        self._tolerance = self._tolerated()
        self._theoretical_arrival = -math.inf
        # The upper bound of the same: a request cannot have arrived later than it was answered.
        self._latest_theoretical_arrival = -math.inf
        self._paused_until = -math.inf
        # Numbers of grants: the one whose answer announced the quota, and the last one that the quota covers.
        self._quota_announced_to, self._quota_last_grant = 0, 0
        self._quota_resets_at = -math.inf
        self._turn = trio.StrictFIFOLock()
        self._granted = 0
        self._waiting = 0
        self._fastest_answer = math.inf

    async def acquire(self) -> "Grant":
        """Wait for a token and take it; report the progress of the request to the returned grant.

        If cancelled, no token is consumed and the next waiter moves up.

        Raises:
            DeadlineNearError: when a pause lasts until the caller's deadline or longer.
        """
        self._waiting += 1
        try:
            async with self._turn:
                # A pause, a lower rate or a late arrival may postpone the token during the sleep.
                while (wake_at := self._next_grant_at()) > trio.current_time():  # noqa: ASYNC110
                    check_pause(self._paused_until)
                    await trio.sleep_until(wake_at)
                arrival = max(self._theoretical_arrival, trio.current_time())
                self._theoretical_arrival = arrival + self._interval
                self._latest_theoretical_arrival += self._interval
                self._granted += 1
                return Grant(self, self._granted)
        finally:
            self._waiting -= 1

    def must_wait(self) -> bool:
        """True if :meth:`acquire` would not return at once."""
        return self._next_grant_at() > trio.current_time() or (self._waiting > 0 and self._interval > 0)

    def start_empty(self, now: float) -> None:
        """Grant nothing for burst / rate seconds from ``now``, on Trio's clock, and go on with an empty bucket then."""
        used_up = now + self._burst * self._interval
        self._theoretical_arrival = max(self._theoretical_arrival, used_up + self._tolerance + self._interval)
        self._latest_theoretical_arrival = max(self._latest_theoretical_arrival, self._theoretical_arrival)

    def end_burst(self) -> None:
        """Lower the burst to 1, so that the debt of the burst so far is repaid before the next token.

        After n tokens at the rate r since the start, the next one is granted n / r after the start.
        """
        self._burst = 1
        self._tolerance = self._tolerated()

    def change_rate(self, rate: float) -> None:
        """Set the rate to ``rate`` tokens a second, from the last token on: the next one is a new interval after it."""
        before, self._interval = self._interval, 1 / rate if rate else 0.0
        self._tolerance = self._tolerated()
        self._theoretical_arrival += self._interval - before
        self._latest_theoretical_arrival += self._interval - before

    def _tolerated(self) -> float:
        interval, burst = self._interval, self._burst
        headroom = interval * (burst - 1) / 2 if burst > 1 else _headroom_without_burst(interval)
        return (burst - 1) * interval - min(self._jitter_allowance, headroom)

    def pause_until(self, moment: float) -> None:
        """Grant nothing before ``moment``, on Trio's clock. A pause can be extended but not shortened."""
        self._paused_until = max(self._paused_until, moment)

    def _next_grant_at(self) -> float:
        return max(self._pause_ends_at(), self._theoretical_arrival - self._tolerance)

    def _pause_ends_at(self) -> float:
        quota_at = self._quota_resets_at if self._granted >= self._quota_last_grant else -math.inf
        return max(self._paused_until, quota_at)

    def _set_quota(self, number: int, quota: int, until: float) -> None:
        # The answer to a later request is more recent: it replaces what the answers to earlier requests announced.
        if number > self._quota_announced_to:
            self._quota_announced_to, self._quota_last_grant, self._quota_resets_at = number, number + quota, until

    def _arrived(self, number: int, moment: float) -> None:
        # The tokens granted since then also count from that moment.
        since = self._granted - number
        self._theoretical_arrival = max(self._theoretical_arrival, moment + (since + 1) * self._interval)

    def _answered(self, number: int, sent_at: float, took: float) -> None:
        if took < self._fastest_answer:
            # All earlier requests were delayed by that much more than assumed so far.
            if self._fastest_answer < math.inf:
                later = self._theoretical_arrival + self._fastest_answer - took
                bounded = min(later, self._latest_theoretical_arrival)
                self._theoretical_arrival = max(self._theoretical_arrival, bounded)
            self._fastest_answer = took
        since = self._granted - number
        answered_last = sent_at + took + (since + 1) * self._interval
        self._latest_theoretical_arrival = max(self._latest_theoretical_arrival, answered_last)
        self._arrived(number, sent_at + took - self._fastest_answer)

    def statistics(self) -> TokenBucketStatistics:
        """Return a snapshot of the bucket."""
        return TokenBucketStatistics(
            granted=self._granted,
            tasks_waiting=self._waiting,
            next_grant_at=self._next_grant_at(),
            paused_until=self._pause_ends_at(),
        )


def check_pause(until: float) -> None:
    """Check that a pause until a time on Trio's clock ends before the deadline of the current task.

    Raises:
        DeadlineNearError: when it does not.
    """
    check_deadline(until, f"the API allows no request for another {until - trio.current_time():.0f} s")


class Grant:
    """One token, and the progress of the request that it was granted for.

    The server counts from when a request arrives, so the bucket must do the same. Otherwise the requests granted after
    a delayed one would come too early. The arrival time is unknown. Two other times are known: when the request left,
    and how much longer its answer took than the fastest answer. It was delayed by no more than that difference.
    """

    def __init__(self, bucket: TokenBucket, number: int) -> None:
        self._bucket = bucket
        self._number = number
        self._sent_at: float | None = None

    def sent(self) -> None:
        """Report that the request leaves now, on a connection that is already open."""
        self._sent_at = trio.current_time()
        self._bucket._arrived(self._number, self._sent_at)

    def leaves(self, quota: int, until: float) -> None:
        """Report that the answer allows ``quota`` more requests until a time on Trio's clock.

        The quota takes account of earlier requests, but not of those that were granted since.
        """
        self._bucket._set_quota(self._number, quota, until)

    def answered(self) -> None:
        """Report that the answer begins to arrive now."""
        if self._sent_at is not None:
            self._bucket._answered(self._number, self._sent_at, trio.current_time() - self._sent_at)
            self._sent_at = None

    def over(self) -> None:
        """Report that the request has ended. Without an answer, it may have arrived as late as now."""
        if self._sent_at is not None:
            self._bucket._arrived(self._number, trio.current_time())
            self._sent_at = None


def _headroom_without_burst(interval: float) -> float:
    return min(max(0.05 * interval, 0.01), 0.25 * interval)
