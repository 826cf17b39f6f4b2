"""The live view on a terminal: bars that are redrawn a few times a second, below the log lines."""

import math
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import Any, TextIO

import trio
from tqdm import tqdm

from pipeline.model.status import Poll
from pipeline.ui.rows import Row, rows, worst
from pipeline.ui.throughput import Paces

# Seconds between two drawings, and the most, where drawing would else take more than this share of the time.
_INTERVAL, _LONGEST_INTERVAL, _SHARE_OF_TIME = 0.25, 2.0, 0.01

# More endpoints than this share one bar, and only so many of the worst have their own.
MOST_BARS, WORST = 20, 10

_ERASE_REST, _ERASE_BELOW = "\x1b[K", "\x1b[J"

_lock = tqdm.get_lock()  # type: ignore[no-untyped-call]  # its stubs leave it bare


async def show_bars(poll: Poll) -> None:
    """Show how a run stands on standard error, until cancelled; then nothing of it is left there.

    A terminal that cannot be written to is given up: it is no reason to lose the run.
    """
    paces = Paces()
    shown: Sequence[int] | None = None
    with suppress(OSError), closing(Bars(sys.stderr)) as bars:
        while True:
            began = trio.current_time()
            run, (width, height) = poll(), screen_size(sys.stderr)
            endpoints = paces.of(run)
            folded = len(endpoints) > min(MOST_BARS, height - 1)
            shown = worst(endpoints, max(0, min(WORST, height - 2)), shown or ()) if folded else None
            bars.draw(rows(run, endpoints, width, shown))
            took = trio.current_time() - began
            await trio.sleep(min(max(_INTERVAL, took / _SHARE_OF_TIME), _LONGEST_INTERVAL))


def screen_size(file: TextIO) -> tuple[int, int]:
    """The columns and lines there are for bars, none where the terminal's size is not known.

    As tqdm has it: the last column stays free, since a terminal may begin a new line behind it, and two lines.
    """
    try:
        columns, lines = os.get_terminal_size(file.fileno())
    except (OSError, ValueError):  # it is gone, or closed
        return 0, 0
    return max(0, columns - 1), max(0, lines - 2)


class Bars:
    """Lines on a terminal that are drawn over again and again; log lines go above them, through ``tqdm.write``."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._bars: list[_Bar] = []
        self._size = screen_size(file)

    def draw(self, rows: Sequence[Row]) -> None:
        """Show these rows, or as many of the last as there is room for, in place of those before."""
        size = screen_size(self._file)
        rows = rows[-size[1] :] if all(size) else ()
        with _lock:  # one drawing without a log line in its midst
            if size != self._size or len(rows) < len(self._bars):
                self._erase()
                self._size = size
            while len(self._bars) > len(rows):
                self._bars.pop().close()
            while len(self._bars) < len(rows):
                self._bars.append(_Bar.at(len(self._bars), self._file))
            for bar, row in zip(self._bars, rows, strict=True):
                bar.n, bar.total, bar.bar_format = row.n, row.total, row.layout
                bar.refresh(nolock=True)

    def close(self) -> None:
        """Take all of it away."""
        with _lock:
            try:
                self._erase()
            finally:
                while self._bars:
                    self._bars.pop().close()

    def _erase(self) -> None:
        """Erase all below the cursor, which is at the start of the first line.

        In a terminal that has become narrower each line may have become several.
        """
        if self._bars:
            file = self._bars[0].fp  # tqdm's, which does not mind that the terminal is gone
            file.write(f"\r{_ERASE_BELOW}")
            file.flush()


class _Bar(tqdm):  # type: ignore[type-arg]  # generic to mypy alone
    """One line; the cursor returns to its start."""

    monitor_interval = 0  # nobody need watch over bars that are redrawn all the time

    @classmethod
    def at(cls, position: int, file: TextIO) -> "_Bar":
        """A bar so many lines below the first; it is drawn when it is refreshed, and erased by who had it drawn."""
        return cls(position=position, file=file, dynamic_ncols=True, leave=False, delay=math.inf)

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        """What writes a line over the one before; blanks in place of the rest, as tqdm's own, may not fit any more."""

        def write(text: str) -> None:
            text = text.encode(file.encoding, "replace").decode(file.encoding)  # never longer than it was
            file.write(f"\r{text}{_ERASE_REST}\r")
            file.flush()

        return write
