"""Log lines and closing lines of one kind are folded: some are written, and the others are counted."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger

from pipeline.config.settings import Format, Level, Log
from pipeline.ui.folding import INTERVAL, MOST_LINES, folded
from pipeline.ui.logs import configure_logging, write_folded

REFUSED = "nothing listens on 127.0.0.1:{} (connection refused); retry {} of 3"


@pytest.fixture(autouse=True)
def _log() -> Iterator[None]:
    configure_logging(Log())
    yield
    logger.remove()


def log(endpoint: str | None, text: str, *, after: timedelta = timedelta(), level: str = "WARNING") -> None:
    """Log a line of the program as if ``after`` from now."""
    bound = logger.bind(endpoint=endpoint) if endpoint else logger
    patched = bound.patch(lambda record: record.update(name="pipeline.test", time=record["time"] + after))
    patched.log(level, "{}", text)


def written(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line[len("00:00:00 ") :] for line in capsys.readouterr().err.splitlines()]


def test_a_hundred_endpoints_on_a_dead_port_are_a_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """The first lines are written as they come, and one line counts the other endpoints."""
    for number in range(100):
        log(f"e{number}", REFUSED.format(9, 1))
    assert len(written(capsys)) == MOST_LINES
    write_folded()
    assert written(capsys) == [f"WARNING 97 more endpoints: {REFUSED.format(9, 1)}"]


def test_words_that_differ_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """The line that counts has the words that all hidden lines share."""
    for number in range(10):
        log(f"e{number}", f"{REFUSED.format(8000 + number, 2)}; correct endpoints.e{number}.url")
    write_folded()
    assert written(capsys)[-1] == (
        "WARNING 7 more endpoints: nothing listens on … (connection refused); retry 2 of 3; correct …"
    )


def test_a_single_hidden_line_is_written_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """A line that counts one line would not be shorter."""
    for number in range(MOST_LINES + 1):
        log(f"e{number}", "slow")
    write_folded()
    assert written(capsys) == [f"WARNING e{number}: slow" for number in range(MOST_LINES + 1)]


def test_lines_of_one_endpoint_are_counted_under_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Repeated failures of an endpoint name it; those of several are counted with the number of endpoints."""
    for number in range(9):
        log("shop", f"HTTP 503; retry {number} of 3")
    for number in range(9):
        log(f"e{number % 3}", "slow")
    write_folded()
    assert written(capsys)[-2:] == [
        "WARNING 6 more lines of shop: HTTP 503; retry … of 3",
        "WARNING 6 more lines of 3 endpoints: slow",
    ]


def test_other_causes_levels_and_statuses_are_not_folded_together(capsys: pytest.CaptureFixture[str]) -> None:
    """A line of another kind is written, however many of the first kind there were."""
    for number in range(9):
        log(f"e{number}", "HTTP 503; retry 1 of 3")
    written(capsys)
    log("shop", "HTTP 502; retry 1 of 3")
    log("shop", "HTTP 503; page skipped")
    log("shop", "HTTP 503; retry 1 of 3", level="ERROR")
    assert len(written(capsys)) == 3


def test_counts_are_written_while_a_long_run_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """The next line of any kind brings counts that have waited; they have its time."""
    for number in range(9):
        log(f"e{number}", "slow")
    log(None, "progress", after=INTERVAL - timedelta(seconds=1))
    assert [line for line in written(capsys) if "more" in line] == []
    log(None, "progress", after=INTERVAL + timedelta(seconds=1))
    count, line = capsys.readouterr().err.splitlines()
    assert (count[9:], line[9:]) == ("WARNING 6 more endpoints: slow", "WARNING progress")
    assert count[:8] == line[:8]
    write_folded()
    assert written(capsys) == []


def test_lines_without_an_endpoint_are_not_folded(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of progress repeat, and each of them is news."""
    for number in range(9):
        log(None, f"progress: {number} pages")
    assert len(written(capsys)) == 9


@pytest.mark.parametrize("setting", [Log(format=Format.JSON), Log(level=Level.DEBUG)])
def test_json_and_debug_have_every_line(capsys: pytest.CaptureFixture[str], setting: Log) -> None:
    """Machines count by themselves, and the level DEBUG is for those who want every line."""
    configure_logging(setting)
    for number in range(9):
        log(f"e{number}", "slow")
    write_folded()
    assert len(capsys.readouterr().err.splitlines()) == 9


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["x 1", "x 2", "y", "z 3 b"]))))
def test_every_closing_line_is_shown_or_counted(lines: list[tuple[str, str]]) -> None:
    """The lines that are shown and the counts add up to what was given."""
    shown = list(folded(lines))
    counts = [int(line.split()[0]) for line in shown if " more sources: " in line]
    assert len(shown) - len(counts) + sum(counts) == len(lines)
    assert all(count > 1 for count in counts)


def test_a_problem_of_many_sources_is_shown_for_a_few() -> None:
    """The name of the source in a sentence does not make it another kind."""
    lines = [(name, f"0 products; set endpoints.{name}.expect.min_products, or look at `{name}`") for name in "abcdefg"]
    assert list(folded(lines))[-1] == "4 more sources: 0 products; set … or look at …"
