"""The options that commands share, and the configuration that comes of them."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import click

from pipeline.cli.console import ErrorLine
from pipeline.config import Config, Format, Level
from pipeline.credentials import Secrets
from pipeline.layers import DEFAULT_PATH, load_config
from pipeline.ui.logs import configure_logging

version_option = click.version_option(package_name="pipeline", message="%(package)s %(version)s")

_F = TypeVar("_F", bound=Callable[..., None])


def common_options(command: _F) -> _F:
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


_KEYS = {
    "output": "output",
    "products": "products",
    "timeout": "timeout",
    "rate_limit": "rate_limit.rps",
    "workers": "worker_pool.size",
    "log_level": "log.level",
    "log_format": "log.format",
}


def _read_settings(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not equals or not key:
            shown = re.split(r"[:\s]", value)[0]  # what follows may be a secret
            raise click.BadParameter(f"{shown!r} is not of the form KEY=VALUE, as in rate_limit.rps=10")
        settings[key.strip()] = text
    return settings


def wants_json(flags: Mapping[str, str | None]) -> bool:
    """Whether the flags ask for log lines as JSON, before the configuration can tell."""
    return (flags["log_format"] or "").casefold() == Format.JSON.value


def configure(
    path: Path | None,
    settings: Mapping[str, str],
    flags: Mapping[str, str | None],
    line: ErrorLine,
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
