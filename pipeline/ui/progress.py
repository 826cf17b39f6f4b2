"""Progress lines, for where there is no terminal to draw bars on.

What a person sees of a run while it is under way: bars on a terminal, a line now and then elsewhere.
"""

import os
import sys
from collections.abc import Sequence

import trio
from loguru import logger

from pipeline.model.status import EndpointStatus, Poll, RunStatus, Watch
from pipeline.ui.bars import screen_size, show_bars
from pipeline.ui.formatting import counted, duration, is_paused, of_all, outlook
from pipeline.ui.throughput import Paced, Paces, seconds_to_go

# Seconds from one line to the next; a run that is shorter has none.
INTERVAL = 5.0


async def log_progress(poll: Poll) -> None:
    """Log how a run stands every few seconds, until cancelled."""
    paces = Paces()
    paces.of(poll())
    while True:
        await trio.sleep(INTERVAL)
        run = poll()
        logger.info("{}", progress_line(run, paces.of(run)))


def progress_line(run: RunStatus, endpoints: Sequence[Paced]) -> str:
    """How a run stands, in one line."""
    total = run.pages_in_all
    parts = [
        counted(run.pages, "page") if total is None else f"{of_all(run.pages, total, ' of ')} pages",
        counted(run.records, "record"),
        f"{len(run.endpoints) - run.ended} of {counted(len(run.endpoints), 'endpoint')} under way",
        _circuits([endpoint for endpoint in run.endpoints if endpoint.circuit != "closed" and not endpoint.ended]),
        _pauses([endpoint for endpoint in run.endpoints if endpoint.circuit == "closed" and is_paused(endpoint)]),
        *outlook(run, seconds_to_go(endpoints)),
    ]
    return f"progress: {', '.join(part for part in parts if part)}"


def _circuits(endpoints: Sequence[EndpointStatus]) -> str:
    if len(endpoints) != 1:
        return f"{len(endpoints)} circuits are open" if endpoints else ""
    (endpoint,) = endpoints
    probe = f"probe in {duration(endpoint.probe_in)}" if endpoint.probe_in else "probing"
    return f"{endpoint.source}'s circuit is open ({probe})"


def _pauses(endpoints: Sequence[EndpointStatus]) -> str:
    if len(endpoints) != 1:
        return f"{len(endpoints)} endpoints are paused" if endpoints else ""
    return f"{endpoints[0].source} is paused for {duration(endpoints[0].paused_for)}"


def progress_watch() -> Watch:
    """What fits standard error: bars need a terminal that knows its size and lets its cursor be moved."""
    draws = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return show_bars if draws and all(screen_size(sys.stderr)) else log_progress
