"""Aligned columns of text for a terminal."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

# Narrower columns are not legible.
_NARROWEST = 8


def columns(
    rows: Sequence[Sequence[str]],
    *,
    width: int | None = None,
    numbers: Sequence[int] = (),
    paint: Mapping[int, Callable[[str], str]] = MappingProxyType({}),
) -> str:
    """Return the rows as aligned lines; the first row is the head.

    Columns whose indices are in ``numbers`` are aligned right. With ``width``, the widest columns shrink until a row
    fits. ``paint`` has functions that colour the cells of a column after they are aligned.
    """
    widths = [max(cells(row[column]) for row in rows) for column in range(len(rows[0]))]
    while width is not None and sum(widths) + 2 * (len(widths) - 1) > width and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    plain: Callable[[str], str] = str
    return "\n".join(
        "  ".join(
            paint.get(i, plain)(fitted(text, widths[i], right=i in numbers)) for i, text in enumerate(row)
        ).rstrip()
        for row in rows
    )


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """Return the text padded to ``width`` cells, or cut off with an ellipsis if it is longer."""
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
    """Return the terminal cells of a text: wide characters take two, combining ones none (Unicode Annex 11)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in text
    )


def printable(text: str) -> str:
    """Return the text with control characters and changes of direction escaped."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
