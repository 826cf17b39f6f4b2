"""Attribute the time of an endpoint's fetch to the activity that it was spent on."""

import math
from contextlib import AbstractContextManager

import trio

from pipeline.model.metrics import Activity, TimeSpent

_MILLISECONDS = 3

# An activity's rank is its position in the enumeration. Ranks are plain numbers because activities change often.
_RANKS = {activity: rank for rank, activity in enumerate(Activity)}
_TOKENS, _RETRY_AFTER, _REST = _RANKS[Activity.TOKENS], _RANKS[Activity.RETRY_AFTER], _RANKS[Activity.NORMALIZING]


class TimeAccount:
    """A time account that splits the time from :meth:`start` to the last delivery, without gaps or overlaps.

    Several tasks may be active at once. Each moment then belongs to the first of their activities in the order of
    :class:`Activity`. A moment without any activity belongs to ``NORMALIZING``. Times are on Trio's clock.
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
        """Start the account, or go on with it after a rest, which does not count."""
        self._since = trio.current_time()
        self._over = False

    def during(self, activity: Activity) -> AbstractContextManager[None]:
        """Return a context manager for a task's activity; several tasks may enter it at once."""
        return self._during[activity]

    def paused_until(self, moment: float) -> None:
        """Record a pause that the API imposed: until then, waiting for a token counts as ``RETRY_AFTER``."""
        self._settle()
        self._paused_until = moment

    def sent(self) -> None:
        """Record that a page was sent to be normalized."""
        self._undelivered += 1

    def delivered(self) -> None:
        """Record that a sent page was normalized and written to the journal."""
        self._undelivered -= 1
        if self._over:
            self._settle()
            if not self._undelivered:
                self._since = None

    def over(self) -> None:
        """Record that fetching has ended; pages that were sent may still be normalized."""
        self._settle()
        self._over = True
        self._now_at = _REST
        if not self._undelivered:
            self._since = None

    @property
    def is_over(self) -> bool:
        """True once fetching has ended and everything that was sent is delivered."""
        return self._over and not self._undelivered

    def statistics(self) -> TimeSpent:
        """Return the time spent so far, in seconds, rounded to milliseconds."""
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
        """Attribute the time since the last call."""
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
    """One activity of an account, as a context manager that several tasks may enter at once."""

    def __init__(self, account: TimeAccount, rank: int) -> None:
        self._account = account
        self._rank = rank

    def __enter__(self) -> None:
        self._account._begins(self._rank)

    def __exit__(self, *_: object) -> None:
        self._account._ends(self._rank)
