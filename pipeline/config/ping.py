"""The monitor that is told of the start and the end of each run: its URL, and its references to secrets."""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from pipeline.config.expansion import Expansion, has_reference
from pipeline.errors import ConfigError, Problem
from pipeline.redaction import Secrets

EXPECTED = "expected https://HOST/PATH"


class Monitor(msgspec.Struct, frozen=True):
    """A monitor. Its ``url`` is often a secret as a whole: show ``shown`` instead."""

    url: str
    shown: str
    secrets: Secrets

    def __repr__(self) -> str:
        return f"Monitor({self.shown!r})"


def ping_error(url: str) -> str | None:
    """Return why a text is not the URL of a monitor, None if it may be; references are not expanded yet."""
    if has_reference(url):
        return None
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    return None if is_usable else f"is not the URL of a monitor; {EXPECTED}"


def resolve_ping(url: str | None, environ: Mapping[str, str] | None = None) -> Monitor | None:
    """Return the monitor with the references of its URL expanded, None without one.

    Raises:
        ConfigError: if a variable or file is missing, or the result is not the URL of a monitor.
    """
    if url is None:
        return None
    expansion = Expansion(os.environ if environ is None else environ)
    expanded = expansion.expand(url, secret=True)
    problems = expansion.take_problems()
    if not problems and ping_error(expanded):
        problems = [f"is not the URL of a monitor when its references are expanded; {EXPECTED}"]
    if problems:
        raise ConfigError([Problem("ping", problem) for problem in problems])
    parts = urlsplit(expanded)
    return Monitor(expanded, f"{parts.scheme}://{parts.hostname}", expansion.secrets())
