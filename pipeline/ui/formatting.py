"""What bars and progress lines say in words."""

import math

from pipeline.model.status import EndpointStatus, RunStatus

_ENDED = {"complete": "done", "partial": "partial", "failed": "failed"}

# Shorter pauses are over before they are read.
_SHORTEST_PAUSE = 1.0


def duration(seconds: float) -> str:
    """``42 s``, ``2:30 min`` or ``1:05 h``, rounded up: what is left is never 0 before it is."""
    whole = math.ceil(seconds)
    if whole < 100:
        return f"{whole} s"
    if whole < 6000:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 page``, ``2 pages``, ``2 retries``."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def of_all(number: int, total: int | None, separator: str = "/") -> str:
    """``3/7``, or ``3`` where the total is unknown."""
    return str(number) if total is None else f"{number}{separator}{total}"


def is_paused(status: EndpointStatus) -> bool:
    """Whether the API wants to be left alone for so long that it is worth telling."""
    return status.paused_for >= _SHORTEST_PAUSE and not status.ended


def state(status: EndpointStatus) -> str:
    """What is special about the endpoint: how it ended, its circuit, a pause; empty where nothing is."""
    if status.circuit == "given up":
        return "given up"
    if status.ended:
        return _ENDED[status.ended]
    if status.circuit == "half-open":
        return "half-open, probing"
    if status.circuit == "open":
        return f"open, probe {f'in {duration(status.probe_in)}' if status.probe_in else 'due'}"
    return f"paused for {duration(status.paused_for)}" if is_paused(status) else ""


def outlook(run: RunStatus, seconds_to_go: float | None) -> tuple[str, str]:
    """When the run will be done, and the time until its deadline, which may be too little."""
    if not run.fetching:
        return "", "fetching is over, writing"
    left = f"{duration(run.seconds_left)} left"
    if seconds_to_go is None:
        return "ETA unknown", left
    return f"ETA {duration(seconds_to_go)}", f"too late: {left}" if seconds_to_go > run.seconds_left else left
