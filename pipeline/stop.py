"""What ends a run before its time: the deadline, and signals."""

import signal
from collections.abc import Sequence

import trio
from loguru import logger

from pipeline.fetch.endpoint import Fetcher
from pipeline.model import Walk

# `just`, `uv run` and a terminal may each pass the same signal on: so soon, a second one is the first one's echo.
ECHO_SECONDS = 1.0


class Stop:
    """What ends the fetching before its time: the deadline (on Trio's clock) or a signal.

    ``cut_by`` is the signal that did, None for one that came when the fetching was over anyway.
    """

    def __init__(self, *, deadline: float) -> None:
        self.fetching = trio.CancelScope(deadline=deadline)
        self._signal: signal.Signals | None = None
        self._cut_off = False
        self.last_signal = 0
        self._over = False

    async def watch(
        self,
        signals: Sequence[signal.Signals],
        everything: trio.CancelScope,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Wait for signals: the first ends the fetching, one that is no echo of it cancels ``everything``.

        A cancellation restores the signals' usual handling.
        """
        if not signals:
            task_status.started()
            return
        first_at: float | None = None
        with trio.open_signal_receiver(*signals) as arrivals:
            task_status.started()
            async for number in arrivals:
                now = trio.current_time()
                self.last_signal = number
                if first_at is None:
                    first_at = now
                    self._first(signal.Signals(number))
                elif now - first_at > ECHO_SECONDS:
                    everything.cancel()
                    return

    def fetching_is_over(self) -> None:
        """No signal can cut anything off any more."""
        self._over = True

    @property
    def is_fetching(self) -> bool:
        """Whether the fetching still goes on."""
        return not (self._over or self.fetching.cancel_called)

    def account_of(self, fetcher: Fetcher, timeout: float) -> Walk:
        """The account of a fetcher that has ended, closed with the reason where it was cut off."""
        if self._signal is not None:
            self._cut_off |= fetcher.interrupt("stopped", f"stopped by {self._signal.name}")
        else:
            fetcher.interrupt("deadline", f"the run's timeout of {timeout:g} s is over; raise `timeout` (-t)")
        return fetcher.statistics()

    @property
    def cut_by(self) -> signal.Signals | None:
        """The signal that cut something off, None for one that came when all walks had ended."""
        return self._signal if self._cut_off else None

    def _first(self, number: signal.Signals) -> None:
        if self.is_fetching:
            logger.warning("{}: fetching ends, what arrived is kept", number.name)
            self._signal = number
            self.fetching.cancel()
        else:
            logger.warning("{}: fetching is over, the rest is being written", number.name)
