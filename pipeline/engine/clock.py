"""A clock that goes on in one process after that of another."""

import time

import trio


class ContinuedClock(trio.abc.Clock):
    """A clock that has the time ``now`` when it starts.

    The times in the state of a walk are on the clock of the process that made it. With this clock they stay valid, if
    it does not start ahead of that one.
    """

    def __init__(self, now: float) -> None:
        self._now = now

    def start_clock(self) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def current_time(self) -> float:
        """Return the time in seconds."""
        return self._now + time.perf_counter() - self._began

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Return the seconds until ``deadline``."""
        return deadline - self.current_time()
