"""Decide when the next request to an endpoint may leave, or to a group of endpoints that share a rate limit."""

import math
from collections.abc import Callable
from random import Random
from typing import Self

import trio

from pipeline.fetch.policy.adaptive_rate import AdaptiveRate
from pipeline.fetch.policy.backoff import Backoff
from pipeline.fetch.policy.quota import Quota
from pipeline.fetch.policy.token_bucket import Grant, TokenBucket, TokenBucketStatistics, check_pause

# Network jitter between two requests, in seconds, that must not make the second one look too early to the server.
JITTER_ALLOWANCE = 0.05

# A change of the rate by less than this share is not worth a report.
_NOTABLE = 0.1

# Pauses after refusals double up to this number of seconds. The first one is at least the other.
LONGEST_PAUSE, SHORTEST_PAUSE = 60.0, 0.1


class Throttle:
    """A token bucket whose rate adapts to refusals, with the pauses and quotas that the server imposes.

    ``rate`` is in requests a second, 0 for no limit. At most ``concurrency`` requests are in flight. All tasks of all
    endpoints that share the throttle are served first come, first served, but refused requests are repeated first.

    After a refusal the burst is 1 for the rest of the run. Requests are then sent one at a time until one passes. Each
    is preceded by the pause that the server asked for, or else by one of ``base_delay`` seconds, doubled for each
    refusal in a row. ``jitter`` is added to it, as a fraction. If a request is refused after the pause that the server
    asked for, that pause was too short, and the longer one of both applies.

    Example::

        throttle = Throttle(rate=5, burst=5, concurrency=8)
        with await throttle.acquire() as turn:
            turn.sent()
            response = await fetch()
            turn.answered()
            if response.status == 429:
                turn.refused()
            else:
                turn.passed()
    """

    def __init__(
        self,
        rate: float,
        burst: int,
        concurrency: int,
        *,
        base_delay: float = 0.5,
        jitter: float = 0.0,
        rng: Random | None = None,
    ) -> None:
        self._bucket = TokenBucket(rate, burst, jitter_allowance=JITTER_ALLOWANCE)
        self._rate = AdaptiveRate(rate)
        self._applied_rate = self._told_rate = self._rate.rate
        shortest = max(base_delay, SHORTEST_PAUSE)
        self._pauses = Backoff(base_delay=shortest, max_delay=max(LONGEST_PAUSE, shortest), jitter=jitter)
        self._rng = rng or Random()
        self._concurrency = concurrency
        self._line, self._line_of_repeats = trio.StrictFIFOLock(), trio.StrictFIFOLock()
        self._waiting = 0
        self._repeats_waiting = 0
        self._in_flight = 0
        self._probing = False
        self._changed = trio.Event()
        self._told_pause = self._bucket.statistics().paused_until
        self._on_pause: list[Callable[[float], None]] = []

    def on_pause(self, notify: Callable[[float], None]) -> None:
        """Call ``notify`` with the end of each pause, on Trio's clock, as soon as it is known."""
        self._on_pause.append(notify)

    async def acquire(self, *, repeats: bool = False) -> "Turn":
        """Wait until a request may leave; report its progress to the returned turn.

        ``repeats`` is True for a request that was refused before. It goes ahead of those that were not sent yet, since
        the server would also refuse them. If cancelled, no token is consumed and the next waiter moves up.

        Raises:
            DeadlineNearError: when a pause lasts until the caller's deadline or longer.
        """
        self._waiting += 1
        self._repeats_waiting += repeats
        try:
            async with self._line_of_repeats if repeats else self._line:
                await self._until_granted(repeats=repeats)
                # Reserved before the next checkpoint: a task of the other line may pass the same gate there.
                self._in_flight += 1
                self._probing = is_probe = self._rate.in_incident
                try:
                    grant = await self._bucket.acquire()
                except BaseException:
                    self._in_flight -= 1
                    self._probing = self._probing and not is_probe
                    self._wake()
                    raise
                self._tell_pause()  # this grant may have used up the quota
                return Turn(self, grant, self._applied_rate, is_probe=is_probe)
        finally:
            self._waiting -= 1
            self._repeats_waiting -= repeats
            if repeats:
                self._wake()

    async def _until_granted(self, *, repeats: bool) -> None:
        while True:
            statistics = self._bucket.statistics()
            if self._is_held() or (self._repeats_waiting and not repeats):
                await self._changed.wait()
            elif statistics.next_grant_at > trio.current_time():
                check_pause(statistics.paused_until)
                with trio.move_on_at(statistics.next_grant_at):
                    await self._changed.wait()
            else:
                return

    def start_empty(self, now: float) -> None:
        """Start again at ``now`` with an empty bucket, after the time in which a full one is used up.

        This is for a throttle whose latest requests are unknown.
        """
        self._bucket.start_empty(now)

    def must_wait(self) -> bool:
        """True if :meth:`acquire` would not return at once."""
        return self._waiting > 0 or self._is_held() or self._bucket.must_wait()

    def statistics(self) -> TokenBucketStatistics:
        """Return a snapshot of the bucket; ``tasks_waiting`` are those that wait for a turn."""
        statistics = self._bucket.statistics()
        return TokenBucketStatistics(
            granted=statistics.granted,
            tasks_waiting=self._waiting,
            next_grant_at=statistics.next_grant_at,
            paused_until=statistics.paused_until,
        )

    def take_change(self) -> tuple[float, float] | None:
        """Return the rate before and now, 0 for no limit, if it changed by a tenth since the last call; else None."""
        before, now = self._told_rate, self._applied_rate
        if abs(now - before) < _NOTABLE * before or now == before:
            return None
        self._told_rate = now
        return before, now

    def fitting_rate(self) -> float | None:
        """Return the rate that would have fitted, with a burst of 1; None if nothing was refused, or if unknown.

        It is rounded down to two digits.
        """
        rate = self._rate.fitting(trio.current_time())
        if not rate:
            return None
        digits = 1 - math.floor(math.log10(rate))
        return math.floor(rate * 10.0**digits) / 10.0**digits

    def _is_held(self) -> bool:
        return self._probing or self._in_flight >= self._concurrency

    def _refused(self, turn: "Turn", asked: float | None) -> float:
        now = trio.current_time()
        in_a_row = self._rate.refused(turn.began_at, turn.rate, now)
        self._bucket.end_burst()
        self._adapt()
        pauses = [asked or 0.0]
        # The first of a number of refusals gets what the server asked for. Later ones show that this was too short.
        if (number := in_a_row - bool(asked)) > 0:
            pauses.append(self._pauses.delay(number, self._rng))
        self._bucket.pause_until(now + max(pauses))
        self._tell_pause()
        return self._bucket.statistics().next_grant_at

    def _passed(self, turn: "Turn") -> None:
        self._rate.passed(turn.began_at)
        self._adapt()

    def _adapt(self) -> None:
        if self._rate.rate != self._applied_rate:
            self._applied_rate = self._rate.rate
            self._bucket.change_rate(self._applied_rate)

    def _heed(self, grant: Grant, quota: Quota) -> None:
        until = trio.current_time() + quota.seconds
        if quota.left <= 0:
            self._bucket.pause_until(until)
        else:
            grant.leaves(int(quota.left), until)
        self._tell_pause()

    def _tell_pause(self) -> None:
        pause = self._bucket.statistics().paused_until
        if pause != self._told_pause:
            self._told_pause = pause
            for notify in self._on_pause:
                notify(pause)

    def _over(self, *, is_probe: bool) -> None:
        self._in_flight -= 1
        if is_probe:
            self._probing = False
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


class Turn:
    """The turn of one request, as a context manager; its end makes room for another request."""

    def __init__(self, throttle: Throttle, grant: Grant, rate: float, *, is_probe: bool) -> None:
        self._throttle = throttle
        self._grant = grant
        self._is_probe = is_probe
        self.rate = rate
        self.began_at = trio.current_time()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._grant.over()
        self._throttle._over(is_probe=self._is_probe)

    def sent(self) -> None:
        """Report that the request leaves now, on a connection that is already open."""
        self._grant.sent()

    def answered(self) -> None:
        """Report that the answer begins to arrive now."""
        self._grant.answered()

    def passed(self) -> None:
        """Report that the server did not refuse the request."""
        self._throttle._passed(self)

    def refused(self, asked: float | None = None) -> float:
        """Report that the server refused the request; return the time of the next one, on Trio's clock.

        ``asked`` is the pause in seconds that the server asked for, if it did.
        """
        return self._throttle._refused(self, asked)

    def heed(self, quota: Quota) -> None:
        """Keep to the quota that the answer announced."""
        self._throttle._heed(self._grant, quota)
