"""Progress of a run: bars on a terminal, otherwise a log line every few seconds."""

import sys
from collections.abc import Sequence
from typing import Any

import trio
from loguru import logger

from pipeline.config.settings import Format
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
        endpoints = paces.update(run)
        logger.bind(**_event(run, endpoints)).info("{}", progress_line(run, endpoints))


def _event(run: RunStatus, endpoints: Sequence[Paced]) -> dict[str, Any]:
    return {
        "event": "progress",
        "pages": run.pages,
        "pages_in_all": run.pages_in_all,
        "records": run.records,
        "endpoints_active": len(run.endpoints) - run.ended,
        "seconds_left": run.seconds_left,
        "seconds_to_go": seconds_to_go(endpoints) if run.fetching else None,
    }


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


def progress_watch(style: Format = Format.TEXT) -> Watch:
    """Return the progress display for standard error, beside log lines of this format.

    Bars need lines of text, and a terminal that knows its size and can move its cursor; everything else gets log lines.
    """
    takes_bars = style is Format.TEXT and takes_controls(sys.stderr) and all(screen_size(sys.stderr))
    return show_bars if takes_bars else log_progress
