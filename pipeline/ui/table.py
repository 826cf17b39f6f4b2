"""The closing table: the result of each source, and the files written."""

import heapq
import math
import textwrap
from collections.abc import Iterator, Sequence

from pipeline.formatting import counted, duration
from pipeline.model.stored import Stored
from pipeline.model.summary import Replay, SourceReport, Summary, page_ranges
from pipeline.output.expectations import problems_of
from pipeline.ui.changes import changes_line
from pipeline.ui.columns import columns
from pipeline.ui.folding import folded
from pipeline.ui.terminal import GREEN, RED, YELLOW, coloured

_HEAD = ("source", "status", "products", "priced", "dup", "conflict", "rej", "pages", "missing", "req", "retry", "err")

_WIDTH = 80

# The numbers of a source; the missing pages are in the table after the first six.
_NUMBERS = (
    "products",
    "priced",
    "duplicates",
    "conflicting",
    "rejected",
    "pages_fetched",
    "requests",
    "retries",
    "errors",
)

# The sources that have a row of their own.
MOST_ROWS = 50

_COLOURS = {"complete": GREEN, "partial": YELLOW, "failed": RED, "not stored": RED}

# Bottlenecks are shown for the slowest sources, and only for those that took this many seconds.
_MOST_BOTTLENECKS, _SHORT = 3, 1.0

# The factor by which a proposed deadline exceeds the estimate.
_MARGIN = 1.2


def closing_table(summary: Summary, *, in_colour: bool = False) -> str:
    """Return one line per source, then the result, the problems, bottlenecks, files and the next step.

    Of more than ``MOST_ROWS`` sources, those that are not complete have a line, and the others are added up.

    With ``in_colour`` each status has a colour, and so has the reason for which a run is not stored.
    """
    paint = _painted if in_colour else str
    rows = [_HEAD, *_rows(summary.sources)]
    lines = [columns(rows, numbers=range(2, len(_HEAD)), paint={_HEAD.index("status"): paint})]
    totals = summary.summary
    products = counted(totals.total_products, "product")
    verdict = f"{products} in {duration(totals.processing_time_seconds)}"
    lines += ["", f"{paint(totals.status)}: {verdict} → {summary.output}"]
    if totals.resumed:
        taken_over = counted(totals.resumed.records, "record")
        lines.append(f"{taken_over} taken over from an earlier run, {duration(totals.resumed.age)} old")
    if kept := [source.name for source in summary.sources if source.taken_over]:
        lines.append(_filled(f"taken over from the summary before: {', '.join(kept)}"))
    problems = ((source.name, problem) for source in summary.sources for problem in problems_of(source))
    lines += map(_filled, folded(problems))
    lines += folded(_shortfalls(summary.sources))
    lines += _bottlenecks(summary.sources)
    lines += folded(_refusals(summary.sources))
    if summary.rejects:
        rejected = sum(source.rejected for source in summary.sources)
        lines.append(f"{counted(rejected, 'record')} rejected → {summary.rejects}")
    if summary.products:
        lines.append(f"products → {summary.products}")
    if summary.products_kept:
        state = "is left as it was" if summary.products_kept.exists() else "is not written"
        lines.append(f"{summary.products_kept} {state}, because the run failed")
    if summary.changes and summary.changed:
        lines.append(f"{changes_line(summary.changed)} → {summary.changes}")
    if summary.stored:
        lines.append(f"{_stored(summary.stored)} → {summary.store}")
    if summary.unstored:
        lines.append(_filled(f"not stored: {summary.unstored}").replace("not stored", paint("not stored"), 1))
    if summary.report:
        lines.append(f"report → {summary.report}")
    lines += _next_step(summary)
    return "\n".join(lines)


def replay_line(replay: Replay) -> str:
    """Return the result of a replay of rejected records as one line, and a second one if products were exported."""
    exported = f"\nproducts → {replay.products_file}" if replay.products_file else ""
    if not replay.letters:
        return f"no rejected records: nothing to replay for {replay.output}{exported}"
    again = f", {replay.rejected:,} rejected again → {replay.rejects}" if replay.rejected else ""
    known = f", {counted(replay.duplicates, 'duplicate')}" if replay.duplicates else ""
    new = counted(replay.products, "new product")
    return f"{counted(replay.letters, 'record')} replayed: {new} → {replay.output}{known}{again}{exported}"


