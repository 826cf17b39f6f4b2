"""Estimate how long it takes to read APIs, from the first page of each and the rate at which it may be asked."""

import math
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec

from pipeline.config.endpoint import Endpoint, RateLimit
from pipeline.config.settings import Config
from pipeline.config.source import Paging, PagingStyle
from pipeline.discovery.first_page import FirstPage
from pipeline.fetch.policy.quota import tightest_quota

# The deadline of a draft, if no estimate asks for more, and its margin over an estimate.
_USUAL_TIMEOUT, _MARGIN = 300, 1.5

# Deadlines are multiples of a step, which depends on their size; both in seconds.
_STEPS = ((600, 60), (3_600, 300), (math.inf, 1_800))

# The pages of these styles lead to each other, so one request follows the other.
ONE_BY_ONE = frozenset({PagingStyle.CURSOR, PagingStyle.NEXT_URL, PagingStyle.LINK_HEADER, PagingStyle.LAST_ID})


class Estimate(msgspec.Struct, frozen=True):
    """The number of pages of an API, or of several that share a host, and the seconds that reading them takes."""

    name: str
    pages: int
    seconds: float


def estimate(page: FirstPage, endpoint: Endpoint, limit: RateLimit) -> Estimate | None:
    """Return the estimate for one endpoint, as it is configured; None if its API announces no size.

    The time is that of the rate limit, of the latency or of the announced quota, whichever is longest.
    """
    pages = pages_of(page, endpoint.paging)
    if pages is None:
        return None
    in_flight = 1 if endpoint.paging.style in ONE_BY_ONE else limit.concurrency
    seconds = pages * max(1 / limit.rps if limit.rps else 0.0, page.seconds / in_flight)
    quota = tightest_quota(page.response.headers, time.time())
    if quota:  # the first page is used up already
        seconds = max(seconds, (pages - 1) // (quota.left + 1) * quota.seconds)
    return Estimate(endpoint.name, pages, seconds)


def slowest(pages: Iterable[FirstPage], config: Config) -> Estimate | None:
    """Return the estimate that takes longest; endpoints of one host and port are read one after the other."""
    endpoints = {endpoint.name: endpoint for endpoint in config.endpoints}
    by_host: dict[str, Estimate] = {}
    for page in pages:
        endpoint = endpoints[page.endpoint.name]
        found = estimate(page, endpoint, endpoint.rate_limit or config.rate_limit)
        if found:
            host = urlsplit(page.response.url).netloc
            before = by_host.get(host)
            by_host[host] = _sum(before, found) if before else found
    return max(by_host.values(), key=lambda one: one.seconds, default=None)


def timeout_for(found: Estimate | None) -> int:
    """Return the deadline for an estimate, in seconds: with a margin, and as a round number."""
    wanted = max(_USUAL_TIMEOUT, _MARGIN * found.seconds if found else 0)
    step = next(step for most, step in _STEPS if wanted <= most)
    return math.ceil(wanted / step) * step


def pages_of(page: FirstPage, paging: Paging) -> int | None:
    """Return the number of pages of an endpoint, None if its API announces no size."""
    if paging.style is PagingStyle.NONE:
        return 1
    size = len(page.records) or paging.size  # an API may return fewer records than it is asked for
    if page.announced.records is not None and size:
        return max(1, math.ceil(page.announced.records / size))
    return page.announced.pages


def _sum(one: Estimate, other: Estimate) -> Estimate:
    return Estimate(f"{one.name} and {other.name}", one.pages + other.pages, one.seconds + other.seconds)
