"""The command line: flags → Config → run → exit code. The only module that prints or exits."""

import io
import re
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn, Self, TypeVar

import click
import trio
from loguru import logger

from pipeline.config import Config, Format, Level, Log
from pipeline.credentials import NO_SECRETS, Secrets
from pipeline.errors import AbortedError, ConfigError, OutputError
from pipeline.layers import DEFAULT_PATH, load_config
from pipeline.model import Summary
from pipeline.normalize.mapping import normalize_batch, records_of
from pipeline.replay import replay_rejects as replay
from pipeline.run import run as run_pipeline
from pipeline.ui.logs import configure_logging
from pipeline.ui.progress import Bars
from pipeline.ui.table import closing_table, replay_line

COMPLETE, FAILED, USAGE, PARTIAL = 0, 1, 2, 3
_STOPPED = 128

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _RunByDefault(click.Group):
    """A group whose bare call, and whose flags, are those of its ``run`` command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        run = self.commands["run"]
        records = [
            record
            for p in run.get_params(ctx)
            if (record := p.get_help_record(ctx)) and p.name not in ("help", "version")
        ]
        with formatter.section("Options of run, also without naming it"):
            formatter.write_dl(records)
        super().format_options(ctx, formatter)


def _read_settings(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not equals or not key:
            shown = re.split(r"[:\s]", value)[0]  # what follows may be a secret
            raise click.BadParameter(f"{shown!r} is not of the form KEY=VALUE, as in rate_limit.rps=10")
        settings[key.strip()] = text
    return settings


_version = click.version_option(package_name="pipeline", message="%(package)s %(version)s")


@click.group(
    cls=_RunByDefault,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 complete · 1 failed · 2 usage or config error · 3 partial · 130/143 stopped by a signal.",
)
@_version
def main() -> None:
    """Fetch product catalogues from several HTTP APIs and write one clean summary.

    A bare call runs the pipeline on config/config.yaml.
    """


_F = TypeVar("_F", bound=Callable[..., None])


def _common_options(command: _F) -> _F:
    """The options that every command takes which reads a configuration."""
    options = [
        click.option(
            "-c",
            "--config",
            "path",
            type=click.Path(path_type=Path),
            help=f"YAML configuration file.  [default: {DEFAULT_PATH}]",
        ),
        click.option("-o", "--output", metavar="PATH", help="Where the summary goes (key: output)."),
        click.option(
            "-l",
            "--log-level",
            type=click.Choice([choice.value for choice in Level], case_sensitive=False),
            help="Least severe message shown (key: log.level).",
        ),
        click.option(
            "--log-format",
            type=click.Choice([choice.value for choice in Format], case_sensitive=False),
            help="Lines for people or for machines (key: log.format).",
        ),
        click.option(
            "--set",
            "settings",
            metavar="KEY=VALUE",
            multiple=True,
            callback=_read_settings,
            help="Any key of the configuration, dotted: --set rate_limit.rps=10. Repeatable.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@main.command()
@_common_options
@click.option("-t", "--timeout", metavar="SECONDS", help="Deadline of the whole run (key: timeout).")
@click.option("-r", "--rate-limit", metavar="RPS", help="Requests a second per endpoint (key: rate_limit.rps).")
@click.option("-w", "--workers", metavar="N", help="Normalizing threads (key: worker_pool.size).")
@click.option("--progress/--no-progress", default=None, help="Progress bars.  [default: on a terminal]")
@click.option("--resume", is_flag=True, help="Go on with an unfinished run: fetch only the pages that are missing.")
@click.option("--allow-partial", is_flag=True, help="Exit with 0 instead of 3 when something is missing.")
@_version
def run(
    path: Path | None,
    settings: Mapping[str, str],
    progress: bool | None,
    resume: bool,
    allow_partial: bool,
    **flags: str | None,
) -> None:
    """Run the pipeline.

    Any key of the configuration can also be set in the environment: rate_limit.rps is PIPELINE_RATE_LIMIT_RPS.
    """
    with _ErrorLine(as_json=_wants_json(flags)) as line:
        config = _configure(path, settings, flags, line)
        summary = _run(config, progress, resume=resume)
        _print(closing_table(summary))
        sys.exit(exit_code(summary, allow_partial=allow_partial))


@main.command("replay-rejects")
@_common_options
def replay_rejects(path: Path | None, settings: Mapping[str, str], **flags: str | None) -> None:
    """Normalize the rejected records again, after a fix, without fetching.

    What becomes a product goes into the summary, the rest stays in the file of rejected records.
    """
    with _ErrorLine(as_json=_wants_json(flags)) as line:
        config = _configure(path, settings, flags, line, credentials=False)
        records = {endpoint.name: records_of(endpoint.fields, endpoint.explode) for endpoint in config.endpoints}
        _print(replay_line(replay(Path(config.output), partial(normalize_batch, records=records))))


_KEYS = {
    "output": "output",
    "timeout": "timeout",
    "rate_limit": "rate_limit.rps",
    "workers": "worker_pool.size",
    "log_level": "log.level",
    "log_format": "log.format",
}


def exit_code(summary: Summary, *, allow_partial: bool) -> int:
    """The exit code that tells a scheduler how a run ended."""
    if summary.stopped_by is not None:
        return _STOPPED + summary.stopped_by
    match summary.summary.status:
        case "complete":
            return COMPLETE
        case "failed":
            return FAILED
        case "partial":
            return COMPLETE if allow_partial else PARTIAL


def _run(config: Config, progress: bool | None, *, resume: bool) -> Summary:
    async def run_to_the_end(bars: Bars) -> Summary:
        summary = await run_pipeline(config, resume=resume, signals=_SIGNALS, on_page=bars.page)
        for number in _SIGNALS:  # all is written: they come too late to change the exit code
            signal.signal(number, signal.SIG_IGN)
        return summary

    with Bars([endpoint.name for endpoint in config.endpoints], shown=progress) as bars:
        return trio.run(run_to_the_end, bars)


class _ErrorLine:
    """Tells an error that ends the program in one line, without secrets, and exits with its code: a context manager.

    ``as_json`` and ``secrets`` are set as soon as they are known.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.secrets = NO_SECRETS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        match error:
            case None | SystemExit() | GeneratorExit():
                return
            case ConfigError():
                self._fail(_list_problems(error), USAGE)
            case OutputError():
                self._fail(str(error), FAILED)
            case AbortedError():
                self._fail(str(error), _STOPPED + error.signal)
            case KeyboardInterrupt():  # before our own handling of signals begins, or after it ended
                self._fail("interrupted", _STOPPED + signal.SIGINT)
            case _:  # the last resort: one line instead of a traceback
                logger.opt(exception=error).debug("internal error")
                self._fail(f"internal error, please report it: {error!r}; `-l DEBUG` shows where", FAILED)

    def _fail(self, text: str, code: int) -> NoReturn:
        text = self.secrets.redact(text)
        if self.as_json:
            configure_logging(Log(format=Format.JSON))
            logger.error("{}", text)
        else:
            with suppress(OSError):
                click.echo(f"Error: {text}", err=True)
        sys.exit(code)


def _wants_json(flags: Mapping[str, str | None]) -> bool:
    return (flags["log_format"] or "").casefold() == Format.JSON.value


def _configure(
    path: Path | None,
    settings: Mapping[str, str],
    flags: Mapping[str, str | None],
    line: _ErrorLine,
    *,
    credentials: bool = True,
) -> Config:
    """The configuration, with logging and the telling of errors as it wants them."""
    named = {_KEYS[flag]: value for flag, value in flags.items() if value is not None}
    config = load_config(path, flags={**settings, **named}, credentials=credentials)
    line.as_json = config.log.format is Format.JSON
    if credentials:
        line.secrets = Secrets.of_all(endpoint.secrets for endpoint in config.resolved())
    configure_logging(config.log, line.secrets)
    return config


def _print(text: str) -> None:
    """Show the outcome; it is what it is even where nobody can read that."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    with suppress(OSError):
        click.echo(text)


def _list_problems(error: ConfigError) -> str:
    count = len(error.problems)
    head = "1 problem" if count == 1 else f"{count} problems"
    return "\n".join([f"{head} in the configuration:", *(f"  {problem}" for problem in error.problems)])
