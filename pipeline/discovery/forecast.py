"""Forecast the requests and the time of a run, from the first page of each endpoint and its rate limit.

Requests that fail and are repeated are not in it.
"""

import math
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import msgspec

from pipeline.config.request import BodyFormat
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Config
from pipeline.discovery.duration import ONE_BY_ONE, pages_of
from pipeline.discovery.first_page import FirstPage, FirstPageResults
from pipeline.fetch.paging.select import make_paginator
from pipeline.fetch.policy.quota import tightest_quota
from pipeline.fetch.prefetch import steady_width
from pipeline.normalize.normalizer import reader_for


class Forecast(msgspec.Struct, frozen=True, omit_defaults=True):
    """The forecast for one endpoint: requests, records, and seconds by itself; None for what is unknown.

    ``known_by`` is the source of their number. If it is unknown, ``fits`` is that for which the deadline has room.
    """

    name: str
    requests: int | None = None
    records: int | None = None
    seconds: float | None = None
    fits: int | None = None
    known_by: Literal["announced", "last run"] | None = None


class RunForecast(msgspec.Struct, frozen=True):
    """The forecast for a run: the sum of the requests, the time, and whether ``timeout`` is enough; all in seconds.

    ``unknown`` has the endpoints of which nothing can be said; the sums are without them. ``is_enough`` is None if only
    those could need more time. ``suggested_timeout`` is None if the configured one is enough.
    """

    endpoints: Sequence[Forecast]
    requests: int
    seconds: float
    timeout: float
    is_enough: bool | None
    unknown: Sequence[str]
    suggested_timeout: int | None = None


# A deadline should exceed the forecast by half, for requests that are repeated.
_MARGIN = 1.5


def forecast_run(
    first_pages: FirstPageResults, config: Config, earlier: Mapping[str, int] = MappingProxyType({})
) -> RunForecast:
    """Return the forecast for a run with this configuration.

    Members of a group share its rate; the other endpoints are fetched side by side. ``earlier`` has the requests of the
    last run by endpoint, for those that announce no size.
    """
    forecasts: list[Forecast] = []
    groups: dict[str, list[_Walk]] = {}
    for endpoint, page in first_pages:
        walk = _Walk.of(page, earlier.get(endpoint.name)) if isinstance(page, FirstPage) else None
        if walk is None:
            fits = _fits(page, config.timeout) if isinstance(page, FirstPage) else None
            forecasts.append(Forecast(endpoint.name, fits=fits))
            continue
        seconds = round(_seconds([walk]), 3)
        forecasts.append(Forecast(endpoint.name, walk.requests, walk.records, seconds, known_by=walk.known_by))
        group = endpoint.rate_limit.group
        groups.setdefault(f"group {group}" if group else f"endpoint {endpoint.name}", []).append(walk)
    seconds = max(map(_seconds, groups.values()), default=0.0)
    unknown = [each.name for each in forecasts if each.requests is None]
    is_short = seconds > config.timeout
    return RunForecast(
        forecasts,
        requests=sum(each.requests or 0 for each in forecasts),
        seconds=round(seconds, 3),
        timeout=config.timeout,
        is_enough=False if is_short else None if unknown else True,
        unknown=unknown,
        suggested_timeout=math.ceil(_MARGIN * seconds / 60) * 60 if is_short else None,
    )


class _Walk(msgspec.Struct, frozen=True):
    """The facts that determine the time of one endpoint: its requests, those at once, and the seconds of one."""

    endpoint: ResolvedEndpoint
    requests: int
    records: int | None
    width: int
    latency: float
    quota_waits: float
    known_by: Literal["announced", "last run"]

    @classmethod
    def of(cls, page: FirstPage, earlier: int | None) -> "_Walk | None":
        """Return the walk that begins with this page; None if the number of its requests is unknown."""
        announced = _requests(page)
        requests = earlier if announced is None else announced
        if requests is None:
            return None
        limit = page.endpoint.rate_limit
        width = 1 if page.paging.style in ONE_BY_ONE else steady_width(limit.rps, page.latency, limit.concurrency)
        quota = tightest_quota(page.response.headers, time.time())
        waits = (requests - 1) // (quota.left + 1) * quota.seconds if quota else 0.0
        return cls(
            page.endpoint,
            requests,
            page.announced.records,
            width,
            page.latency,
            waits,
            "last run" if announced is None else "announced",
        )


def _requests(page: FirstPage) -> int | None:
    """Return the number of requests of the walk, the first one included."""
    if page.format is not BodyFormat.JSON:
        return 1
    endpoint = page.endpoint
    identify = reader_for(endpoint.fields, endpoint.explode, endpoint.transform).identify
    paginator = make_paginator(endpoint.paging, identify, request=endpoint.request)
    paginator.page_arrived(page.fetched)
    if paginator.ending is not None:
        return 1
    pages = pages_of(page, page.paging)
    requests, is_end_known = paginator.next_requests(1_000_000)
    if page.paging.style in ONE_BY_ONE or not is_end_known:
        return pages
    # With a path of the total, no page is requested after the last one.
    if pages is not None and (page.paging.total or page.paging.total_pages):
        return pages
    return 1 + len(requests)


def _seconds(walks: Sequence[_Walk]) -> float:
    """Return the time of the members of a group, which share its bucket."""
    limit = walks[0].endpoint.rate_limit
    requests = sum(walk.requests for walk in walks)
    waits = max(0, requests - limit.burst) / limit.rps if limit.rps else 0.0
    latency = max(walk.latency for walk in walks)
    alone = max(walk.latency * (1 + (walk.requests - 1) / walk.width) for walk in walks)
    return max(waits + latency, alone, *(walk.quota_waits for walk in walks))


def _fits(page: FirstPage, timeout: float) -> int:
    """Return the number of requests that a deadline has room for."""
    limit = page.endpoint.rate_limit
    by_rate = limit.burst + timeout * limit.rps if limit.rps else math.inf
    by_latency = timeout / page.latency if page.latency else math.inf
    fits = min(by_rate, by_latency)
    return math.floor(fits) if fits < math.inf else 0
