"""The frame of a command: load the configuration, set up logging, print the outcome or one line about an error."""

import io
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Self

import click
import msgspec
from loguru import logger

from pipeline.cli.exit_codes import ExitCode
from pipeline.config.load import Loaded, load
from pipeline.config.settings import Format, Level, Log
from pipeline.errors import AbortedError, ConfigError, OutputError, Problem
from pipeline.redaction import NO_SECRETS, shown_url
from pipeline.ui.logs import configure_logging, write_folded
from pipeline.ui.terminal import RED, coloured, takes_colour


class ErrorLine:
    """A context manager that reports an error in one line, without secrets, and exits with its code.

    ``as_json`` and ``secrets`` are set as soon as they are known. ``text`` is the error, empty without one.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.secrets = NO_SECRETS
        self.text = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        write_folded()
        match error:
            case None | SystemExit() | GeneratorExit():
                return
            case ConfigError():
                self._fail(_list_problems(error), ExitCode.USAGE)
            case OutputError():
                self._fail(str(error), ExitCode.FAILED)
            case AbortedError():
                self._fail(str(error), ExitCode.stopped_by(error.signal))
            case KeyboardInterrupt():  # before the run handles signals itself, or in commands that do not
                self._fail("interrupted", ExitCode.INTERRUPTED)
            case _:  # the last resort: one line instead of a traceback
                logger.opt(exception=error).debug("internal error")
                self._fail(
                    f"internal error, please report it: {error!r}; `-l DEBUG` shows the traceback", ExitCode.FAILED
                )

    def _fail(self, text: str, code: ExitCode) -> NoReturn:
        self.text = text = self.secrets.redact(text)
        if self.as_json:
            configure_logging(Log(format=Format.JSON))
            logger.error("{}", text)
        else:
            with suppress(OSError):
                error = coloured("Error:", RED) if takes_colour(sys.stderr) else "Error:"
                click.echo(f"{error} {text}", err=True)
        sys.exit(code)


def print_text(text: str) -> None:
    """Print a text on standard output; an output that cannot take it does not change the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        click.echo(text)
    except OSError:  # the rest of the buffer would fail at exit, and change the exit code
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _list_problems(error: ConfigError) -> str:
    count = len(error.problems)
    head = "1 problem" if count == 1 else f"{count} problems"
    return "\n".join([f"{head} in the configuration:", *(f"  {problem}" for problem in error.problems)])


def wants_json(flags: Mapping[str, str | None]) -> bool:
    """True if the flags select log lines as JSON; this is known before the configuration is loaded."""
    return (flags["log__format"] or "").casefold() == Format.JSON.value


# Files beside the summary that the configuration names by themselves: key → what to give for another output.
_BESIDE_OUTPUT = {
    "products": "--products PATH for this output, or --no-products",
    "store": "--store URL for this output, or --no-store",
}


def configure_output(
    path: Path | None,
    settings: Mapping[str, str],
    flags: Mapping[str, str | None],
    line: ErrorLine,
    *,
    credentials: bool = True,
    quiet: bool = False,
) -> Loaded:
    """Load a configuration as :func:`configure` does, for a command that writes the outputs in ``flags``.

    Raises:
        ConfigError: if only the summary goes elsewhere, so that the products would replace those of another output.
    """
    loaded = configure(path, settings, flags, line, credentials=credentials, quiet=quiet)
    named = _keys_of_flags(settings, flags)
    problems = []
    for key in _BESIDE_OUTPUT.keys() & flags.keys() if "output" in named else ():
        if key not in named and (value := getattr(loaded.config, key)) is not None:
            other = f"belongs to the configured output, but -o names {loaded.config.output!r}"
            problems.append(Problem(key, f"{shown_url(value)!r} {other}; give {_BESIDE_OUTPUT[key]}"))
    if problems:
        raise ConfigError(problems)
    return loaded


def configure(
    path: Path | None,
    settings: Mapping[str, str],
    flags: Mapping[str, str | None],
    line: ErrorLine,
    *,
    credentials: bool = True,
    quiet: bool = False,
) -> Loaded:
    """Load a configuration from a file, ``settings`` by dotted key, and ``flags``, with ``__`` for the dots.

    Configures logging and ``line`` accordingly. If ``quiet``, only warnings and errors are logged.
    """
    loaded = load(path, flags=_keys_of_flags(settings, flags), credentials=credentials)
    if quiet and loaded.config.log.level in (Level.DEBUG, Level.INFO):
        log = msgspec.structs.replace(loaded.config.log, level=Level.WARNING)
        loaded = msgspec.structs.replace(loaded, config=msgspec.structs.replace(loaded.config, log=log))
    line.as_json = loaded.config.log.format is Format.JSON
    line.secrets = loaded.secrets
    configure_logging(loaded.config.log, line.secrets)
    return loaded


def _keys_of_flags(settings: Mapping[str, str], flags: Mapping[str, str | None]) -> dict[str, str]:
    """Return the texts from the command line by dotted key."""
    return {**settings, **{flag.replace("__", "."): value for flag, value in flags.items() if value is not None}}
