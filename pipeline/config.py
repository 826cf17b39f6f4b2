"""What can be configured: one struct per section, the defaults, and the limits of each value.

The YAML file, the environment and the flags are laid over these defaults in ``layers.py``. All times are
in seconds. What a key means is said here, beside it; the documents have it from here (``keys.py``).
"""

import os
from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Meta

from pipeline.authentication import NO_AUTH, Auth
from pipeline.credentials import Expansion, expand_query, identity
from pipeline.description import Fields, Paging
from pipeline.errors import ConfigError, Problem
from pipeline.http_syntax import basic_credentials, complaint_about_header, complaint_about_host, complaint_about_url
from pipeline.paths import complaint_about_path
from pipeline.preset import complaint_about_preset, load_preset
from pipeline.resolved import ResolvedEndpoint
from pipeline.section import RULE, Section, Word
from pipeline.treatment import Breaker, Count, Http, Positive, RateLimit, Retry

_NAME_RULE = "Expected up to 64 letters, digits, `.`, `_` and `-`, not digits alone"

_PRODUCTS_RULE = "Expected a path that ends in .jsonl, .csv or .parquet, which is the format"

NO_ENDPOINTS = Problem(
    "endpoints", "none is configured; add at least one with `name` and `url`, or let `pipeline init` draft a file"
)


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

    level: Annotated[Level, Meta(description="least severe message shown")] = Level.INFO
    format: Annotated[
        Format, Meta(description="lines for people (`text`), or for machines (`json`, one object a line)")
    ] = Format.TEXT


class WorkerPool(Section, frozen=True):
    """Worker threads."""

    size: Annotated[int, Meta(ge=1, le=64, description="threads that normalize")] = 4
    batch_size: Annotated[Count, Meta(description="records that a batch aims at")] = 50


class Queue(Section, frozen=True):
    """Between the fetchers and the worker threads."""

    size: Annotated[
        Count, Meta(description="pages that may wait to be normalized; when it is full the fetchers wait")
    ] = 100


class Endpoint(Section, frozen=True):
    """One API. A section that is None here is the one of the whole configuration.

    ``load_config`` puts in what ``preset`` says for the keys that are not given. ``auth`` None is what the preset
    says, where its environment variables are set.

    Raises:
        ConfigError: when ``url`` is no http or https URL, or a header or host is none.
    """

    name: Annotated[
        str,
        Meta(
            pattern=r"^(?!\d+\Z)[A-Za-z0-9][A-Za-z0-9._-]*\Z",
            max_length=64,
            description="the `source` of its products, unique: letters, digits, `.`, `_`, `-`",
            extra={RULE: _NAME_RULE},
        ),
    ]
    url: Annotated[str, Meta(description="where its products are; which page is added to its query, the rest is kept")]
    preset: Annotated[
        str | None,
        Meta(description='what well-known API it is; see "Presets" in DESCRIBE.md', examples=["shopify_storefront"]),
    ] = None
    auth: Auth | None = None
    items: Annotated[
        str | None,
        Meta(description="dotted path of the list of records, where that is not obvious", examples=["data.products"]),
    ] = None
    explode: Annotated[
        str | None,
        Meta(
            description='path of a list of products in each record; see "Records and variants" in DESCRIBE.md',
            examples=["variants"],
        ),
    ] = None
    paging: Paging = Paging()
    fields: Fields = Fields()
    headers: Annotated[
        Mapping[str, str],
        Meta(description='sent with each request; see "Credentials" in DESCRIBE.md', examples=[{"X-Shop": "7"}]),
    ] = {}
    allow_hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="hosts (`host` or `host:port`) that may be asked, too, when the API redirects there",
            examples=[["cdn.shop.example"]],
        ),
    ] = ()
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
    """The whole configuration of a run.

    Raises:
        ConfigError: when two endpoints share a name.
    """

    timeout: Annotated[
        Positive, Meta(description="deadline of the whole run: it ends the fetching, not the writing")
    ] = 60.0
    output: Annotated[str, Meta(min_length=1, description="where the summary goes; its folder is made")] = (
        "out/summary.json"
    )
    report: Annotated[
        bool, Meta(description='whether there is a report to look at, in HTML; see "Look at it" in README.md')
    ] = False
    products: Annotated[
        Annotated[str, Meta(pattern=r"[^/\\]\.(jsonl|csv|parquet)\Z", extra={RULE: _PRODUCTS_RULE})] | None,
        Meta(
            description='where the products go, alone: .jsonl, .csv or .parquet; see "Load it elsewhere" in README.md'
        ),
    ] = None
    log: Log = Log()
    http: Http = Http()
    rate_limit: RateLimit = RateLimit()
    retry: Retry = Retry()
    breaker: Breaker = Breaker()
    worker_pool: WorkerPool = WorkerPool()
    queue: Queue = Queue()
    endpoints: Annotated[tuple[Endpoint, ...], Meta(description="a list, one entry per API")] = ()

    def __post_init__(self) -> None:
        first: dict[str, int] = {}
        problems = [
            Problem(
                f"endpoints.{index}.name", f"{endpoint.name!r} is the name of endpoints.{same} already; give it another"
            )
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
            expansion.hide(basic_credentials(user, password))
        headers = {}
        for name, text in endpoint.headers.items():
            headers[name] = expansion.expand(name, text)
            wrong: Sequence[str | None] = expansion.take_problems() or [complaint_about_header(name, headers[name])]
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
