"""Token bucket: how often an endpoint may be asked."""

import math

import msgspec
import trio

from pipeline.fetch.policy.deadline import check_deadline


class TokenBucketStatistics(msgspec.Struct, frozen=True):
    """``granted`` tokens so far; ``tasks_waiting`` in line; ``next_grant_at`` and ``paused_until`` on Trio's clock.

    ``paused_until`` is when the server may be asked again by its own word: after a pause, or with a new quota.
    """

    granted: int
    tasks_waiting: int
    next_grant_at: float
    paused_until: float


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
        self._burst = burst
        self._jitter_allowance = jitter_allowance
        self._set_rate(rate)
        self._theoretical_arrival = -math.inf
        # The same, had each request only arrived when it was answered: later it cannot have been.
        self._latest_theoretical_arrival = -math.inf
        self._paused_until = -math.inf
        self._quota_said_to, self._quota_ends_with = 0, 0
        self._quota_until = -math.inf
        self._turn = trio.StrictFIFOLock()
        self._granted = 0
        self._waiting = 0
        self._fastest_answer = math.inf

    async def acquire(self) -> "Grant":
        """Wait for a token and take it; the grant is to be told what becomes of the request.

        A cancellation leaves the bucket as it was: no token is taken, and who waits behind moves up.

        Raises:
            DeadlineNearError: when a pause lasts longer than whoever asks may wait.
        """
        self._waiting += 1
        try:
            async with self._turn:
                # Only a pause that was set during the sleep makes it sleep again.
                while (wake_at := self._next_grant_at()) > trio.current_time():  # noqa: ASYNC110
                    pause = self._paused_until - trio.current_time()
                    check_deadline(self._paused_until, f"the API's quota is used up for another {pause:.0f} s")
                    await trio.sleep_until(wake_at)
                arrival = max(self._theoretical_arrival, trio.current_time())
                self._theoretical_arrival = arrival + self._interval
                self._latest_theoretical_arrival += self._interval
                self._granted += 1
                return Grant(self, self._granted)
        finally:
            self._waiting -= 1

    def must_wait(self) -> bool:
        """Whether who asks for a token now does not get it at once."""
        return self._next_grant_at() > trio.current_time() or (self._waiting > 0 and self._interval > 0)

    def slow_down(self, rate: float) -> None:
        """Grant ``rate`` tokens a second from now on, and no burst before there was a rest."""
        self._set_rate(rate)
        self._theoretical_arrival = max(self._theoretical_arrival, trio.current_time() + self._tolerance)

    def speed_up(self, rate: float) -> None:
        """Grant ``rate`` tokens a second from now on, which is more than before."""
        self._set_rate(rate)

    def _set_rate(self, rate: float) -> None:
        self._interval = 1 / rate if rate else 0.0
        burst = self._burst
        headroom = self._interval * (burst - 1) / 2 if burst > 1 else _headroom_without_burst(self._interval)
        self._tolerance = (burst - 1) * self._interval - min(self._jitter_allowance, headroom)

    def pause_until(self, moment: float) -> None:
        """Grant nothing before ``moment`` on Trio's clock; an earlier pause never shortens a later one."""
        self._paused_until = max(self._paused_until, moment)

    def _next_grant_at(self) -> float:
        return max(self._pause_ends_at(), self._theoretical_arrival - self._tolerance)

    def _pause_ends_at(self) -> float:
        quota_at = self._quota_until if self._granted >= self._quota_ends_with else -math.inf
        return max(self._paused_until, quota_at)

    def _heed_quota(self, number: int, quota: int, until: float) -> None:
        # The later a request, the more its answer knows; what was said to others before is out of date.
        if number > self._quota_said_to:
            self._quota_said_to, self._quota_ends_with, self._quota_until = number, number + quota, until

    def _arrives(self, number: int, moment: float) -> None:
        # All granted since then count from that moment, too.
        since = self._granted - number
        self._theoretical_arrival = max(self._theoretical_arrival, moment + (since + 1) * self._interval)

    def _answers(self, number: int, sent_at: float, took: float) -> None:
        if took < self._fastest_answer:
            # Those before were all held up by that much more than it seemed.
            if self._fastest_answer < math.inf:
                later = self._theoretical_arrival + self._fastest_answer - took
                bounded = min(later, self._latest_theoretical_arrival)
                self._theoretical_arrival = max(self._theoretical_arrival, bounded)
            self._fastest_answer = took
        since = self._granted - number
        answered_last = sent_at + took + (since + 1) * self._interval
        self._latest_theoretical_arrival = max(self._latest_theoretical_arrival, answered_last)
        self._arrives(number, sent_at + took - self._fastest_answer)

    def statistics(self) -> TokenBucketStatistics:
        """A snapshot of the bucket."""
        return TokenBucketStatistics(
            granted=self._granted,
            tasks_waiting=self._waiting,
            next_grant_at=self._next_grant_at(),
            paused_until=self._pause_ends_at(),
        )


class Grant:
    """One token, and what becomes of the request that it was for.

    The server counts from when a request arrives, and so must the bucket: else those granted behind one that was held
    up would come too early. When it arrived cannot be known, but when it left can, and by how much its answer took
    longer than the fastest answer of all: it was held up by no more than that.
    """

    def __init__(self, bucket: TokenBucket, number: int) -> None:
        self._bucket = bucket
        self._number = number
        self._sent_at: float | None = None

    def sent(self) -> None:
        """The request leaves now; a connection that had to be opened stands."""
        self._sent_at = trio.current_time()
        self._bucket._arrives(self._number, self._sent_at)

    def leaves(self, quota: int, until: float) -> None:
        """The answer says that so many more requests may be made until a time on Trio's clock.

        It counts those that came before it, and knows nothing of those that were granted since.
        """
        self._bucket._heed_quota(self._number, quota, until)

    def answered(self) -> None:
        """The answer begins to come now."""
        if self._sent_at is not None:
            self._bucket._answers(self._number, self._sent_at, trio.current_time() - self._sent_at)
            self._sent_at = None

    def over(self) -> None:
        """Nothing comes any more; without an answer, the request may have arrived as late as now."""
        if self._sent_at is not None:
            self._bucket._arrives(self._number, trio.current_time())
            self._sent_at = None


def _headroom_without_burst(interval: float) -> float:
    return min(max(0.05 * interval, 0.01), 0.25 * interval)
