"""The options and arguments of the commands, and the checks of their values."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from pipeline.cli.completion import complete_setting
from pipeline.config.load import DEFAULT_PATH
from pipeline.config.presets import preset_error
from pipeline.config.section import keys_of
from pipeline.config.settings import Config, Format, Level

_F = TypeVar("_F", bound=Callable[..., None])

_MEANINGS = {key.path: key.meaning for key in keys_of(Config)}


def key_option(*names: str, key: str, **attributes: Any) -> Callable[[_F], _F]:
    """Return an option that sets a key of the configuration; its help is the key's meaning.

    The command receives it under the key's name, with ``__`` for the dots.
    """
    meaning = _MEANINGS[key]
    help_text = f"{meaning[0].upper()}{meaning[1:]} (key: {key})."
    return click.option(*names, key.replace(".", "__"), help=help_text, **attributes)


def optional_key_option(name: str, **attributes: Any) -> Callable[[_F], _F]:
    """Return the options ``--NAME`` and ``--no-NAME`` for a key that may be null; the command receives ``NAME``."""

    def choose(ctx: click.Context, _parameter: click.Parameter, without: bool) -> None:
        if without and ctx.params[name] is not None:
            raise click.BadParameter(f"contradicts --{name}; keep one of them")
        if without:
            ctx.params[name] = "null"

    unless = click.option(
        f"--no-{name}",
        is_flag=True,
        expose_value=False,
        callback=choose,
        help=f"Ignore `{name}` in the configuration.",
    )
    value = key_option(f"--{name}", key=name, is_eager=True, **attributes)
    return lambda command: value(unless(command))


products_options = optional_key_option("products", type=click.Path(), metavar="PATH")
store_options = optional_key_option("store", metavar="URL")
engine_options = optional_key_option("engine", metavar="ENGINE")


def configuration_options(command: _F) -> _F:
    """Add the options that are common to all commands that read a configuration."""
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
            help="Set any key of the configuration, such as rate_limit.rps=10. Repeatable.",
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
            shown = re.split(r"[:\s]", value)[0]  # the rest may be a secret
            raise click.BadParameter(f"{shown!r} is not of the form KEY=VALUE (example: rate_limit.rps=10)")
        settings[key.strip()] = text
    return settings


def read_switch(_ctx: click.Context, _parameter: click.Parameter, on: bool | None) -> str | None:
    """Return a switch as the text of a key, None if it is not given."""
    return None if on is None else str(on).lower()


def read_headers(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Return the values of headers by their names."""
    headers: dict[str, str] = {}
    for value in values:
        name, colon, text = value.partition(":")
        if not colon:
            raise click.BadParameter("a header has the form 'NAME: VALUE' (example: 'X-Api-Key: ${SHOP_KEY}')")
        headers[name.strip()] = text.strip()
    return headers


def read_preset(_ctx: click.Context, _parameter: click.Parameter, name: str | None) -> str | None:
    """Return the name of a preset that exists."""
    if name is not None and (error := preset_error(name)):
        raise click.BadParameter(error)
    return name


def read_urls(_ctx: click.Context, _parameter: click.Parameter, urls: tuple[str, ...]) -> list[tuple[str | None, str]]:
    """Return the preset, None without one, and the URL of each argument."""
    pairs: list[tuple[str | None, str]] = []
    for text in urls:
        name, equals, url = text.partition("=")
        has_preset = bool(equals) and "/" not in name and "?" not in name and "://" in url
        if has_preset and (error := preset_error(name)):
            raise click.BadParameter(error)
        pairs.append((name, url) if has_preset else (None, text))
    return pairs


def read_body(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> dict[str, Any] | None:
    """Return a JSON object from a text, or from the file whose name follows an ``@``."""
    if text is None:
        return None
    try:
        body = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise click.BadParameter(f"{text[1:]} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise click.BadParameter(f"is not valid JSON: {error}; expected an object, or @FILE") from None
    if not isinstance(body, dict):
        raise click.BadParameter('is not a JSON object (example: \'{"query": "lamp"}\')')
    return body
