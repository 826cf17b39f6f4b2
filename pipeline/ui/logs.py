"""Log lines on standard error: text for people, JSON lines for machines."""

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from loguru import logger
from tqdm import tqdm

from pipeline.config.settings import Format, Level, Log
from pipeline.model.events import Event, event_of
from pipeline.redaction import NO_SECRETS, Secrets
from pipeline.ui.folding import Folding
from pipeline.ui.terminal import columns_of, takes_colour
from pipeline.ui.wrapping import wrapped

if TYPE_CHECKING:
    from loguru import Message, Record

_FIRST = ("time", "level", "event", "run", "message")

# Events that text does not show below DEBUG, since the closing table has the same.
_FOR_PROGRAMS = ("run_started", "output_written")

# The text log of the process, as loguru has one logger for it.
_folding = Folding()

# C0 and C1 controls: text from a server must neither reach the terminal as a command nor imitate a log line.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}


def configure_logging(log: Log, secrets: Secrets = NO_SECRETS) -> None:
    """Write the program's log to standard error, above the bars, and silence the libraries' logs.

    All ``secrets`` are redacted from every line. Lines of text that repeat are folded, unless the level is DEBUG.
    """
    # httpx logs whole URLs, including any secrets in them.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logger.remove()
    _folding.clear()
    if sys.stderr is None:  # closed by the parent process
        return

    def clean(record: "Record") -> None:
        record["message"] = secrets.redact(record["message"]).translate(_CONTROLS)

    logger.enable("pipeline")
    logger.configure(patcher=clean)
    render: Callable[[Message], str] = _as_json if log.format is Format.JSON else str

    is_folded = log.format is Format.TEXT and log.level is not Level.DEBUG

    def write(message: "Message") -> None:
        # The message is redacted already, and the text around it must stay as it is. A traceback may contain anything.
        if is_folded and message.record["extra"].get("event") in _FOR_PROGRAMS:
            return
        line = render(message)
        line = secrets.redact(line) if message.record["exception"] else line
        for each in _folding.add(message.record, line) if is_folded else (line,):
            _put(each)

    logger.add(
        write,
        level=log.level.value,
        format=_text_format,
        colorize=log.format is Format.TEXT and takes_colour(sys.stderr),
        backtrace=False,
        diagnose=False,
    )


def write_folded() -> None:
    """Write the counts of the lines that were folded; call this before other text about the outcome."""
    for line in _folding.rest():
        _put(line)


def _put(line: str) -> None:
    tqdm.write(wrapped(line, columns_of(sys.stderr)), file=sys.stderr, end="")


def _as_json(message: "Message") -> str:
    record = message.record
    error = record["exception"]
    event = event_of(
        {key: _brief(value) for key, value in record["extra"].items()},
        time=_time(record["time"]),
        level=record["level"].name,
        message=record["message"],
        exception=repr(error.value) if error else None,
    )
    return encoded(event)


def write_event(event: Event) -> None:
    """Write an event on standard error, whatever the level of the log is."""
    _put(encoded(event))


def encoded(event: Event) -> str:
    """Return the line of an event, with the fields first that all lines have."""
    fields = msgspec.to_builtins(event)
    return msgspec.json.encode({name: fields.pop(name) for name in _FIRST} | fields).decode() + "\n"


def now() -> str:
    """Return the time as log lines have it."""
    return _time(datetime.now(UTC).astimezone())


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _brief(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value


def _text_format(record: "Record") -> str:
    """Return loguru's template for one line: time, level, place, message and elapsed time."""
    extra = record["extra"]
    where = ""
    if extra.get("endpoint"):
        where = "{extra[endpoint]}"
        if extra.get("page") is not None:
            where += " page {extra[page]}"
        if (extra.get("attempt") or 1) > 1:
            where += " (attempt {extra[attempt]})"
        where = f"<cyan>{where}</cyan>: "
    took = " <dim>[{extra[elapsed]:.2f} s]</dim>" if extra.get("elapsed") is not None else ""
    return f"<dim>{{time:HH:mm:ss}}</dim> <level>{{level: <7}}</level> {where}{{message}}{took}\n{{exception}}"
