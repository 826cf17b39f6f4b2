"""Attributes each moment of an endpoint's walk to what held it up."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from pipeline.timing import Activity, TimeSpent

_MILLISECONDS = 3


class TimeAccount:
    """Splits the time between :meth:`start` and the last page's delivery, without a gap and without an overlap.

    Several tasks may say what they are about at once; a moment belongs to the first of their activities in the order of
    :class:`Activity`, and one of which nobody says anything to ``NORMALIZING``. Times are Trio's.
    """

    def __init__(self) -> None:
        self._spent = dict.fromkeys(Activity, 0.0)
        self._tasks = dict.fromkeys(Activity, 0)
        self._now_at = Activity.NORMALIZING
        self._since: float | None = None
        self._paused_until = -math.inf
        self._undelivered = 0
        self._over = False

    def start(self) -> None:
        """The walk begins."""
        self._since = trio.current_time()

    @contextmanager
    def during(self, activity: Activity) -> Iterator[None]:
        """A task is about this for as long as the context lasts."""
        self._tasks[activity] += 1
        self._turn()
        try:
            yield
        finally:
            self._tasks[activity] -= 1
            self._turn()

    def paused_until(self, moment: float) -> None:
        """Until then the API wants to be left alone: who waits for a token waits for that."""
        self._settle()
        self._paused_until = moment

    def sent(self) -> None:
        """A page is on its way to be normalized."""
        self._undelivered += 1

    def delivered(self) -> None:
        """A page that was sent is normalized and written down."""
        self._undelivered -= 1
        if self._over:
            self._settle()
            if not self._undelivered:
                self._since = None

    def over(self) -> None:
        """The walk is over; what was sent may still be under way."""
        self._settle()
        self._over = True
        self._now_at = Activity.NORMALIZING
        if not self._undelivered:
            self._since = None

    def statistics(self) -> TimeSpent:
        """The time so far, to the millisecond."""
        self._settle()
        parts = {activity.value: round(seconds, _MILLISECONDS) for activity, seconds in self._spent.items()}
        return TimeSpent(wall=round(sum(parts.values()), _MILLISECONDS), **parts)

    def _turn(self) -> None:
        self._settle()
        if not self._over:
            self._now_at = next((a for a in Activity if self._tasks[a]), Activity.NORMALIZING)

    def _settle(self) -> None:
        """Book the time since the last call."""
        if self._since is None:
            return
        now = trio.current_time()
        if self._now_at is Activity.TOKENS:
            paused = min(max(self._paused_until - self._since, 0.0), now - self._since)
            self._spent[Activity.RETRY_AFTER] += paused
            self._since += paused
        self._spent[self._now_at] += now - self._since
        self._since = now
