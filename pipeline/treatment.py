"""How an API is treated: the sections that a configuration has for all endpoints, and that each may have for itself."""

from importlib.metadata import version
from typing import Annotated, Self

from msgspec import Meta

from pipeline.errors import ConfigError, Problem
from pipeline.section import Section

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]

# One request in a quarter of an hour.
SLOWEST_RPS = 0.001


class Http(Section, frozen=True):
    """Limits of one HTTP attempt. ``max_body_bytes`` counts the body once it is inflated."""

    connect_timeout: Positive = 3.0
    read_timeout: Positive = 8.0
    total_timeout: Positive = 15.0
    max_body_bytes: Annotated[int, Meta(ge=1)] = 10_485_760
    user_agent: Annotated[str, Meta(pattern=r"^[ -~]+\Z")] = f"pipeline/{version('pipeline')}"


class RateLimit(Section, frozen=True):
    """Token bucket of one endpoint: ``rps`` requests a second on average, 0 for no limit.

    ``concurrency`` is the most requests that may be under way at once.

    Raises:
        ConfigError: when ``rps`` is so low that it can only be meant as something else.
    """

    rps: NotNegative = 5.0
    burst: Count = 5
    concurrency: Annotated[int, Meta(ge=1, le=100)] = 8

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
