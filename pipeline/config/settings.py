"""How an API is treated: the sections that a configuration has for all endpoints, and that each may have for itself.

What can be configured: one struct per section, the defaults, and the limits of each value.

The YAML file, the environment and the flags are laid over these defaults in ``layers.py``. All times are
in seconds. What a key means is said here, beside it; the documents have it from here (``keys.py``).
"""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, Self

from msgspec import Meta

from pipeline.config.auth import Auth
from pipeline.config.http_syntax import (
    header_error,
    host_error,
    url_error,
)
from pipeline.config.presets import preset_error
from pipeline.config.section import RULE, Section, Word
from pipeline.config.source import Fields, Paging
from pipeline.errors import ConfigError, Problem
from pipeline.record_paths import path_error

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]

# One request in a quarter of an hour.
SLOWEST_RPS = 0.001


class Http(Section, frozen=True):
    """Limits of one HTTP attempt."""

    connect_timeout: Annotated[Positive, Meta(description="until the connection stands")] = 3.0
    read_timeout: Annotated[Positive, Meta(description="without receiving a byte")] = 8.0
    total_timeout: Annotated[Positive, Meta(description="of one attempt, however steadily it drips")] = 15.0
    max_body_bytes: Annotated[int, Meta(ge=1, description="of one body, once it is inflated")] = 10_485_760
    user_agent: Annotated[
        str,
        Meta(
            pattern=r"^[ -~]+\Z",
            description="how we introduce ourselves; say who you are and how to reach you",
            extra={RULE: "Expected printable ASCII"},
        ),
    ] = f"pipeline/{version('pipeline')}"


class RateLimit(Section, frozen=True):
    """Token bucket, one per endpoint; every attempt costs a token.

    Raises:
        ConfigError: when ``rps`` is so low that it can only be meant as something else.
    """

    rps: Annotated[NotNegative, Meta(description="requests a second and endpoint, retries included; 0: no limit")] = 5.0
    burst: Annotated[Count, Meta(description="requests that may be made at once after a rest")] = 5
    concurrency: Annotated[
        int,
        Meta(ge=1, le=100, description="requests that may be under way at once; as few as keep the rate are"),
    ] = 8

    def __post_init__(self) -> None:
        if 0 < self.rps < SLOWEST_RPS:
            raise ConfigError([Problem("rps", f"needs 0 (no limit) or at least {SLOWEST_RPS:g}, got {self.rps:g}")])

    def at_most(self, rps: float = 0.0, burst: int = 1_000_000, concurrency: int = 100) -> Self:
        """The slower of both, in each respect."""
        return type(self)(
            rps=min(filter(None, (self.rps, rps)), default=0.0),
            burst=min(self.burst, burst),
            concurrency=min(self.concurrency, concurrency),
        )


class Retry(Section, frozen=True):
    """Exponential backoff after transient failures: 429, 5xx, 408, timeouts, broken connections."""

    max_retries: Annotated[int, Meta(ge=0, le=100, description="tries of one page after the first")] = 3
    base_delay: Annotated[
        NotNegative, Meta(description="before the first retry; doubled for each further one, up to `max_delay`")
    ] = 0.5
    max_delay: Annotated[NotNegative, Meta(description="the longest of these delays")] = 4.0
    jitter: Annotated[float, Meta(ge=0, le=1, description="share of the delay that chance adds")] = 0.1


class Breaker(Section, frozen=True):
    """Circuit breaker, one per endpoint."""

    failure_threshold: Annotated[
        Count, Meta(description="transient failures in a row that open the circuit; 429 does not count")
    ] = 3
    cooldown: Annotated[
        NotNegative, Meta(description="how long an open circuit leaves the endpoint alone before a probe")
    ] = 15.0
    max_probes: Annotated[Count, Meta(description="failed probes in a row after which the endpoint is given up")] = 2


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
            ("preset", preset_error(self.preset) if self.preset is not None else None),
            ("url", url_error(self.url)),
            ("explode", path_error(self.explode) if self.explode is not None else None),
            *((f"headers.{name}", header_error(name, value)) for name, value in self.headers.items()),
            *(("allow_hosts", host_error(host)) for host in self.allow_hosts),
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
