"""Progress bars: one per endpoint, moving as pages arrive."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import NoReturn, Self

from tqdm import tqdm


class Bars:
    """One bar per source on standard error; a context manager.

    ``shown`` None means: when standard error is a terminal.
    """

    def __init__(self, sources: Sequence[str], *, shown: bool | None = None) -> None:
        self._sources = sources
        self._shown = shown
        self._bars: dict[str, tqdm[NoReturn]] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        width = max(map(len, self._sources), default=0)
        for position, source in enumerate(self._sources):
            self._bars[source] = self._open.enter_context(
                tqdm(
                    desc=source.ljust(width),
                    unit=" records",
                    position=position,
                    disable=None if self._shown is None else not self._shown,
                    file=sys.stderr,
                    dynamic_ncols=True,
                    leave=False,  # the closing table says it all, and lasts
                )
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def page(self, source: str, records: int) -> None:
        """A page with so many records arrived."""
        self._bars[source].update(records)
