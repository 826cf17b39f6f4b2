"""Progress of a run: bars on a terminal, otherwise a log line every few seconds."""

import sys
from collections.abc import Sequence

import trio
from loguru import logger

from pipeline.formatting import counted
from pipeline.model.status import EndpointStatus, Poll, RunStatus, Watch
from pipeline.ui.bars import screen_size, show_bars
from pipeline.ui.status_text import is_paused, of_all, outlook, remaining
from pipeline.ui.terminal import takes_controls
from pipeline.ui.throughput import Paced, PaceTracker, seconds_to_go

# Seconds between two lines; a shorter run logs none.
INTERVAL = 5.0


async def log_progress(poll: Poll) -> None:
    """Log the status of a run every few seconds until cancelled."""
    paces = PaceTracker()
    paces.update(poll())
    while True:
        await trio.sleep(INTERVAL)
        run = poll()
        logger.info("{}", progress_line(run, paces.update(run)))


def progress_line(run: RunStatus, endpoints: Sequence[Paced]) -> str:
    """Return the status of a run as one line."""
    total = run.pages_in_all
    parts = [
        counted(run.pages, "page") if total is None else f"{of_all(run.pages, total, ' of ')} pages",
        counted(run.records, "record"),
        f"{len(run.endpoints) - run.ended:,} of {counted(len(run.endpoints), 'endpoint')} active",
        _circuits([endpoint for endpoint in run.endpoints if endpoint.circuit != "closed" and not endpoint.ended]),
        _pauses([endpoint for endpoint in run.endpoints if endpoint.circuit == "closed" and is_paused(endpoint)]),
        *outlook(run, seconds_to_go(endpoints)),
    ]
    return f"progress: {', '.join(part for part in parts if part)}"


def _circuits(endpoints: Sequence[EndpointStatus]) -> str:
    if len(endpoints) != 1:
        return f"{len(endpoints):,} circuits open" if endpoints else ""
    (endpoint,) = endpoints
    probe = f"probe in {remaining(endpoint.probe_in)}" if endpoint.probe_in else "probing"
    return f"{endpoint.source}: circuit open ({probe})"


def _pauses(endpoints: Sequence[EndpointStatus]) -> str:
    if len(endpoints) != 1:
        return f"{len(endpoints):,} endpoints paused" if endpoints else ""
    return f"{endpoints[0].source}: paused for {remaining(endpoints[0].paused_for)}"


def progress_watch() -> Watch:
    """Return the progress display for standard error.

    Bars need a terminal that knows its size and can move its cursor; everything else gets log lines.
    """
    return show_bars if takes_controls(sys.stderr) and all(screen_size(sys.stderr)) else log_progress
