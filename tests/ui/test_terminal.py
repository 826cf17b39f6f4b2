"""Control sequences go only to terminals that understand them."""

import io

import pytest
from helpers.terminal import Terminal
from loguru import logger

from pipeline.config.settings import Log
from pipeline.ui.logs import configure_logging
from pipeline.ui.terminal import takes_controls


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
