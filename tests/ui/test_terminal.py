"""Control sequences go only to terminals that understand them."""

import io
import sys
from pathlib import Path

import pytest
from helpers.reports import a_source
from helpers.terminal import Terminal
from loguru import logger

from pipeline.cli.session import ErrorLine
from pipeline.config.settings import Log
from pipeline.errors import OutputError
from pipeline.model.summary import RunStatistics, Summary, Totals
from pipeline.ui.logs import configure_logging
from pipeline.ui.table import closing_table
from pipeline.ui.terminal import columns_of, takes_colour, takes_controls


@pytest.mark.parametrize(
    ("term", "no_color", "is_plain"), [("xterm", "", False), ("dumb", "", True), ("xterm", "1", True)]
)
def test_log_lines_have_colours_only_where_they_are_understood(
    monkeypatch: pytest.MonkeyPatch, term: str, no_color: str, is_plain: bool
) -> None:
    """Lines on a terminal are coloured, but not with `TERM=dumb` or `NO_COLOR`."""
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("NO_COLOR", no_color)
    with Terminal(80) as terminal:
        configure_logging(Log())
        logger.patch(lambda record: record.update(name="pipeline")).warning("slow down")
        terminal.read_all()
        assert any("slow down" in line for line in terminal.screen)
        assert terminal.is_plain is is_plain
        logger.remove()


def test_what_is_no_terminal_takes_no_controls() -> None:
    """A file, and a standard error that was closed, take no control sequences."""
    assert not takes_controls(io.StringIO())
    assert not takes_controls(None)
    assert not takes_colour(io.StringIO())
    assert columns_of(None) == columns_of(io.StringIO()) == 0


@pytest.mark.parametrize(
    ("term", "no_color", "is_plain"), [("xterm", "", False), ("dumb", "", True), ("xterm", "1", True)]
)
def test_errors_have_colours_only_where_they_are_understood(
    monkeypatch: pytest.MonkeyPatch, term: str, no_color: str, is_plain: bool
) -> None:
    """The word that begins an error line is red on a terminal, but not with `TERM=dumb` or `NO_COLOR`."""
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("NO_COLOR", no_color)
    with Terminal(80) as terminal:
        assert takes_colour(sys.stderr) is not is_plain
        with pytest.raises(SystemExit), ErrorLine(as_json=False):
            raise OutputError("the disk is full")
        terminal.read_all()
        assert any("Error: the disk is full" in line for line in terminal.screen)
        assert terminal.is_plain is is_plain


def test_each_status_of_the_closing_table_has_its_colour() -> None:
    """Colours change nothing else: without them, the text and its columns are the same."""
    sources = [a_source("complete"), a_source("b", status="partial"), a_source("c", status="failed")]
    totals = Totals("partial", 40, 4.5, 0.5, [], {}, "2026-01-01T10:00:00Z")
    summary = Summary(totals, sources, [], Path("out.json"), RunStatistics(0, 0, 0), unstored="no disk")
    coloured = closing_table(summary, in_colour=True)
    plain = closing_table(summary)
    head, *rows = coloured.splitlines()
    assert "\x1b" not in head + plain
    assert rows[0].startswith("complete  \x1b[32mcomplete\x1b[0m  ")
    assert rows[1].startswith("b         \x1b[33mpartial \x1b[0m  ")
    assert rows[2].startswith("c         \x1b[31mfailed  \x1b[0m  ")
    assert "\n\x1b[33mpartial\x1b[0m: 40 products" in coloured
    assert "\n\x1b[31mnot stored\x1b[0m: no disk" in coloured
    for code in ("31", "32", "33", "0"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == plain
