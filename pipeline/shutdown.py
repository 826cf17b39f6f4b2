"""The end of fetching before all walks have ended: by deadline or by signal."""

import signal
from collections.abc import Sequence

import trio
from loguru import logger

from pipeline.model.summary import Action

# A terminal, `just` and `uv run` may each forward the same signal: within this time a second one is an echo.
ECHO_SECONDS = 1.0


class Shutdown:
    """The events that end the fetching early: the deadline, in seconds from now, and signals.

    ``cut_off`` is set once a walk is found that did not end by itself.
    """

    def __init__(self, *, timeout: float) -> None:
        self.fetching = trio.CancelScope(deadline=trio.current_time() + timeout)
        self.cut_off = False
        self.last_signal = 0
        self._timeout = timeout
        self._signal: signal.Signals | None = None
        self._fetching_ended = False

    async def watch(
        self,
        signals: Sequence[signal.Signals],
        everything: trio.CancelScope,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Wait for signals: the first ends the fetching, a second one that is not an echo cancels ``everything``.

        A cancellation restores the previous signal handlers.
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
                    self._end_fetching(signal.Signals(number))
                elif now - first_at > ECHO_SECONDS:
                    everything.cancel()
                    return

    def fetching_ended(self) -> None:
        """Note that no event can cut a walk off any more."""
        self._fetching_ended = True

    @property
    def is_fetching(self) -> bool:
        """True until the fetching ends, by itself or early."""
        return not (self._fetching_ended or self.fetching.cancel_called)

    @property
    def stopped_by(self) -> signal.Signals | None:
        """The signal that cut a walk off, None for a signal that arrived when all walks had ended."""
        return self._signal if self.cut_off else None

    def cause(self) -> tuple[Action, str]:
        """Return the reason for which walks were cut off, and its name in the account."""
        if self._signal is not None:
            return "stopped", f"stopped by {self._signal.name}"
        return "deadline", f"the run's timeout of {self._timeout:g} s is over; raise `timeout` (-t)"

    def _end_fetching(self, number: signal.Signals) -> None:
        if self.is_fetching:
            logger.warning("{}: fetching ends; what has arrived is kept", number.name)
            self._signal = number
            self.fetching.cancel()
        else:
            logger.warning("{}: fetching is over; the rest is being written", number.name)
