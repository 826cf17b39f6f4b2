"""Recognise what a terminal understands: control sequences, colours, and its width."""

import os
from typing import TextIO

# Codes of colours (ECMA-48, SGR).
RED, GREEN, YELLOW = 31, 32, 33


def takes_controls(file: TextIO | None) -> bool:
    """True if a stream is a terminal that understands control sequences; ``TERM=dumb`` names one that does not."""
    return file is not None and file.isatty() and os.environ.get("TERM") != "dumb"


def takes_colour(file: TextIO | None) -> bool:
    """True if a stream is a terminal on which colours are wanted; ``NO_COLOR`` switches them off (no-color.org)."""
    return takes_controls(file) and not os.environ.get("NO_COLOR")


def columns_of(file: TextIO | None) -> int:
    """Return the columns of a terminal; 0 if a stream is not a terminal, or its width is unknown."""
    if file is None or not file.isatty():
        return 0
    try:
        return os.get_terminal_size(file.fileno()).columns
    except (OSError, ValueError):
        return 0


def coloured(text: str, code: int) -> str:
    """Return a text that a terminal shows in a colour."""
    return f"\x1b[{code}m{text}\x1b[0m"
