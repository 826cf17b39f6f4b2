"""Progress bars on a terminal: redrawn several times a second, below the log lines."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TextIO

import trio
from tqdm import tqdm

from pipeline.model.status import Poll
from pipeline.ui.columns import fitted
from pipeline.ui.rows import Row, rows, worst
from pipeline.ui.throughput import PaceTracker

# Seconds between two drawings. Drawing may take at most this share of the time; above that, the interval grows.
_INTERVAL, _LONGEST_INTERVAL, _SHARE_OF_TIME = 0.25, 2.0, 0.01

# Above MOST_BARS endpoints, all share one bar, and only the WORST have bars of their own.
MOST_BARS, WORST = 20, 10

_ERASE_REST, _ERASE_BELOW, _UP = "\x1b[K", "\x1b[J", "\x1b[A"

_lock = tqdm.get_lock()  # type: ignore[no-untyped-call]  # untyped in its stubs


async def show_bars(poll: Poll) -> None:
    """Draw the status of a run on standard error until cancelled, then erase it.

    If the terminal cannot be written to, drawing ends and the run continues.
    """
    paces = PaceTracker()
    with suppress(OSError), Bars(sys.stderr) as bars:
        while True:
            began = trio.current_time()
            run, (width, height) = poll(), screen_size(sys.stderr)
            endpoints = paces.update(run)
            folded = len(endpoints) > min(MOST_BARS, height - 1)
            shown = worst(endpoints, max(0, min(WORST, height - 2))) if folded else None
            bars.draw(rows(run, endpoints, width, shown))
            took = trio.current_time() - began
            await trio.sleep(min(max(_INTERVAL, took / _SHARE_OF_TIME), _LONGEST_INTERVAL))


def screen_size(file: TextIO) -> tuple[int, int]:
    """Return the columns and lines available for bars; (0, 0) if the size of the terminal is unknown.

    The last column stays free, because some terminals start a new line after a full one. Two lines stay free for the
    log.
    """
    try:
        columns, lines = os.get_terminal_size(file.fileno())
    except (OSError, ValueError):  # not a terminal, or closed
        return 0, 0
    return max(0, columns - 1), max(0, lines - 2)


class Bars(tqdm):  # type: ignore[type-arg]  # generic only in its stubs
    """All rows of a run as one tqdm bar of several lines; lines written with ``tqdm.write`` appear above it.

    The cursor stays at the start of the first line, so that everything below it can be erased at any time. This holds
    in a terminal that has become narrower, in which each line may have been wrapped into several.
    """

    monitor_interval = 0  # the bars are redrawn all the time; tqdm's monitor thread has nothing to do

    def __init__(self, file: TextIO) -> None:
        self._rows: Sequence[Row] = ()
        super().__init__(file=file, leave=False)

    def draw(self, rows: Sequence[Row]) -> None:
        """Replace the rows on the screen with these; if there is not enough room, with the last of these."""
        with _lock:  # refresh() by itself would keep the lock if writing fails
            self._rows = rows
            self.refresh(nolock=True)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:  # noqa: ARG002 - tqdm's signature
        """Write the rows, or erase them if ``msg`` is empty; called by tqdm with its lock held."""
        if not self._rows:  # called by the constructor
            return
        columns, lines = screen_size(self.fp)
        rows = self._rows[-lines:] if msg is None and columns and lines else ()
        texts = [self._text(row, columns) for row in rows]
        drawn = f"{_ERASE_REST}\n\r".join(texts)
        self.fp.write(f"\r{drawn}{_ERASE_BELOW}{_UP * (len(texts) - 1)}\r")
        self.fp.flush()

    def clear(self, nolock: bool = False) -> None:  # noqa: ARG002 - tqdm's signature
        """Erase the rows until the next ``refresh``; called by ``tqdm.write`` with the lock held."""
        self.display("")

    def _text(self, row: Row, columns: int) -> str:
        total: Any = row.total  # None if unknown, which the stubs do not know
        text = self.format_meter(row.n, total, 0, ascii=self.ascii, bar_format=row.layout)
        # Characters missing in the encoding would be escaped by the file, and the line would become too long.
        text = text.encode(self.fp.encoding, "replace").decode(self.fp.encoding)
        return fitted(text, columns).rstrip()
