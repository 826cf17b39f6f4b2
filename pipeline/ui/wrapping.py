"""Break long lines between words, for terminals that are narrower."""

import re

from pipeline.ui.columns import cells

# Sequences that set a colour (ECMA-48, SGR); they take no cell.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_INDENT = "  "


def wrapped(line: str, width: int) -> str:
    """Return a line as lines of at most ``width`` cells, broken between words; all but the first are indented.

    A word that is longer than a line stays whole, so that a URL can be copied. With a width of 0, or if the line fits,
    it is returned as it is.
    """
    if not width or _cells(line) <= width:
        return line
    lines, used = [""], 0
    for number, word in enumerate(line.split(" ")):
        taken = _cells(word)
        if number and used + 1 + taken > width and used > len(_INDENT):
            lines.append(f"{_INDENT}{word}")
            used = len(_INDENT) + taken
        else:
            lines[-1] += f" {word}" if number else word
            used += taken + (number > 0)
    return "\n".join(lines)


def _cells(text: str) -> int:
    return cells(_COLOUR.sub("", text).rstrip("\n"))
