"""What can be configured: one struct per section, the defaults, and the limits of each value.

The YAML file, the environment and the flags are laid over these defaults in ``layers.py``. All times are
in seconds. Every key is explained in ``config/config.yaml``.
"""

import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Meta

from pipeline.authentication import NO_AUTH, Auth
from pipeline.credentials import Expansion, expand_query, identity
from pipeline.description import Fields, Paging
from pipeline.errors import ConfigError, Problem
from pipeline.http_syntax import complaint_about_header, complaint_about_host, complaint_about_url
from pipeline.paths import complaint_about_path
from pipeline.preset import complaint_about_preset, load_preset
from pipeline.resolved import ResolvedEndpoint
from pipeline.section import Section, Word
from pipeline.treatment import Breaker, Count, Http, Positive, RateLimit, Retry

NAME_RULE = "Expected up to 64 letters, digits, `.`, `_` and `-`, not digits alone"

PRODUCTS_RULE = "Expected a path that ends in .jsonl, .csv or .parquet, which is the format"

NO_ENDPOINTS = Problem("endpoints", "none is configured; add at least one with `name` and `url`")


class Level(Word):
    """The least severe log message that is shown."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Format(Word):
    """How a log line looks: for people, or one JSON object a line."""

    TEXT = "text"
    JSON = "json"


class Log(Section, frozen=True):
    """Log lines on standard error."""

    level: Level = Level.INFO
    format: Format = Format.TEXT


class WorkerPool(Section, frozen=True):
    """Threads that normalize, and how many records a batch aims at."""

    size: Annotated[int, Meta(ge=1, le=64)] = 4
    batch_size: Count = 50


class Queue(Section, frozen=True):
    """How many pages may wait between the fetchers and the normalizer."""

    size: Count = 100


class Endpoint(Section, frozen=True):
    """One API. A section that is None here is the one of the whole configuration.

    ``name`` becomes the ``source`` of its products, and addresses it beside its index. ``preset`` names a well-known
    API that it is one of; ``load_config`` puts in what that says for the keys that are not given. ``auth`` is how to
    show who asks; None is what the preset says, where its environment variables are set. ``items`` is the dotted path
    of the list of records within the body, found by itself when None; ``explode`` that of a list in each record whose
    elements are products. ``headers`` go with each request; ``${NAME}`` in their values and in query values of ``url``
    is an environment variable. ``allow_hosts`` may be asked where the API redirects there, too, without headers.

    Raises:
        ConfigError: when ``url`` is no http or https URL, or a header or host is none.
    """

    name: Annotated[str, Meta(pattern=r"^(?!\d+\Z)[A-Za-z0-9][A-Za-z0-9._-]*\Z", max_length=64, description=NAME_RULE)]
    url: str
    preset: str | None = None
    auth: Auth | None = None
    items: str | None = None
    explode: str | None = None
    paging: Paging = Paging()
    fields: Fields = Fields()
    headers: Mapping[str, str] = {}
    allow_hosts: tuple[str, ...] = ()
    http: Http | None = None
    rate_limit: RateLimit | None = None
    retry: Retry | None = None
    breaker: Breaker | None = None

    def __post_init__(self) -> None:
        complaints = [
            ("preset", complaint_about_preset(self.preset) if self.preset is not None else None),
            ("url", complaint_about_url(self.url)),
            ("explode", complaint_about_path(self.explode) if self.explode is not None else None),
            *((f"headers.{name}", complaint_about_header(name, value)) for name, value in self.headers.items()),
            *(("allow_hosts", complaint_about_host(host)) for host in self.allow_hosts),
        ]
        if problems := [Problem(path, text) for path, text in complaints if text]:
            raise ConfigError(problems)


class Config(Section, frozen=True):
    """The whole configuration of a run. ``timeout`` bounds the fetching of all endpoints together.

    ``products`` is a file for the products alone, besides ``output``.

    Raises:
        ConfigError: when two endpoints share a name.
    """

    timeout: Positive = 60.0
    output: Annotated[str, Meta(min_length=1)] = "out/summary.json"
    products: Annotated[str, Meta(pattern=r"[^/\\]\.(jsonl|csv|parquet)\Z", description=PRODUCTS_RULE)] | None = None
    log: Log = Log()
    http: Http = Http()
    rate_limit: RateLimit = RateLimit()
    retry: Retry = Retry()
    breaker: Breaker = Breaker()
    worker_pool: WorkerPool = WorkerPool()
    queue: Queue = Queue()
    endpoints: tuple[Endpoint, ...] = ()

    def __post_init__(self) -> None:
        first: dict[str, int] = {}
        problems = [
            Problem(f"endpoints.{index}.name", f"{endpoint.name!r} is the name of endpoints.{same} already")
            for index, endpoint in enumerate(self.endpoints)
            if (same := first.setdefault(endpoint.name, index)) != index
        ]
        if problems:
            raise ConfigError(problems)

    def resolved(self, environ: Mapping[str, str] | None = None) -> tuple[ResolvedEndpoint, ...]:
        """The endpoints, each with its own sections or the common ones in their place, and its credentials put in.

        ``environ`` is where those come from, by default the process's own environment.

        Raises:
            ConfigError: when there is none, so that there is nothing to run, or ``environ`` lacks a variable.
        """
        if not self.endpoints:
            raise ConfigError([NO_ENDPOINTS])
        environ = os.environ if environ is None else environ
        problems: list[Problem] = []
        resolved = tuple(
            self._resolved(endpoint, f"endpoints.{index}.", environ, problems)
            for index, endpoint in enumerate(self.endpoints)
        )
        if problems:
            raise ConfigError(problems)
        return resolved

    def _resolved(
        self, endpoint: Endpoint, path: str, environ: Mapping[str, str], problems: list[Problem]
    ) -> ResolvedEndpoint:
        expansion = Expansion(environ)
        url = expand_query(endpoint.url, expansion)
        problems += [Problem(f"{path}url", text) for text in expansion.take_problems()]
        if password := unquote(urlsplit(url).password or ""):
            user = unquote(urlsplit(url).username or "")
            expansion.hide(password)
            expansion.hide(b64encode(f"{user}:{password}".encode()).decode())  # RFC 7617, section 2
        headers = {}
        for name, text in endpoint.headers.items():
            headers[name] = expansion.expand(name, text)
            wrong: Sequence[str | None] = expansion.take_problems() or [complaint_about_header(name, headers[name])]
            problems += [Problem(f"{path}headers.{name}", complaint) for complaint in wrong if complaint]
        auth, unset = _auth_of(endpoint, environ)
        if auth.sent_as() in map(str.lower, headers):
            problems.append(Problem(f"{path}auth", f"is sent as {auth.sent_as()}, which `headers` has already"))
        if auth.sent_as() == "authorization" and urlsplit(url).username:
            problems.append(Problem(f"{path}auth", "is sent as authorization, and so is the user in `url`"))
        credentials, wrong_credentials = auth.resolve(url, expansion)
        for name in credentials.query.keys() & parse_qs(urlsplit(url).query, keep_blank_values=True).keys():
            problems.append(Problem(f"{path}auth.api_key.query", f"`url` has the parameter {name} already"))
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
            http=endpoint.http or self.http,
            rate_limit=endpoint.rate_limit or self.rate_limit,
            retry=endpoint.retry or self.retry,
            breaker=endpoint.breaker or self.breaker,
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
