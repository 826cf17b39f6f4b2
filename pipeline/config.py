"""What can be configured: one struct per section, the defaults, and the limits of each value.

The YAML file, the environment and the flags are laid over these defaults in ``layers.py``. All times are
in seconds. Every key is explained in ``config/config.yaml``.
"""

import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Annotated
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Meta

from pipeline.credentials import Expansion, Secrets, expand_query, identity
from pipeline.description import Fields, Paging
from pipeline.errors import ConfigError, Problem
from pipeline.http_syntax import complaint_about_header, complaint_about_host, complaint_about_url
from pipeline.paths import complaint_about_path
from pipeline.section import Section, Word

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]

NAME_RULE = "Expected up to 64 letters, digits, `.`, `_` and `-`, not digits alone"

# One request in a quarter of an hour.
SLOWEST_RPS = 0.001

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


class Http(Section, frozen=True):
    """Limits of one HTTP attempt. ``max_body_bytes`` counts the body once it is inflated."""

    connect_timeout: Positive = 3.0
    read_timeout: Positive = 8.0
    total_timeout: Positive = 15.0
    max_body_bytes: Annotated[int, Meta(ge=1)] = 10_485_760
    user_agent: Annotated[str, Meta(pattern=r"^[ -~]+\Z")] = f"pipeline/{version('pipeline')}"


class RateLimit(Section, frozen=True):
    """Token bucket of one endpoint: ``rps`` requests a second on average, 0 for no limit.

    Raises:
        ConfigError: when ``rps`` is so low that it can only be meant as something else.
    """

    rps: NotNegative = 5.0
    burst: Count = 5

    def __post_init__(self) -> None:
        if 0 < self.rps < SLOWEST_RPS:
            raise ConfigError([Problem("rps", f"needs 0 (no limit) or at least {SLOWEST_RPS:g}, got {self.rps:g}")])


class Retry(Section, frozen=True):
    """Exponential backoff: ``base_delay`` doubles up to ``max_delay``, plus up to ``jitter`` of itself."""

    max_retries: Annotated[int, Meta(ge=0, le=100)] = 3
    base_delay: NotNegative = 0.5
    max_delay: NotNegative = 4.0
    jitter: Annotated[float, Meta(ge=0, le=1)] = 0.1


class Breaker(Section, frozen=True):
    """Circuit breaker of one endpoint; it gives up after ``max_probes`` failed probes in a row."""

    failure_threshold: Count = 3
    cooldown: NotNegative = 15.0
    max_probes: Count = 2


class WorkerPool(Section, frozen=True):
    """Threads that normalize, and how many records a batch aims at."""

    size: Annotated[int, Meta(ge=1, le=64)] = 4
    batch_size: Count = 50


class Queue(Section, frozen=True):
    """How many pages may wait between the fetchers and the normalizer."""

    size: Count = 100


class Endpoint(Section, frozen=True):
    """One API. A section that is None here is the one of the whole configuration.

    ``name`` becomes the ``source`` of its products, and addresses it beside its index; ``items`` is the dotted path of
    the list of records within the body, found by itself when None; ``explode`` that of a list in each record whose
    elements are products. ``headers`` go with each request; ``${NAME}`` in
    their values and in query values of ``url`` is an environment variable. ``allow_hosts`` may be asked where the API
    redirects there, too, without headers.

    Raises:
        ConfigError: when ``url`` is no http or https URL, or a header or host is none.
    """

    name: Annotated[str, Meta(pattern=r"^(?!\d+\Z)[A-Za-z0-9][A-Za-z0-9._-]*\Z", max_length=64, description=NAME_RULE)]
    url: str
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
            ("url", complaint_about_url(self.url)),
            ("explode", complaint_about_path(self.explode) if self.explode is not None else None),
            *((f"headers.{name}", complaint_about_header(name, value)) for name, value in self.headers.items()),
            *(("allow_hosts", complaint_about_host(host)) for host in self.allow_hosts),
        ]
        if problems := [Problem(path, text) for path, text in complaints if text]:
            raise ConfigError(problems)


class Config(Section, frozen=True):
    """The whole configuration of a run. ``timeout`` bounds the fetching of all endpoints together.

    Raises:
        ConfigError: when two endpoints share a name.
    """

    timeout: Positive = 60.0
    output: Annotated[str, Meta(min_length=1)] = "out/summary.json"
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

    def resolved(self, environ: Mapping[str, str] | None = None) -> "tuple[ResolvedEndpoint, ...]":
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
    ) -> "ResolvedEndpoint":
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
        return ResolvedEndpoint(
            name=endpoint.name,
            url=url,
            items=endpoint.items,
            explode=endpoint.explode,
            paging=endpoint.paging,
            fields=endpoint.fields,
            headers=headers,
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


class ResolvedEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One API with all that is needed to fetch it, its credentials among it: not to be shown, nor written anywhere.

    ``definition`` is what decides what is on a page, without credentials.
    """

    name: str
    url: str
    items: str | None
    explode: str | None
    paging: Paging
    fields: Fields
    headers: Mapping[str, str]
    allow_hosts: tuple[str, ...]
    http: Http
    rate_limit: RateLimit
    retry: Retry
    breaker: Breaker
    secrets: Secrets
    definition: tuple[tuple[str, ...], str | None, str | None, Paging, Fields]

    def __repr__(self) -> str:
        return f"ResolvedEndpoint(name={self.name!r})"
