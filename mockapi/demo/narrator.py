"""Live narration of the demonstration in 80 columns."""

import textwrap
import time
from collections.abc import Sequence

import click
import msgspec

_WIDTH = 80


class _LogLine(msgspec.Struct):
    """The fields of a log line that are shown."""

    message: str
    endpoint: str | None = None
    page: int | None = None


class Narrator:
    """A printer of the pipeline's JSON log, each line with the seconds since the start and its scene."""

    def __init__(self, scenes: Sequence[str]) -> None:
        self._name_width = max(map(len, scenes)) + 2
        self._began = time.monotonic()
        self._closing: list[str] = []

    def log_line(self, text: str) -> None:
        """Print a line of the log; a line that is not JSON is printed unchanged."""
        try:
            line = msgspec.json.decode(text, type=_LogLine)
        except msgspec.DecodeError:
            click.echo(text)
            return
        page = "" if line.page is None else f"page {line.page}: "
        self._tell(f"{time.monotonic() - self._began:5.1f} s ", line.endpoint or "", f"{page}{line.message}")

    def output_line(self, text: str) -> None:
        """Keep a line of the pipeline's output for ``close``."""
        self._closing.append(text)

    def close(self) -> None:
        """Print the output."""
        click.echo("\n" + "\n".join(self._closing))

    def _tell(self, when: str, scene: str, text: str) -> None:
        margin = f"{when} {scene:<{self._name_width}}"
        indent = " " * len(margin)
        click.echo(textwrap.fill(text, _WIDTH, initial_indent=margin, subsequent_indent=indent))
