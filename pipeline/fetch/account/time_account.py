"""Attributes each moment of an endpoint's walk to what held it up."""

import math
from contextlib import AbstractContextManager

import trio

from pipeline.model.metrics import Activity, TimeSpent

_MILLISECONDS = 3

# An activity's rank is its place in this order. Each page changes its activity a few times, so these are plain numbers.
_RANKS = {activity: rank for rank, activity in enumerate(Activity)}
_TOKENS, _RETRY_AFTER, _REST = _RANKS[Activity.TOKENS], _RANKS[Activity.RETRY_AFTER], _RANKS[Activity.NORMALIZING]


class TimeAccount:
    """Splits the time between :meth:`start` and the last page's delivery, without a gap and without an overlap.

    Several tasks may say what they are about at once; a moment belongs to the first of their activities in the order of
    :class:`Activity`, and one of which nobody says anything to ``NORMALIZING``. Times are Trio's.
    """

    def __init__(self) -> None:
        self._spent = [0.0] * len(_RANKS)
        self._tasks = [0] * len(_RANKS)
        self._during = {activity: _During(self, rank) for activity, rank in _RANKS.items()}
        self._now_at = _REST
        self._since: float | None = None
        self._paused_until = -math.inf
        self._undelivered = 0
        self._over = False

    def start(self) -> None:
        """The walk begins."""
        self._since = trio.current_time()

    def during(self, activity: Activity) -> AbstractContextManager[None]:
        """A task is about this for as long as the context lasts."""
        return self._during[activity]

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
        self._now_at = _REST
        if not self._undelivered:
            self._since = None

    def statistics(self) -> TimeSpent:
        """The time so far, to the millisecond."""
        self._settle()
        parts = {activity.value: round(self._spent[rank], _MILLISECONDS) for activity, rank in _RANKS.items()}
        return TimeSpent(wall=round(sum(parts.values()), _MILLISECONDS), **parts)

    def _begins(self, rank: int) -> None:
        self._settle()
        self._tasks[rank] += 1
        if rank < self._now_at and not self._over:
            self._now_at = rank

    def _ends(self, rank: int) -> None:
        self._settle()
        self._tasks[rank] -= 1
        if rank == self._now_at and not self._tasks[rank]:
            self._now_at = next((each for each, tasks in enumerate(self._tasks) if tasks), _REST)

    def _settle(self) -> None:
        """Book the time since the last call."""
        if self._since is None:
            return
        now = trio.current_time()
        if self._now_at == _TOKENS:
            paused = min(max(self._paused_until - self._since, 0.0), now - self._since)
            self._spent[_RETRY_AFTER] += paused
            self._since += paused
        self._spent[self._now_at] += now - self._since
        self._since = now


class _During(AbstractContextManager[None]):
    """One activity of an account; may be entered by several tasks at once."""

    def __init__(self, account: TimeAccount, rank: int) -> None:
        self._account = account
        self._rank = rank

    def __enter__(self) -> None:
        self._account._begins(self._rank)

    def __exit__(self, *_: object) -> None:
        self._account._ends(self._rank)
