"""Presets: what well-known APIs are like. Each is a file in ``presets/``, so that a new one needs no code."""

import difflib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pipeline.config.auth import NO_AUTH, Auth
from pipeline.config.yaml import parse_text

_FOLDER = files("pipeline.config") / "presets"


class Signs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the API is told from others: dotted paths that the body of a response has, and those that its records have.

    ``path`` is a regular expression for the path of its URL, where that tells.
    """

    record: tuple[str, ...]
    body: tuple[str, ...] = ()
    path: str | None = None


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one API is like.

    ``about`` names it for people, ``docs`` where its makers describe it. ``path`` stands in for that of a URL without
    one, and ``url_needs`` is what has to be said of it. ``endpoint`` has the keys that an endpoint gets, where it has
    none itself; ``auth`` is offered beside them.
    """

    name: str
    about: str
    docs: str
    recognise: Signs
    endpoint: Mapping[str, Any]
    auth: Auth = NO_AUTH
    path: str | None = None
    url_needs: str = "the host"

    def url(self, url: str) -> str:
        """The URL, with the API's usual path where it has none."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return url
        if self.path is None or parts.path not in ("", "/") or not parts.netloc:
            return url
        path, _, query = self.path.partition("?")
        return parts._replace(path=path, query="&".join(filter(None, (query, parts.query)))).geturl()


@cache
def preset_names() -> Sequence[str]:
    """The names of all presets, in order."""
    return sorted(file.name.removesuffix(".yaml") for file in _FOLDER.iterdir() if file.name.endswith(".yaml"))


def preset_error(name: str) -> str | None:
    """What is wrong with the name of a preset, None where nothing is."""
    known = preset_names()
    if name in known:
        return None
    close = difflib.get_close_matches(name, known, n=1)
    return f"{name!r} is no preset" + (f"; did you mean `{close[0]}`?" if close else f"; there are: {', '.join(known)}")


@cache
def load_preset(name: str) -> Preset:
    """The preset of that name, one of :func:`preset_names`."""
    raw = parse_text((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return msgspec.convert({"name": name, **raw}, Preset)
