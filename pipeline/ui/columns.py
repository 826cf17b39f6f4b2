"""Aligned columns of text for a terminal."""

import unicodedata
from collections.abc import Sequence

# Less than this tells nothing.
_NARROWEST = 8


def columns(rows: Sequence[Sequence[str]], *, width: int | None = None, numbers: Sequence[int] = ()) -> str:
    """The rows, the first of them the head, each column as wide as it needs; those of ``numbers`` to the right.

    With ``width``, the widest columns give way until a row fits.
    """
    widths = [max(cells(row[column]) for row in rows) for column in range(len(rows[0]))]
    while width is not None and sum(widths) + 2 * (len(widths) - 1) > width and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return "\n".join(
        "  ".join(fitted(text, widths[i], right=i in numbers) for i, text in enumerate(row)).rstrip() for row in rows
    )


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly so many cells, cut off with an ellipsis where it is longer."""
    if cells(text) > width:
        kept, used = "", 0
        for character in text:
            used += cells(character)
            if used > width - 1:
                break
            kept += character
        text = f"{kept}…"
    space = " " * (width - cells(text))
    return f"{space}{text}" if right else f"{text}{space}"


def cells(text: str) -> int:
    """How many columns of a terminal it takes: wide characters two, combining ones none (Unicode annex 11)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in text
    )


def printable(text: str) -> str:
    """The text without characters that a terminal takes for commands, or that turn its direction."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
