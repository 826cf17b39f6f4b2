"""Rows of the progress display, computed from the status of a run, and the choice of endpoints that get one."""

import heapq
from collections.abc import Sequence

import msgspec

from pipeline.formatting import counted
from pipeline.model.status import RunStatus
from pipeline.ui.columns import cells, fitted, printable
from pipeline.ui.status_text import is_paused, of_all, outlook, state
from pipeline.ui.throughput import Paced, is_held_up, seconds_to_go


def worst(endpoints: Sequence[Paced], most: int) -> list[int]:
    """Return the indices of at most ``most`` endpoints, the one in most trouble first.

    Open circuits come first, then pauses, then other active endpoints, then endpoints that ended incomplete. Equals are
    ordered by retries, then by remaining pages, then as configured.
    """

    def badness(index: int) -> tuple[int, int, int]:
        endpoint = endpoints[index]
        return _trouble(endpoint), endpoint.status.retries, endpoint.pages_left or 0

    return heapq.nlargest(most, range(len(endpoints)), key=badness)


def _trouble(endpoint: Paced) -> int:
    status = endpoint.status
    if status.ended:
        return 0 if status.ended == "complete" else 1
    if status.circuit != "closed":
        return 4
    return 3 if is_paused(status) else 2


# Minimum width of the terminal and length of the bars, in columns; narrower terminals have no bars.
_BARS = ((100, 20), (60, 10))

# Names take at most a quarter of a line.
_SHARE_OF_NAMES = 4

# A text beside the counts and its importance; the least important ones are left out first.
_Part = tuple[int, str]


class Row(msgspec.Struct, frozen=True):
    """One line for tqdm: ``n`` of ``total`` (None if unknown), and ``layout``, its ``bar_format``."""

    n: int
    total: int | None
    layout: str


class _Line(msgspec.Struct, frozen=True):
    """A line before its layout; ``parts`` are shown if there is room."""

    name: str
    n: int
    total: int | None
    unit: str
    parts: Sequence[_Part]


def rows(run: RunStatus, endpoints: Sequence[Paced], width: int, shown: Sequence[int] | None = None) -> list[Row]:
    """Return a row for each endpoint and one for the run, none of them wider than ``width`` columns.

    With ``shown``, all endpoints share one row, followed by rows for the endpoints with these indices.
    """
    lines = [_endpoint_line(endpoint) for endpoint in endpoints] if shown is None else []
    if shown is not None:
        lines = [_folded_line(run), *(_endpoint_line(endpoints[index]) for index in shown)]
    return _laid_out([*lines, _run_line(run, endpoints, folded=shown is not None)], width)


def _endpoint_line(endpoint: Paced) -> _Line:
    status = endpoint.status
    parts = [
        (2, f"{of_all(status.records, status.records_announced)} records" if status.records else ""),
        (1, _rate([endpoint])),
        (3, counted(status.retries, "retry", "retries") if status.retries else ""),
        (4, state(status)),
    ]
    return _Line(status.source, status.pages, status.pages_wanted, "pages", parts)


def _folded_line(run: RunStatus) -> _Line:
    under_way = [endpoint for endpoint in run.endpoints if not endpoint.ended]
    opened = sum(endpoint.circuit != "closed" for endpoint in under_way)
    paused = sum(is_paused(endpoint) for endpoint in under_way)
    incomplete = sum(endpoint.ended in ("partial", "failed") for endpoint in run.endpoints)
    parts = [
        (3, counted(opened, "circuit") + " open" if opened else ""),
        (1, f"{paused:,} paused" if paused else ""),
        (2, f"{incomplete:,} incomplete" if incomplete else ""),
    ]
    return _Line("endpoints", run.ended, len(run.endpoints), "ended", parts)


def _run_line(run: RunStatus, endpoints: Sequence[Paced], *, folded: bool) -> _Line:
    """Return the line of the run; the number of ended endpoints is in the shared row, if there is one."""
    eta, left = outlook(run, seconds_to_go(endpoints))
    parts = [
        (2, counted(run.records, "record")),
        (1, _rate(endpoints)),
        (4, "" if folded else f"{of_all(run.ended, len(endpoints))} ended"),
        (3, f"{int(run.elapsed)} of {run.timeout:g} s"),
        (5, eta),
        (6, left),
    ]
    return _Line("total", run.pages, run.pages_in_all, "pages", parts)


def _rate(endpoints: Sequence[Paced]) -> str:
    """Return the records per second of all endpoints that nothing holds up; empty if there are none."""
    rate = sum(endpoint.records_a_second or 0.0 for endpoint in endpoints if not is_held_up(endpoint.status))
    return f"{rate:,.0f}/s" if rate >= 9.5 else f"{rate:.1f}/s" if rate >= 0.05 else ""


def _laid_out(lines: Sequence[_Line], width: int) -> list[Row]:
    """Align the columns of the lines, and keep the parts for which there is room."""
    bar = next((length for least, length in _BARS if width >= least), 0)
    names = [printable(line.name) for line in lines]
    counts = [of_all(line.n, line.total) + (f" {line.unit}" if bar else "") for line in lines]
    name_width = min(max(map(cells, names)), max(width // _SHARE_OF_NAMES, 1))
    count_width = max(map(cells, counts))
    result = []
    for line, name, count in zip(lines, names, counts, strict=True):
        head = f"{fitted(name, name_width)}  {count:>{count_width}}"
        room = width - cells(head) - (bar + 4 if bar else 2)
        text = _braced(_fitting(line.parts, room))
        layout = f"{_braced(head)} |{{bar:{bar}}}| {text}" if bar else f"{_braced(head)}  {text}"
        result.append(Row(line.n, line.total, layout.rstrip()))
    return result


def _fitting(parts: Sequence[_Part], room: int) -> str:
    """Join the parts, leaving out the least important ones until the text fits."""
    kept = [part for part in parts if part[1]]
    while kept and cells(text := ", ".join(words for _, words in kept)) > room:
        kept.remove(min(kept))
    return text if kept else ""


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
