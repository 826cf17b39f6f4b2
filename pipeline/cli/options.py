"""The options that commands share."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from pipeline.cli.completion import complete_setting
from pipeline.config import Config, Format, Level
from pipeline.keys import keys_of
from pipeline.layers import DEFAULT_PATH

version_option = click.version_option(package_name="pipeline", message="%(package)s %(version)s")

_F = TypeVar("_F", bound=Callable[..., None])

_MEANINGS = {key.path: key.meaning for key in keys_of(Config)}


def key_option(*names: str, key: str, **attributes: Any) -> Callable[[_F], _F]:
    """An option that sets a key of the configuration, whose meaning is its help.

    The command gets it under the key's name, with ``__`` for the points.
    """
    meaning = _MEANINGS[key]
    help_text = f"{meaning[0].upper()}{meaning[1:]} (key: {key})."
    return click.option(*names, key.replace(".", "__"), help=help_text, **attributes)


products_option = key_option("--products", key="products", type=click.Path(), metavar="PATH")


def configuration_options(command: _F) -> _F:
    """The options of every command that reads a configuration."""
    options = [
        click.option(
            "-c",
            "--config",
            "path",
            type=click.Path(path_type=Path),
            help=f"YAML configuration file.  [default: {DEFAULT_PATH}]",
        ),
        key_option("-o", "--output", key="output", type=click.Path(), metavar="PATH"),
        key_option("-l", "--log-level", key="log.level", type=_choice(Level)),
        key_option("--log-format", key="log.format", type=_choice(Format)),
        click.option(
            "--set",
            "settings",
            metavar="KEY=VALUE",
            multiple=True,
            callback=_read_settings,
            shell_complete=complete_setting,
            help="Any key of the configuration, dotted, as in rate_limit.rps=10. Repeatable.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _choice(words: type[Level] | type[Format]) -> click.Choice[str]:
    return click.Choice([word.value for word in words], case_sensitive=False)


def _read_settings(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not equals or not key:
            shown = re.split(r"[:\s]", value)[0]  # what follows may be a secret
            raise click.BadParameter(f"{shown!r} is not of the form KEY=VALUE, as in rate_limit.rps=10")
        settings[key.strip()] = text
    return settings
