"""How an API is treated: the sections that a configuration has for all endpoints, and that each may have for itself."""

from importlib.metadata import version
from typing import Annotated, Self

from msgspec import Meta

from pipeline.errors import ConfigError, Problem
from pipeline.section import RULE, Section

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
