"""What a person sees of a run while it is under way: bars on a terminal, a line now and then elsewhere."""

import os
import sys

from pipeline.status import Watch
from pipeline.ui.bars import screen_size, show_bars
from pipeline.ui.lines import log_progress


def progress_watch() -> Watch:
    """What fits standard error: bars need a terminal that knows its size and lets its cursor be moved."""
    draws = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return show_bars if draws and all(screen_size(sys.stderr)) else log_progress
