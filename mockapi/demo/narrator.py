"""Tells what happens while it happens, in lines of 80 columns."""

import textwrap
import time
from collections.abc import Sequence

import click
import msgspec

_WIDTH = 80


class _LogLine(msgspec.Struct):
    """What is told of a line of the pipeline's log."""

    message: str
    endpoint: str | None = None
    page: int | None = None


class Narrator:
    """Puts the lines of the pipeline's JSON log into words, each with the seconds since the start and its scene."""

    def __init__(self, scenes: Sequence[str]) -> None:
        self._name_width = max(map(len, scenes)) + 2
        self._began = time.monotonic()
        self._closing: list[str] = []

    def log_line(self, text: str) -> None:
        """A line of the log; anything else is told as it is."""
        try:
            line = msgspec.json.decode(text, type=_LogLine)
        except msgspec.DecodeError:
            click.echo(text)
            return
        page = "" if line.page is None else f"page {line.page}: "
        self._tell(f"{time.monotonic() - self._began:5.1f} s ", line.endpoint or "", f"{page}{line.message}")

    def output_line(self, text: str) -> None:
        """A line of the pipeline's output, which comes when all is over."""
        self._closing.append(text)

    def close(self) -> None:
        """Show the output."""
        click.echo("\n" + "\n".join(self._closing))

    def _tell(self, when: str, scene: str, text: str) -> None:
        margin = f"{when} {scene:<{self._name_width}}"
        indent = " " * len(margin)
        click.echo(textwrap.fill(text, _WIDTH, initial_indent=margin, subsequent_indent=indent))
