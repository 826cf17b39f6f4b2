"""Refuse a wait that would end after the deadline of the run."""

import trio

from pipeline.errors import DeadlineNearError, FetchError
from pipeline.model.summary import Action


def check_deadline(moment: float, why: str, code: int | None = None) -> None:
    """Check that a wait until ``moment``, on Trio's clock, ends before the effective deadline of the current task.

    ``why`` begins the text of the error: "the circuit is open until its next probe". ``code`` is the HTTP status that
    imposed the wait, if there was one. Without this check a task would sleep until the deadline and achieve nothing.

    Raises:
        DeadlineNearError: at once, when ``moment`` is the deadline or later.
    """
    if moment >= trio.current_effective_deadline():
        raise DeadlineNearError(why, code=code)


def action_after(error: FetchError) -> Action:
    """Return the reason of the account for a walk that ends because of ``error``."""
    return "deadline" if isinstance(error, DeadlineNearError) else "skip"
