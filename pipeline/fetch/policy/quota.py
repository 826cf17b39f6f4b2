"""Read the quotas that servers announce in response headers, or as the cost of a GraphQL query."""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

import msgspec

# Header names, in lower case, of the remaining requests and of the time of the reset. The first pair is from the IETF
# draft (draft-ietf-httpapi-ratelimit-headers, up to version 07); the others are older conventions.
_PAIRS = (
    ("ratelimit-remaining", "ratelimit-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("x-rate-limit-remaining", "x-rate-limit-reset"),
    ("x-ratelimit-remaining-second", "x-ratelimit-reset-second"),
)

# BigCommerce counts in milliseconds.
_LEFT, _RESET_MS = "x-rate-limit-requests-left", "x-rate-limit-time-reset-ms"

# WooCommerce sends the seconds until the next attempt with a refusal.
_WOOCOMMERCE = "ratelimit-retry-after"

# Shopify sends "requests in the bucket/capacity". The bucket leaks two requests a second.
_SHOPIFY = "x-shopify-shop-api-call-limit"
_SHOPIFY_LEAK = 0.5

# One structured field: `"default";r=0;t=30` (from version 08 on), or `limit=100, remaining=0, reset=30`.
_FIELD = re.compile(r"(?:^|[;,\s])(r|t|remaining|reset)=(\d{1,12})(?=$|[;,\s])")

# Larger numbers are a moment in Unix time, not a number of seconds: as a wait they would exceed 30 years.
_A_MOMENT = 1_000_000_000


class Quota(msgspec.Struct, frozen=True):
    """The number of requests that are ``left``, and the ``seconds`` until the quota is renewed."""

    left: float
    seconds: float


class _ThrottleStatus(msgspec.Struct):
    currentlyAvailable: float  # noqa: N815 - the API's name
    restoreRate: float  # noqa: N815 - the API's name


class _Cost(msgspec.Struct):
    requestedQueryCost: float  # noqa: N815 - the API's name
    throttleStatus: _ThrottleStatus  # noqa: N815 - the API's name


def tightest_quota(headers: Mapping[str, str], now: float, cost: Quota | None = None) -> Quota | None:
    """Return the quota with the fewest requests left: of the headers, or that of a query's ``cost``; None without any.

    Of several quotas with the same number left, the one that lasts longest is returned. Header names may be in any
    case. ``now`` is the Unix time. Numbers of seconds and moments are distinguished by their size.
    """
    if not any("limit" in name.lower() for name in headers):  # fast path: every name has it, most servers send none
        return cost
    announced = [*_quotas(headers, now), *([cost] if cost else [])]
    quotas = (quota for quota in announced if quota.seconds > 0)
    return min(quotas, key=lambda quota: (quota.left, -quota.seconds), default=None)


def seconds_until_quota(headers: Mapping[str, str], now: float) -> float | None:
    """Return how many seconds to pause, or None if some quota is left or none is announced."""
    quota = tightest_quota(headers, now)
    return quota.seconds if quota and quota.left <= 0 else None


def cost_quota(cost: object) -> Quota | None:
    """Return the quota in the cost of a GraphQL query; None if there is none.

    ``cost`` has the members ``requestedQueryCost`` and ``throttleStatus``, as Shopify defines them: a bucket of points
    with ``currentlyAvailable`` points, to which ``restoreRate`` points are added each second. A query is refused if it
    costs more than is available. The next query is expected to cost the same.
    """
    with suppress(msgspec.ValidationError):
        known = msgspec.convert(cost, _Cost)
        price, status = known.requestedQueryCost, known.throttleStatus
        if price > 0 and status.restoreRate > 0:
            left = math.floor(max(status.currentlyAvailable, 0.0) / price)
            return Quota(left, ((left + 1) * price - status.currentlyAvailable) / status.restoreRate)
    return None


def _quotas(headers: Mapping[str, str], now: float) -> Iterator[Quota]:
    for left, reset in _PAIRS:
        yield from _quota(headers.get(left), headers.get(reset), now)
    field = headers.get("ratelimit", "")
    # Policies with quoted names are separated by commas. Without names there is one policy, with commas inside.
    for policy in field.split(",") if '"' in field else [field]:
        values = dict(_FIELD.findall(policy))
        yield from _quota(values.get("r", values.get("remaining")), values.get("t", values.get("reset")), now)
    if (wait := _number(headers.get(_WOOCOMMERCE))) is not None:
        yield Quota(0, wait)
    if (milliseconds := _number(headers.get(_RESET_MS))) is not None:
        yield from _quota(headers.get(_LEFT), str(milliseconds / 1000), now)
    used, _, capacity = headers.get(_SHOPIFY, "").partition("/")
    calls, most = _number(used), _number(capacity)
    if calls is not None and most is not None:
        yield Quota(most - calls, _SHOPIFY_LEAK)


def _quota(left: str | None, until: str | None, now: float) -> Iterator[Quota]:
    number, moment = _number(left), _number(until)
    if number is not None and moment is not None:
        yield Quota(number, _seconds(moment, now))


def _seconds(until: float, now: float) -> float:
    if until >= 1000 * _A_MOMENT:
        until /= 1000
    return max(0.0, until - now) if until >= _A_MOMENT else until


def _number(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if re.fullmatch(r"\d{1,15}(\.\d{1,20})?", text) else None
