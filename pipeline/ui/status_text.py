"""Short texts for the state of endpoints and runs, shared by bars and progress lines."""

import math

from pipeline.formatting import duration
from pipeline.model.status import EndpointStatus, RunStatus

_ENDED = {"complete": "done", "partial": "partial", "failed": "failed"}

# Shorter pauses, in seconds, are over before they are read.
_SHORTEST_PAUSE = 1.0


def remaining(seconds: float) -> str:
    """Return the time that is left in whole seconds, rounded up, so that it is ``0 s`` only when it is over."""
    return duration(math.ceil(seconds))


def of_all(number: int, total: int | None, separator: str = "/") -> str:
    """Return ``3/7``, or ``3`` if the total is unknown."""
    return f"{number:,}" if total is None else f"{number:,}{separator}{total:,}"


def is_paused(status: EndpointStatus) -> bool:
    """True if the API asked for a pause that is long enough to be shown."""
    return status.paused_for >= _SHORTEST_PAUSE and not status.ended


def state(status: EndpointStatus) -> str:
    """Return the endpoint's outcome, the state of its circuit or its pause; an empty string if it just runs."""
    if status.circuit == "given up":
        return "given up"
    if status.ended:
        return _ENDED[status.ended]
    if status.circuit == "half-open":
        return "half-open, probing"
    if status.circuit == "open":
        return f"open, probe {f'in {remaining(status.probe_in)}' if status.probe_in else 'due'}"
    return f"paused for {remaining(status.paused_for)}" if is_paused(status) else ""


def outlook(run: RunStatus, seconds_to_go: float | None) -> tuple[str, str]:
    """Return the estimated time to completion and the time until the deadline, both as text.

    The second text warns if the estimate is later than the deadline.
    """
    if not run.fetching:
        return "", "fetching is over, writing"
    left = f"{remaining(run.seconds_left)} left"
    if seconds_to_go is None:
        return "ETA unknown", left
    return f"ETA {remaining(seconds_to_go)}", f"too late: {left}" if seconds_to_go > run.seconds_left else left
