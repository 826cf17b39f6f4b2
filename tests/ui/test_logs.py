"""Log lines as text and as JSON."""

import json
import logging

import pytest
from loguru import logger

from pipeline.config.settings import Format, Level, Log
from pipeline.ui.logs import configure_logging


def log_something() -> None:
    bound = logger.bind(endpoint="api1", page=3, attempt=2, code=503, elapsed=0.1234)
    bound.patch(lambda record: record.update(name="pipeline.test")).warning("it {} {}", "failed", "{so}")


def test_text_says_where_and_how_long(capsys: pytest.CaptureFixture[str]) -> None:
    """A text line has level, endpoint, page, attempt, message and elapsed time."""
    configure_logging(Log())
    log_something()
    line = capsys.readouterr().err
    assert line.endswith("WARNING api1 page 3 (attempt 2): it failed {so} [0.12 s]\n")
    assert "\x1b" not in line


def test_json_lines_have_the_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """With the json format each line is one object with event, run, endpoint, page, attempt, code and elapsed."""
    configure_logging(Log(format=Format.JSON))
    log_something()
    logger.bind(endpoint="api2").info("done")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first.pop("time")
    assert first == {
        "level": "WARNING",
        "event": "notice",
        "run": None,
        "message": "it failed {so}",
        "endpoint": "api1",
        "page": 3,
        "attempt": 2,
        "code": 503,
        "elapsed": 0.1234,
    }
    assert second["endpoint"] == "api2"
    assert "page" not in second


def test_a_line_of_another_program_is_a_notice(capsys: pytest.CaptureFixture[str]) -> None:
    """A transform may bind any values: its line is a notice with those that notices have."""
    configure_logging(Log(format=Format.JSON))
    logger.bind(event="sold_out", endpoint="api1", colour="red").info("gone")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["endpoint"], line["message"], "colour" in line) == ("notice", "api1", "gone", False)


def test_json_lines_name_the_exception(capsys: pytest.CaptureFixture[str]) -> None:
    """An exception is part of its line, not a traceback between the lines."""
    configure_logging(Log(format=Format.JSON))
    logger.opt(exception=ValueError("oh")).error("failed")
    assert json.loads(capsys.readouterr().err)["exception"] == "ValueError('oh')"


@pytest.mark.parametrize("style", list(Format))
def test_control_characters_are_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str], style: Format) -> None:
    """Text from a server can neither control the terminal nor imitate a log line."""
    configure_logging(Log(format=style))
    logger.info("it said {}", "\x1b[31mred\r\n00:00:00 INFO all is well\x9b2J\x07")
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert not {"\x1b", "\r", "\x9b", "\x07"} & set(shown)
    assert "x1b[31mred" in shown


def test_the_level_is_a_threshold(capsys: pytest.CaptureFixture[str]) -> None:
    """Messages below the level are not shown."""
    configure_logging(Log(level=Level.ERROR))
    log_something()
    assert capsys.readouterr().err == ""


def test_httpx_does_not_log_urls() -> None:
    """httpx's INFO lines, which contain whole URLs, are switched off."""
    configure_logging(Log(level=Level.DEBUG))
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
