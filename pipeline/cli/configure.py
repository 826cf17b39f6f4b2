"""From flags to a configuration, with logging and the telling of errors as that wants them."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.cli.console import ErrorLine
from pipeline.config import Config, Format
from pipeline.credentials import Secrets
from pipeline.layers import load_config
from pipeline.ui.logs import configure_logging


def wants_json(flags: Mapping[str, str | None]) -> bool:
    """Whether the flags ask for log lines as JSON, before the configuration can tell."""
    return (flags["log__format"] or "").casefold() == Format.JSON.value


def configure(
    path: Path | None,
    settings: Mapping[str, str],
    flags: Mapping[str, str | None],
    line: ErrorLine,
    *,
    credentials: bool = True,
) -> Config:
    """The configuration of a file, of ``settings`` by dotted key, and of ``flags``, with ``__`` for the points."""
    named = {flag.replace("__", "."): value for flag, value in flags.items() if value is not None}
    config = load_config(path, flags={**settings, **named}, credentials=credentials)
    line.as_json = config.log.format is Format.JSON
    if credentials:
        line.secrets = Secrets.of_all(endpoint.secrets for endpoint in config.resolved())
    configure_logging(config.log, line.secrets)
    return config
