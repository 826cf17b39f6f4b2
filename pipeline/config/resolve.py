"""Resolve the endpoints of a configuration: inherited sections, and credentials from the environment and from files."""

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from pipeline.config.auth import NO_AUTH, Auth, Credentials
from pipeline.config.endpoint import Breaker, Endpoint, Http, RateLimit, Retry
from pipeline.config.expansion import Expansion, SecretFiles, expand_query, identity
from pipeline.config.expect import Expect
from pipeline.config.http_syntax import basic_credentials, header_error
from pipeline.config.presets import FullList, load_preset
from pipeline.config.request import NO_REQUEST, BodyFormat, Request
from pipeline.config.settings import NO_ENDPOINTS, Config
from pipeline.config.source import Fields, Paging
from pipeline.config.transform import Transform, load_transforms
from pipeline.errors import ConfigError, Problem
from pipeline.redaction import Secrets, names_secret


class ResolvedEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One API with everything needed to fetch it. It contains credentials: do not show or write it.

    ``unset`` names the environment variables from which its preset would take credentials, if none of them is set.
    ``definition`` is everything that determines the content of a page, without credentials.
    """

    name: str
    url: str
    request: Request = NO_REQUEST
    format: BodyFormat | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    items: str | None
    explode: str | None
    transform: Transform | None = None
    full_list: FullList | None = None
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
    expect: Expect
    secrets: Secrets
    definition: tuple[object, ...]

    def __repr__(self) -> str:
        return f"ResolvedEndpoint(name={self.name!r})"


def resolve(
    config: Config,
    environ: Mapping[str, str] | None = None,
    *,
    transforms: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[ResolvedEndpoint, ...]:
    """Return the endpoints, each with its own sections or else the common ones, and with its credentials.

    The members of a group all have the limit of the group. Credentials come from ``environ``, by default the process's
    environment, and from files. Each file is read once. ``transforms`` has the sources of transforms whose files are
    not on this machine.

    Raises:
        ConfigError: if there is no endpoint, a variable or file is missing, or credentials contradict.
    """
    if not config.endpoints:
        raise ConfigError([NO_ENDPOINTS])
    environ = os.environ if environ is None else environ
    problems: list[Problem] = []
    files = SecretFiles()
    loaded: Mapping[str, Transform] = {}
    try:
        loaded = load_transforms(config.endpoints, transforms)
    except ConfigError as error:
        problems += error.problems
    resolved = tuple(
        _resolved(
            config,
            endpoint,
            f"endpoints.{index}.",
            Expansion(environ, files),
            transform=loaded.get(endpoint.name),
            problems=problems,
        )
        for index, endpoint in enumerate(config.endpoints)
    )
    if problems:
        raise ConfigError(problems)
    return _with_group_limits(resolved)


def _with_group_limits(endpoints: Sequence[ResolvedEndpoint]) -> tuple[ResolvedEndpoint, ...]:
    """Return the endpoints with the limits of their groups: of each key the smallest value of a member."""
    limits: dict[str, RateLimit] = {}
    for limit in (endpoint.rate_limit for endpoint in endpoints):
        if limit.group is not None:
            limits[limit.group] = limit.at_most(**msgspec.structs.asdict(limits.get(limit.group, limit)))
    return tuple(
        msgspec.structs.replace(endpoint, rate_limit=limits.get(endpoint.rate_limit.group or "", endpoint.rate_limit))
        for endpoint in endpoints
    )


def _resolved(
    config: Config,
    endpoint: Endpoint,
    path: str,
    expansion: Expansion,
    *,
    transform: Transform | None,
    problems: list[Problem],
) -> ResolvedEndpoint:
    url = expand_query(endpoint.url, expansion)
    problems += [Problem(f"{path}url", text) for text in expansion.take_problems()]
    if password := unquote(urlsplit(url).password or ""):
        user = unquote(urlsplit(url).username or "")
        expansion.hide(password)
        expansion.hide(basic_credentials(user, password))
    headers = {}
    for name, text in endpoint.headers.items():
        headers[name] = expansion.expand(text, secret=names_secret(name))
        errors: Sequence[str | None] = expansion.take_problems() or [header_error(name, headers[name])]
        problems += [Problem(f"{path}headers.{name}", error) for error in errors if error]
    request, body = _expanded_request(endpoint.request, expansion)
    problems += [Problem(f"{path}request", text) for text in expansion.take_problems()]
    auth, unset = _auth_of(endpoint, expansion)
    if auth.sent_as() in map(str.lower, headers):
        problems.append(
            Problem(f"{path}auth", f"is sent as {auth.sent_as()}, which is also in `headers`; keep one of them")
        )
    if auth.sent_as() == "authorization" and urlsplit(url).username:
        problems.append(
            Problem(f"{path}auth", "is sent as authorization, and so is the user in `url`; keep one of them")
        )
    credentials, auth_problems = auth.resolve(url, expansion)
    for name in credentials.query.keys() & parse_qs(urlsplit(url).query, keep_blank_values=True).keys():
        problems.append(
            Problem(f"{path}auth.api_key.query", f"`url` already has the parameter {name}; remove it there")
        )
    problems += [Problem(f"{path}auth.{problem.path}", problem.text) for problem in auth_problems]
    return ResolvedEndpoint(
        name=endpoint.name,
        url=url,
        request=request,
        format=endpoint.format,
        encoding=endpoint.encoding,
        delimiter=endpoint.delimiter,
        quote=endpoint.quote,
        items=endpoint.items,
        explode=endpoint.explode,
        transform=transform,
        full_list=load_preset(endpoint.preset).full_list if endpoint.preset else None,
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
        expect=endpoint.expect or config.expect,
        secrets=expansion.secrets(),
        definition=(
            identity(endpoint.url, url, headers),
            body,
            (endpoint.format, endpoint.encoding, endpoint.delimiter, endpoint.quote),
            endpoint.items,
            endpoint.explode,
            transform.definition if transform else None,
            endpoint.paging,
            endpoint.fields,
        ),
    )


def _expanded_request(request: Request, expansion: Expansion) -> tuple[Request, Request]:
    """Return the request with its references expanded, and the same without credentials."""
    values = msgspec.to_builtins(request)
    sent = {key: _expanded(key, value, expansion) for key, value in values.items()}
    shown = {key: _without_secrets(key, values[key], sent[key]) for key in values}
    return msgspec.convert(sent, Request), msgspec.convert(shown, Request)


def _expanded(name: str, value: Any, expansion: Expansion) -> Any:
    match value:
        case str():
            return expansion.expand(value, secret=names_secret(name))
        case dict():
            return {key: _expanded(key, inner, expansion) for key, inner in value.items()}
        case list():
            return [_expanded(name, inner, expansion) for inner in value]
        case _:
            return value


def _without_secrets(name: str, written: Any, sent: Any) -> Any:
    match written:
        case dict():
            return {key: _without_secrets(key, written[key], sent[key]) for key in written}
        case list():
            return [_without_secrets(name, *pair) for pair in zip(written, sent, strict=True)]
        case _:
            return written if names_secret(name) else sent


def _auth_of(endpoint: Endpoint, expansion: Expansion) -> tuple[Auth, Sequence[str]]:
    """Return the endpoint's authentication, and the variables of its preset's if none of them is set."""
    if endpoint.auth is not None or endpoint.preset is None:
        return endpoint.auth or NO_AUTH, ()
    offered = load_preset(endpoint.preset).auth
    if offered.sent_as() in map(str.lower, endpoint.headers) or urlsplit(endpoint.url).username:
        return NO_AUTH, ()
    names = offered.variables()
    if not any(map(expansion.knows, names)):
        return NO_AUTH, sorted(names)
    return offered, ()
