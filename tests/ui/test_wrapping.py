"""Log lines break between words on a narrow terminal."""

import re

import pytest
from helpers.terminal import Terminal
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger

from pipeline.config.settings import Log
from pipeline.ui.columns import cells
from pipeline.ui.logs import configure_logging
from pipeline.ui.wrapping import wrapped

WORDS = st.lists(st.text("ab字\u0301", min_size=1, max_size=8), min_size=1)


@given(WORDS, st.integers(12, 60))
def test_lines_fit_and_nothing_is_lost(words: list[str], width: int) -> None:
    """No line is wider than the terminal unless a word is, and the words are the same in the same order."""
    lines = wrapped(" ".join(words), width).split("\n")
    assert " ".join(line.removeprefix("  ") if number else line for number, line in enumerate(lines)) == " ".join(words)
    assert all(cells(line) <= width or len(line.split()) == 1 for line in lines)


def test_a_long_word_stays_whole() -> None:
    """A URL is not broken, so that it can be copied."""
    url = f"https://shop.test/{'x' * 50}"
    assert wrapped(f"see {url} please", 20) == f"see\n  {url}\n  please"


def test_colours_take_no_room() -> None:
    """A coloured line that fits is left as it is."""
    assert wrapped("\x1b[31mred\x1b[0m and blue\n", 12) == "\x1b[31mred\x1b[0m and blue\n"
    assert wrapped("x" * 99, 0) == "x" * 99


@pytest.mark.parametrize("columns", [30, 44, 80])
def test_a_narrow_terminal_shows_whole_words(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """No word of a log line is cut at the edge of the screen."""
    monkeypatch.setenv("TERM", "xterm")
    text = "the connection broke before the whole response had arrived; retry 1 of 3 in 0.5 s"
    with Terminal(columns) as terminal:
        configure_logging(Log())
        logger.patch(lambda record: record.update(name="pipeline")).warning("{}", text)
        terminal.read_all()
        logger.remove()
        shown = re.sub(r"\s+", " ", " ".join(line.strip() for line in terminal.screen))
        assert text in shown
