"""The place of the store: the URL of its database, and its references to secrets."""

import os
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

import msgspec

from pipeline.config.expansion import Expansion, has_reference
from pipeline.errors import ConfigError, Problem
from pipeline.redaction import Secrets, shown_url

EXPECTED = "expected sqlite:///FILE or postgresql://USER@HOST/DATABASE"


class StorePlace(msgspec.Struct, frozen=True):
    """The database of the store. ``url`` contains its password: show ``shown`` instead."""

    url: str
    shown: str
    secrets: Secrets

    def __repr__(self) -> str:
        return f"StorePlace({self.shown!r})"


def store_error(url: str) -> str | None:
    """Return why a text is not the URL of a store, None if it may be; references are not expanded yet."""
    if has_reference(url.partition("://")[0]):
        return None
    scheme, _, rest = url.partition("://")
    try:
        is_usable = urlsplit(url).port != 0
    except ValueError:
        is_usable = False
    if scheme == "sqlite" and rest.startswith("/") and rest.strip("/"):
        return None
    if scheme == "postgresql" and is_usable:
        return None
    return f"{shown_url(url)!r} is not the URL of a store; {EXPECTED}"


def resolve_store(url: str | None, environ: Mapping[str, str] | None = None) -> StorePlace | None:
    """Return the place of the store with its references expanded, None without one.

    References within the URL are percent-encoded; a URL that is a reference alone is not.

    Raises:
        ConfigError: if a variable or file is missing, or the result is not the URL of a store.
    """
    if url is None:
        return None
    expansion = Expansion(os.environ if environ is None else environ)
    is_alone = url.startswith("${") and url.find("}") == len(url) - 1
    expanded = expansion.expand(url, secret=False, encode=str if is_alone else lambda text: quote(text, safe=""))
    problems = expansion.take_problems()
    if not problems and (error := store_error(expanded)):
        problems = [error]
    if problems:
        raise ConfigError([Problem("store", problem) for problem in problems])
    if password := unquote(urlsplit(expanded).password or ""):
        expansion.hide(password)
    return StorePlace(expanded, shown_url(expanded), expansion.secrets())
