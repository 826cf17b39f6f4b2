"""Recognise terminals that understand control sequences."""

import os
from typing import TextIO


def takes_controls(file: TextIO | None) -> bool:
    """True if a stream is a terminal that understands control sequences; ``TERM=dumb`` names one that does not."""
    return file is not None and file.isatty() and os.environ.get("TERM") != "dumb"
