"""What can be configured: one struct per section, the defaults, and the limits of each value.

The YAML file, the environment and the flags are laid over these defaults in ``layers.py``. All times are
in seconds. Every key is explained in ``config/config.yaml``.
"""

import enum
import ipaddress
import re
from importlib.metadata import version
from typing import Annotated, Self
from urllib.parse import urlsplit

import idna
import msgspec
from msgspec import Meta

from pipeline.errors import ConfigError, Problem

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]

NAME_RULE = "Expected up to 64 letters, digits, `.`, `_` and `-`, not digits alone"

# RFC 9110, section 4.1.
LONGEST_URL = 8_000

# One request in a quarter of an hour.
SLOWEST_RPS = 0.001

NO_ENDPOINTS = Problem("endpoints", "none is configured; add at least one with `name` and `url`")


class _Word(enum.Enum):
    """A choice among words, written in any case."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        wanted = str(value).casefold()
        return next((member for member in cls if member.value.casefold() == wanted), None)


class Level(_Word):
    """The least severe log message that is shown."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Format(_Word):
    """How a log line looks: for people, or one JSON object a line."""

    TEXT = "text"
    JSON = "json"


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections: immutable, keyword-only, strict about its keys."""


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
    the list of records within the body, found by itself when None.

    Raises:
        ConfigError: when ``url`` is no http or https URL.
    """

    name: Annotated[str, Meta(pattern=r"^(?!\d+\Z)[A-Za-z0-9][A-Za-z0-9._-]*\Z", max_length=64, description=NAME_RULE)]
    url: str
    items: str | None = None
    http: Http | None = None
    rate_limit: RateLimit | None = None
    retry: Retry | None = None
    breaker: Breaker | None = None

    def __post_init__(self) -> None:
        if complaint := _complaint_about_url(self.url):
            raise ConfigError([Problem("url", complaint)])


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

    def resolved(self) -> "tuple[ResolvedEndpoint, ...]":
        """The endpoints, each with its own sections or the common ones in their place.

        Raises:
            ConfigError: when there is none, so that there is nothing to run.
        """
        if not self.endpoints:
            raise ConfigError([NO_ENDPOINTS])
        return tuple(
            ResolvedEndpoint(
                name=endpoint.name,
                url=endpoint.url,
                items=endpoint.items,
                http=endpoint.http or self.http,
                rate_limit=endpoint.rate_limit or self.rate_limit,
                retry=endpoint.retry or self.retry,
                breaker=endpoint.breaker or self.breaker,
            )
            for endpoint in self.endpoints
        )


class ResolvedEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One API with all that is needed to fetch it."""

    name: str
    url: str
    items: str | None
    http: Http
    rate_limit: RateLimit
    retry: Retry
    breaker: Breaker


def _complaint_about_url(url: str) -> str | None:
    if any(character <= " " or character == "\x7f" for character in url):
        return f"{url!r} has a blank or a control character"
    if len(url) > LONGEST_URL:
        return f"is {len(url)} characters long; at most {LONGEST_URL} are sure to be understood"
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return f"{url!r} is no URL of the form http://host/path or https://host/path"
        if parts.port == 0:
            return f"{url!r} has port 0"
        _check_host(parts.hostname, literal="[" in parts.netloc)
    except ValueError as error:
        return f"{url!r} is no URL: {error}"
    return None


def _check_host(host: str, *, literal: bool) -> None:
    """Raises ValueError for what is neither an IP address nor a name that can be looked up (RFC 5891)."""
    if literal or re.fullmatch(r"[\d.]+", host):
        ipaddress.ip_address(host)
    elif not host.isascii() or "xn--" in host:
        idna.encode(host)