def _stored(stored: Stored) -> str:
    return f"{stored.new:,} new, {stored.repriced:,} with another price, {stored.removed:,} removed"


def _rows(sources: Sequence[SourceReport]) -> Iterator[Sequence[str]]:
    if len(sources) <= MOST_ROWS:
        yield from (_row(source.name, source.status, [source], _missing(source)) for source in sources)
        return
    shown = [source for source in sources if source.status != "complete"][:MOST_ROWS]
    yield from (_row(source.name, source.status, [source], _missing(source)) for source in shown)
    names = {source.name for source in shown}
    for status in ("failed", "partial", "complete"):
        if alike := [source for source in sources if source.status == status and source.name not in names]:
            yield _row(f"{len(alike):,} more", status, alike, "-" if status == "complete" else "…")


def _row(name: str, status: str, sources: Sequence[SourceReport], missing: str) -> Sequence[str]:
    """Return a row with the sums over sources that have the same status."""
    numbers = [f"{sum(getattr(source, number) for source in sources):,}" for number in _NUMBERS]
    return (name, status, *numbers[:6], missing, *numbers[6:])


def _bottlenecks(sources: Sequence[SourceReport]) -> Iterator[str]:
    """Yield the bottlenecks of the slowest sources."""
    longest = heapq.nlargest(_MOST_BOTTLENECKS, sources, key=lambda source: source.time.wall)
    for source in longest:
        if source.time.wall >= _SHORT and source.time.bottleneck:
            yield _filled(f"{source.name}: {duration(source.time.wall)}, {source.time.bottleneck}")


def _next_step(summary: Summary) -> Iterator[str]:
    """Yield what would fetch the missing pages: another run that resumes this one, with a later deadline if needed."""
    seconds = _sufficient_timeout(summary)
    later = "" if seconds is None else f" -t {seconds}"
    if summary.unstored and not any(source.gaps for source in summary.sources):
        yield "Run again with --resume to store it; nothing is fetched again."
    elif summary.journal:
        yield f"Run again with --resume{later} to fetch the missing pages."
    elif later:
        yield f"The deadline ended this run: run again with{later}."


def _sufficient_timeout(summary: Summary) -> int | None:
    """Return a deadline in seconds by which everything would have been fetched at this pace; None if it was not near.

    At least twice the time that this run took, which is also the answer if the number of missing pages is unknown.
    """
    cut_off = {failure.source for failure in summary.errors if failure.action == "deadline"}
    if not cut_off:
        return None
    seconds = 2 * summary.summary.processing_time_seconds
    for source in summary.sources:
        if source.name in cut_off and source.pages_wanted and source.pages_fetched:
            seconds = max(seconds, _MARGIN * source.time.wall * source.pages_wanted / source.pages_fetched)
    return math.ceil(seconds / 10) * 10


def _painted(text: str) -> str:
    """Return a text in the colour of the status that it names; other texts stay as they are."""
    code = _COLOURS.get(text.strip())
    return coloured(text, code) if code else text


def _filled(text: str) -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _shortfalls(sources: Sequence[SourceReport]) -> Iterator[tuple[str, str]]:
    """Yield each source that announced another number of records than came, and both numbers."""
    for source in sources:
        announced, received = source.records_announced, source.records_received
        if announced is not None and received is not None and announced != received:
            yield source.name, f"{counted(announced, 'record')} announced, {received:,} received"


def _refusals(sources: Sequence[SourceReport]) -> Iterator[tuple[str, str]]:
    """Yield each source that refused requests, and the rate that it would have accepted."""
    for source in sources:
        if source.refused:
            text = f"{counted(source.refused, 'request')} refused"
            if source.fitting_rps:
                text += f"; `rate_limit: {{rps: {source.fitting_rps:g}, burst: 1}}` would have fitted"
            yield source.name, text


def _missing(source: SourceReport) -> str:
    """Return the missing pages: ``3, 5-9``, ``7…`` for all from 7 on, ``3, 5, 8, 4 more``."""
    known = [page for page in source.pages_missing if page != source.missing_from]
    parts = [page_ranges(known, most=3)] if known else []
    if source.missing_from is not None:
        parts.append(f"{source.missing_from}…")
    return ", ".join(parts) or "-"
