"""The closing table: the result of each source, and the files written."""

import heapq
import textwrap
from collections.abc import Iterator, Sequence

from pipeline.formatting import counted, duration
from pipeline.model.summary import Replay, SourceReport, Summary, page_ranges
from pipeline.ui.columns import columns

_HEAD = ("source", "status", "products", "dup", "rej", "pages", "missing", "req", "retry", "err")

_WIDTH = 80

# Bottlenecks are shown for the slowest sources, and only for those that took this many seconds.
_MOST_BOTTLENECKS, _SHORT = 3, 1.0


def closing_table(summary: Summary) -> str:
    """Return one line per source, then the result, bottlenecks, files and the next step."""
    rows = [_HEAD, *(_row(source) for source in summary.sources)]
    lines = [columns(rows, numbers=range(2, len(_HEAD)))]
    totals = summary.summary
    products = counted(totals.total_products, "product")
    verdict = f"{totals.status}: {products} in {duration(totals.processing_time_seconds)}"
    lines += ["", f"{verdict} → {summary.output}"]
    lines += [
        f"{source.name}: {counted(source.records_announced, 'record')} announced, {source.items_fetched:,} received"
        for source in summary.sources
        if source.records_announced not in (None, source.items_fetched)
    ]
    lines += _bottlenecks(summary.sources)
    if summary.rejects:
        rejected = sum(source.rejected for source in summary.sources)
        lines.append(f"{counted(rejected, 'record')} rejected → {summary.rejects}")
    if summary.products:
        lines.append(f"products → {summary.products}")
    if summary.report:
        lines.append(f"report → {summary.report}")
    if summary.journal:
        lines.append("Run again with --resume to fetch the missing pages.")
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


def _row(source: SourceReport) -> tuple[str, ...]:
    return (
        source.name,
        source.status,
        f"{source.products:,}",
        f"{source.duplicates:,}",
        f"{source.rejected:,}",
        f"{source.pages_fetched:,}",
        _missing(source),
        f"{source.requests:,}",
        f"{source.retries:,}",
        f"{source.errors:,}",
    )


def _bottlenecks(sources: Sequence[SourceReport]) -> Iterator[str]:
    """Yield the bottlenecks of the slowest sources."""
    longest = heapq.nlargest(_MOST_BOTTLENECKS, sources, key=lambda source: source.time.wall)
    for source in longest:
        if source.time.wall >= _SHORT and source.time.bottleneck:
            text = f"{source.name}: {duration(source.time.wall)}, {source.time.bottleneck}"
            yield textwrap.fill(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _missing(source: SourceReport) -> str:
    """Return the missing pages: ``3, 5-9``, ``7…`` for all from 7 on, ``3, 5, 8, 4 more``."""
    known = [page for page in source.pages_missing if page != source.missing_from]
    parts = [page_ranges(known, most=3)] if known else []
    if source.missing_from is not None:
        parts.append(f"{source.missing_from}…")
    return ", ".join(parts) or "-"
