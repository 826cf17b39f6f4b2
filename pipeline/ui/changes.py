"""Format the changes between two catalogues for people."""

from collections.abc import Iterator

from pipeline.formatting import counted
from pipeline.model.changes import Changes, PriceMoves
from pipeline.ui.columns import columns, printable

_HEADINGS = ("source", "added", "removed", "changed", "up", "down", "median", "")


def changes_text(changes: Changes, *, width: int) -> str:
    """Return a table of the sources, and the biggest moves of prices below it."""
    rows: list[tuple[str, ...]] = [_HEADINGS]
    for source in changes.sources:
        moves = changes.moves[source.source]
        counts = (_count(source.added), _count(source.removed), _count(source.changed))
        rows.append((source.source, *counts, *_directions(moves), printable(source.why or "")))
    lines = [columns(rows, numbers=(1, 2, 3, 4, 5, 6)), *_biggest(changes, width)]
    if changes.is_empty and changes.comparable:
        lines.append("nothing changed, as far as it can be known")
    return "\n".join(lines)


def changes_line(changes: Changes) -> str:
    """Return the counts of all sources in one line; those that are unknown are named."""
    if not changes.comparable:
        return "changes: nothing could be compared"
    counts = []
    for name in ("added", "removed", "changed"):
        unknown = sum(getattr(source, name) is None for source in changes.sources)
        but = f" (unknown for {counted(unknown, 'source')})" if unknown else ""
        counts.append(f"{changes.total(name):,} {name}{but}")
    return f"changes: {', '.join(counts)}"


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _directions(moves: PriceMoves) -> tuple[str, str, str]:
    middle = "" if moves.median is None else f"{moves.median:+} %"
    return f"{moves.up:,}", f"{moves.down:,}", middle


def _biggest(changes: Changes, width: int) -> Iterator[str]:
    rows = [
        (
            move.id,
            printable(move.title or "-"),
            f"{move.old} → {move.new} {move.currency or ''}".strip(),
            f"{move.percent:+} %",
        )
        for source in changes.sources
        for move in changes.moves[source.source].biggest
    ]
    if rows:
        yield ""
        yield columns([("biggest moves", "", "price", ""), *rows], width=width, numbers=(3,))
