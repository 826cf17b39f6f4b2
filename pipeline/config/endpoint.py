"""The sections of one endpoint: its description, and the limits that it may have of its own.

Each key has its default, its limits and its meaning at its field. All times are in seconds.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from msgspec import Meta

from pipeline.config.auth import Auth
from pipeline.config.duration import Seconds, SecondsOrZero
from pipeline.config.expect import Expect
from pipeline.config.http_syntax import header_error, host_error, url_error
from pipeline.config.presets import preset_error
from pipeline.config.record_paths import items_error, path_error
from pipeline.config.request import NO_REQUEST, BodyFormat, Request, encoding_error
from pipeline.config.section import RULE, SECRET, Section
from pipeline.config.source import Fields, Paging, PagingStyle
from pipeline.distribution import VERSION
from pipeline.errors import ConfigError, Problem

NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]

# One request in about a quarter of an hour (1,000 s). A lower rate is probably a mistake.
SLOWEST_RPS = 0.001

_NAME_RULE = "Expected up to 64 letters, digits, `.`, `_` and `-`, not digits alone"
_GROUP_RULE = "Expected up to 64 letters, digits, `.`, `_` and `-`"


class Http(Section, frozen=True):
    """Limits of one HTTP attempt."""

    connect_timeout: Annotated[Seconds, Meta(description="until the connection is established")] = 3.0
    read_timeout: Annotated[Seconds, Meta(description="without receiving a byte")] = 8.0
    total_timeout: Annotated[Seconds, Meta(description="of one attempt, even if bytes keep arriving")] = 15.0
    max_body_bytes: Annotated[int, Meta(ge=1, description="maximum size of a body, after decompression")] = 10_485_760
    user_agent: Annotated[
        str,
        Meta(
            pattern=r"^[ -~]+\Z",
            description="the User-Agent header; identify yourself and give a contact",
            extra={RULE: "Expected printable ASCII"},
        ),
    ] = f"pipeline/{VERSION}"


class RateLimit(Section, frozen=True):
    """Token bucket, one per endpoint or group; every attempt costs a token.

    Raises:
        ConfigError: if ``rps`` is below :data:`SLOWEST_RPS`, but not 0.
    """

    rps: Annotated[
        NotNegative, Meta(description="requests per second and endpoint, including retries; 0: no limit")
    ] = 5.0
    burst: Annotated[Count, Meta(description="maximum requests in a burst after an idle period")] = 5
    concurrency: Annotated[
        int,
        Meta(ge=1, le=100, description="maximum concurrent requests; fewer are used if they sustain the rate"),
    ] = 8
    group: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z", max_length=64, extra={RULE: _GROUP_RULE})] | None,
        Meta(description="name of a group whose endpoints share one limit, with the smallest value of each key"),
    ] = None

    def __post_init__(self) -> None:
        if 0 < self.rps < SLOWEST_RPS:
            raise ConfigError([Problem("rps", f"needs 0 (no limit) or at least {SLOWEST_RPS:g}, got {self.rps:g}")])

    def at_most(
        self, rps: float = 0.0, burst: int = 1_000_000, concurrency: int = 100, group: str | None = None
    ) -> Self:
        """Return the limit with the lower of both values for each key; an ``rps`` of 0 is no limit.

        ``group`` applies if the limit has none.
        """
        return type(self)(
            rps=min(filter(None, (self.rps, rps)), default=0.0),
            burst=min(self.burst, burst),
            concurrency=min(self.concurrency, concurrency),
            group=self.group or group,
        )


class Retry(Section, frozen=True):
    """Exponential backoff after transient failures: 5xx, 408, timeouts, broken connections."""

    max_retries: Annotated[
        int, Meta(ge=0, le=100, description="retries per page; requests that were refused (429) do not count")
    ] = 3
    base_delay: Annotated[
        SecondsOrZero, Meta(description="before the first retry; doubled for each further one, up to `max_delay`")
    ] = 0.5
    max_delay: Annotated[SecondsOrZero, Meta(description="maximum delay before a retry")] = 4.0
    jitter: Annotated[float, Meta(ge=0, le=1, description="random addition, as a fraction of the delay")] = 0.1


class Breaker(Section, frozen=True):
    """Circuit breaker, one per endpoint."""

    failure_threshold: Annotated[
        Count, Meta(description="consecutive transient failures that open the circuit; refusals do not count")
    ] = 3
    cooldown: Annotated[SecondsOrZero, Meta(description="time that the circuit stays open before a probe")] = 15.0
    max_probes: Annotated[Count, Meta(description="consecutive failed probes after which the endpoint is given up")] = 2


class Endpoint(Section, frozen=True):
    """One API. A section that is None is inherited from the configuration.

    ``load_config`` fills in the keys that ``preset`` defines and that are not given. If ``auth`` is None, that of the
    preset applies, provided that its environment variables are set.

    Raises:
        ConfigError: if the preset, the URL, ``explode``, a header or a host is not valid.
    """

    name: Annotated[
        str,
        Meta(
            pattern=r"^(?!\d+\Z)[A-Za-z0-9][A-Za-z0-9._-]*\Z",
            max_length=64,
            description="unique name, the `source` of its products: letters, digits, `.`, `_`, `-`",
            extra={RULE: _NAME_RULE},
        ),
    ]
    url: Annotated[
        str,
        Meta(
            description="URL of its products; paging parameters are added to its query, the rest is kept",
            extra={SECRET: True},
        ),
    ]
    preset: Annotated[
        str | None,
        Meta(
            description='name of a well-known API; see "Presets" in docs/DESCRIBE.md', examples=["shopify_storefront"]
        ),
    ] = None
    auth: Auth | None = None
    request: Request = NO_REQUEST
    format: Annotated[
        BodyFormat | None,
        Meta(description="format of the response, if it is not detected; see docs/FEEDS.md", examples=["csv"]),
    ] = None
    encoding: Annotated[
        str | None, Meta(description="character encoding of a feed that does not declare it", examples=["windows-1252"])
    ] = None
    delimiter: Annotated[
        Annotated[str, Meta(min_length=1, max_length=1)] | None,
        Meta(description="character between the cells of a CSV or TSV feed, if it is not detected", examples=[";"]),
    ] = None
    quote: Annotated[
        Annotated[
            str,
            Meta(pattern=r"^(\\?[^\\])?\Z", extra={RULE: "Expected one character, with or without a backslash"}),
        ]
        | None,
        Meta(
            description='character around the cells of a CSV or TSV feed; `""`: none; after a backslash: in cells it '
            "is escaped by one",
            examples=["'"],
        ),
    ] = None
    items: Annotated[
        str | None,
        Meta(
            description="dotted path of the list of records, if it is not detected; `products.*` are the values of an "
            "object",
            examples=["data.products"],
        ),
    ] = None
    explode: Annotated[
        str | None,
        Meta(
            description='path of a list of products in each record; see "Records and variants" in docs/DESCRIBE.md',
            examples=["variants"],
        ),
    ] = None
    transform: Annotated[
        Annotated[
            str,
            Meta(
                pattern=r"^[^:]+\.py:[A-Za-z_]\w*\Z",
                extra={RULE: "Expected FILE.py:FUNCTION, such as shops.py:clean"},
            ),
        ]
        | None,
        Meta(
            description="Python function that changes each record: `FILE.py:FUNCTION`, beside the configuration",
            examples=["shops.py:clean"],
        ),
    ] = None
    paging: Paging = Paging()
    fields: Fields = Fields()
    headers: Annotated[
        Mapping[str, str],
        Meta(
            description='sent with each request; see "Credentials" in docs/DESCRIBE.md',
            examples=[{"X-Shop": "7"}],
            extra={SECRET: True},
        ),
    ] = {}
    allow_hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="further hosts (`host` or `host:port`) to which the API may redirect",
            examples=[["cdn.shop.example"]],
        ),
    ] = ()
    http: Http | None = None
    rate_limit: RateLimit | None = None
    retry: Retry | None = None
    breaker: Breaker | None = None
    expect: Expect | None = None

    @property
    def is_feed(self) -> bool:
        """True if the response is described as a feed."""
        return self.format not in (None, BodyFormat.JSON)

    def _feed_errors(self) -> Iterator[tuple[str, str]]:
        if self.is_feed and self.paging.style not in (PagingStyle.AUTO, PagingStyle.NONE):
            yield (
                "paging",
                f"cannot be used with `format: {self.format.value if self.format else ''}`, which is one response",
            )
        if self.items is not None and self.is_feed and self.format is not BodyFormat.XML:
            yield (
                "items",
                "belongs to `format: json` and `format: xml`; the records of other feeds are its rows or lines",
            )
        if self.is_feed and self.fields.body_paths:
            yield "fields", f"has {min(self.fields.body_paths)}, which belongs to `format: json`"
        for key in ("delimiter", "quote"):
            if getattr(self, key) is not None and self.format not in (None, BodyFormat.CSV, BodyFormat.TSV):
                yield key, "belongs to `format: csv` and `format: tsv`"

    def __post_init__(self) -> None:
        errors = [
            ("preset", preset_error(self.preset) if self.preset is not None else None),
            ("url", url_error(self.url, file_of_feed=self.is_feed)),
            ("explode", path_error(self.explode) if self.explode is not None else None),
            *self._feed_errors(),
            ("items", items_error(self.items) if self.items is not None else None),
            ("encoding", encoding_error(self.encoding) if self.encoding is not None else None),
            *((f"paging.{key}", self.request.error_at(place)) for key, place in self.paging.places.items()),
            *((f"headers.{name}", header_error(name, value)) for name, value in self.headers.items()),
            *(("allow_hosts", host_error(host)) for host in self.allow_hosts),
        ]
        if problems := [Problem(path, text) for path, text in errors if text]:
            raise ConfigError(problems)
