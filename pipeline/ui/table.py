"""The closing table: what came from each source, and what did not."""

import heapq
import textwrap
from collections.abc import Iterator, Sequence

from pipeline.model.summary import Replay, SourceReport, Summary, page_ranges
from pipeline.ui.columns import columns

_HEAD = ("source", "status", "products", "dup", "rej", "pages", "missing", "req", "retry", "err")

_WIDTH = 80

# Where the time went is told of so many sources, and of none that took less, in seconds.
_MOST_BOTTLENECKS, _SHORT = 3, 1.0


def closing_table(summary: Summary) -> str:
    """One line per source, then the verdict and where the summary lies."""
    rows = [_HEAD, *(_row(source) for source in summary.sources)]
    lines = [columns(rows, numbers=range(2, len(_HEAD)))]
    totals = summary.summary
    verdict = f"{totals.status}: {totals.total_products} products in {totals.processing_time_seconds:.1f} s"
    lines += ["", f"{verdict} → {summary.output}"]
    lines += [
        f"{source.name}: the API announced {source.records_announced} records, {source.items_fetched} came."
        for source in summary.sources
        if source.records_announced not in (None, source.items_fetched)
    ]
    lines += _bottlenecks(summary.sources)
    if summary.rejects:
        rejected = sum(source.rejected for source in summary.sources)
        lines.append(f"{rejected} record{'s' * (rejected > 1)} rejected → {summary.rejects}")
    if summary.products:
        lines.append(f"the products alone → {summary.products}")
    if summary.report:
        lines.append(f"report → {summary.report}")
    if summary.journal:
        lines.append("What is missing can still be had: run it again with --resume.")
    return "\n".join(lines)


def replay_line(replay: Replay) -> str:
    """What a replay of the rejected records came to."""
    alone = f"\nthe products alone → {replay.products_file}" if replay.products_file else ""
    if not replay.letters:
        return f"no rejected records: nothing to replay for {replay.output}{alone}"
    again = f", {replay.rejected} rejected again → {replay.rejects}" if replay.rejected else ""
    known = f", {replay.duplicates} of known products" if replay.duplicates else ""
    return f"replayed {replay.letters}: {replay.products} new products → {replay.output}{known}{again}{alone}"


def _row(source: SourceReport) -> tuple[str, ...]:
    return (
        source.name,
        source.status,
        str(source.products),
        str(source.duplicates),
        str(source.rejected),
        str(source.pages_fetched),
        _missing(source),
        str(source.requests),
        str(source.retries),
        str(source.errors),
    )


def _bottlenecks(sources: Sequence[SourceReport]) -> Iterator[str]:
    """Why it took as long as it took: the sources that took longest, where that is worth a word."""
    longest = heapq.nlargest(_MOST_BOTTLENECKS, sources, key=lambda source: source.time.wall)
    for source in longest:
        if source.time.wall >= _SHORT and source.time.bottleneck:
            text = f"{source.name}: {source.time.wall:.1f} s, {source.time.bottleneck}"
            yield textwrap.fill(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _missing(source: SourceReport) -> str:
    """Missing pages in few words: ``3, 5-9``, ``7…`` for all from 7 on, ``3, 5, 8, 4 more``."""
    known = [page for page in source.pages_missing if page != source.missing_from]
    parts = [page_ranges(known, most=3)] if known else []
    if source.missing_from is not None:
        parts.append(f"{source.missing_from}…")
    return ", ".join(parts) or "-"
