"""An endpoint with all that is needed to fetch it."""

import os
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from pipeline.config.auth import NO_AUTH, Auth, Credentials
from pipeline.config.expansion import Expansion, expand_query, identity
from pipeline.config.http_syntax import (
    basic_credentials,
    header_error,
)
from pipeline.config.presets import load_preset
from pipeline.config.settings import NO_ENDPOINTS, Breaker, Config, Endpoint, Http, RateLimit, Retry
from pipeline.config.source import Fields, Paging
from pipeline.errors import ConfigError, Problem
from pipeline.redaction import Secrets


class ResolvedEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One API with all that is needed to fetch it, its credentials among it: not to be shown, nor written anywhere.

    ``unset`` are the environment variables that its preset would take credentials from, had they been set;
    ``definition`` is what decides what is on a page, without credentials.
    """

    name: str
    url: str
    items: str | None
    explode: str | None
    paging: Paging
    fields: Fields
    headers: Mapping[str, str]
    credentials: Credentials
    unset: Sequence[str]
    allow_hosts: tuple[str, ...]
    http: Http
    rate_limit: RateLimit
    retry: Retry
    breaker: Breaker
    secrets: Secrets
    definition: tuple[tuple[str, ...], str | None, str | None, Paging, Fields]

    def __repr__(self) -> str:
        return f"ResolvedEndpoint(name={self.name!r})"


def resolve(config: Config, environ: Mapping[str, str] | None = None) -> tuple[ResolvedEndpoint, ...]:
    """The endpoints, each with its own sections or the common ones in their place, and its credentials put in.

    ``environ`` is where those come from, by default the process's own environment.

    Raises:
        ConfigError: when there is none, so that there is nothing to run, or ``environ`` lacks a variable.
    """
    if not config.endpoints:
        raise ConfigError([NO_ENDPOINTS])
    environ = os.environ if environ is None else environ
    problems: list[Problem] = []
    resolved = tuple(
        _resolved(config, endpoint, f"endpoints.{index}.", environ, problems)
        for index, endpoint in enumerate(config.endpoints)
    )
    if problems:
        raise ConfigError(problems)
    return resolved


def _resolved(
    config: Config, endpoint: Endpoint, path: str, environ: Mapping[str, str], problems: list[Problem]
) -> ResolvedEndpoint:
    expansion = Expansion(environ)
    url = expand_query(endpoint.url, expansion)
    problems += [Problem(f"{path}url", text) for text in expansion.take_problems()]
    if password := unquote(urlsplit(url).password or ""):
        user = unquote(urlsplit(url).username or "")
        expansion.hide(password)
        expansion.hide(basic_credentials(user, password))
    headers = {}
    for name, text in endpoint.headers.items():
        headers[name] = expansion.expand(name, text)
        wrong: Sequence[str | None] = expansion.take_problems() or [header_error(name, headers[name])]
        problems += [Problem(f"{path}headers.{name}", complaint) for complaint in wrong if complaint]
    auth, unset = _auth_of(endpoint, environ)
    if auth.sent_as() in map(str.lower, headers):
        problems.append(
            Problem(f"{path}auth", f"is sent as {auth.sent_as()}, which `headers` has already; keep one of both")
        )
    if auth.sent_as() == "authorization" and urlsplit(url).username:
        problems.append(
            Problem(f"{path}auth", "is sent as authorization, and so is the user in `url`; keep one of both")
        )
    credentials, wrong_credentials = auth.resolve(url, expansion)
    for name in credentials.query.keys() & parse_qs(urlsplit(url).query, keep_blank_values=True).keys():
        problems.append(
            Problem(f"{path}auth.api_key.query", f"`url` has the parameter {name} already; remove it there")
        )
    problems += [Problem(f"{path}auth.{problem.path}", problem.text) for problem in wrong_credentials]
    return ResolvedEndpoint(
        name=endpoint.name,
        url=url,
        items=endpoint.items,
        explode=endpoint.explode,
        paging=endpoint.paging,
        fields=endpoint.fields,
        headers=headers,
        credentials=credentials,
        unset=unset,
        allow_hosts=endpoint.allow_hosts,
        http=endpoint.http or config.http,
        rate_limit=endpoint.rate_limit or config.rate_limit,
        retry=endpoint.retry or config.retry,
        breaker=endpoint.breaker or config.breaker,
        secrets=expansion.secrets(),
        definition=(
            identity(endpoint.url, url, headers),
            endpoint.items,
            endpoint.explode,
            endpoint.paging,
            endpoint.fields,
        ),
    )


def _auth_of(endpoint: Endpoint, environ: Mapping[str, str]) -> tuple[Auth, Sequence[str]]:
    """How the endpoint shows who asks; and the variables that its preset would do it with, where none is set."""
    if endpoint.auth is not None or endpoint.preset is None:
        return endpoint.auth or NO_AUTH, ()
    offered = load_preset(endpoint.preset).auth
    if offered.sent_as() in map(str.lower, endpoint.headers) or urlsplit(endpoint.url).username:
        return NO_AUTH, ()
    names = offered.variables()
    if not any(environ.get(name) for name in names):
        return NO_AUTH, sorted(names)
    return offered, ()
