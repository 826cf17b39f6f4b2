"""Presets: the settings of well-known APIs. Each is a YAML file in this folder; a new one needs no code.

See docs/EXTENDING.md.
"""

import difflib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pipeline.config.auth import NO_AUTH, Auth
from pipeline.config.request import Request
from pipeline.config.yaml import parse_text

_FOLDER = files(__name__)


class RecognitionSigns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The features by which an API is recognised: dotted paths in the body of a response, and in its records.

    ``path`` is a regular expression for the path of the URL, if that is distinctive.
    """

    record: tuple[str, ...]
    body: tuple[str, ...] = ()
    path: str | None = None


class FullList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list in each record that an API cuts off at a length without a sign; ``remedy`` is a way around that."""

    path: str
    length: int
    remedy: str


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one API.

    ``about`` is its name for users, ``docs`` the URL of its documentation. ``path`` is used if a URL has no path, and
    ``url_needs`` describes which URL the user has to give. ``endpoint`` contains the defaults of an endpoint's keys.
    ``auth`` is used if its environment variables are set. ``full_list`` is a list that the API cuts off.
    """

    name: str
    about: str
    docs: str
    recognise: RecognitionSigns
    endpoint: Mapping[str, Any]
    auth: Auth = NO_AUTH
    path: str | None = None
    url_needs: str = "the host"
    full_list: FullList | None = None

    @property
    def request(self) -> Request:
        """The request of its endpoints."""
        return msgspec.convert(self.endpoint.get("request", {}), Request)

    def url(self, url: str) -> str:
        """Return the URL, with the API's usual path if it has none."""
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
    """Return the names of all presets, sorted."""
    return sorted(file.name.removesuffix(".yaml") for file in _FOLDER.iterdir() if file.name.endswith(".yaml"))


def preset_error(name: str) -> str | None:
    """Return what is wrong with the name of a preset, None if it exists."""
    known = preset_names()
    if name in known:
        return None
    close = difflib.get_close_matches(name, known, n=1)
    return f"{name!r} is not a preset" + (
        f"; did you mean `{close[0]}`?" if close else f"; there are: {', '.join(known)}"
    )


@cache
def load_preset(name: str) -> Preset:
    """Return the preset of a name from :func:`preset_names`."""
    raw = parse_text((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return msgspec.convert({"name": name, **raw}, Preset)
