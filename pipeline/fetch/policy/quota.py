"""Quotas that servers announce with their responses: when none is left, the endpoint is left alone until there is."""

import re
from collections.abc import Iterator, Mapping

import msgspec

# Names of what is left and of when there is more, in lower case: the draft of the IETF (draft-ietf-httpapi-ratelimit-
# headers, up to version 07), and what was there before it.
_PAIRS = (
    ("ratelimit-remaining", "ratelimit-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("x-rate-limit-remaining", "x-rate-limit-reset"),
    ("x-ratelimit-remaining-second", "x-ratelimit-reset-second"),
)

# BigCommerce counts in milliseconds.
_LEFT, _RESET_MS = "x-rate-limit-requests-left", "x-rate-limit-time-reset-ms"

# WooCommerce says with a refusal after how many seconds to come again.
_WOOCOMMERCE = "ratelimit-retry-after"

# Shopify: so many requests in the bucket of so many; it leaks two a second.
_SHOPIFY = "x-shopify-shop-api-call-limit"
_SHOPIFY_LEAK = 0.5

# One structured field: `"default";r=0;t=30` (from version 08 on), or `limit=100, remaining=0, reset=30`.
_FIELD = re.compile(r"(?:^|[;,\s])(r|t|remaining|reset)=(\d{1,12})(?=$|[;,\s])")

# Greater numbers are a moment in Unix time, not a number of seconds: nobody waits 30 years.
_A_MOMENT = 1_000_000_000


class Quota(msgspec.Struct, frozen=True):
    """So many requests are ``left`` for so many ``seconds``, then there are more."""

    left: float
    seconds: float


def tightest_quota(headers: Mapping[str, str], now: float) -> Quota | None:
    """The quota of which the least is left, of several that is used up the one that lasts longest; None without any.

    ``headers`` have any case; ``now`` is the Unix time. Numbers of seconds and moments are told apart by their size.
    """
    if not any("limit" in name.lower() for name in headers):  # all their names have it, and most servers say nothing
        return None
    quotas = (quota for quota in _quotas(headers, now) if quota.seconds > 0)
    return min(quotas, key=lambda quota: (quota.left, -quota.seconds), default=None)


def seconds_until_quota(headers: Mapping[str, str], now: float) -> float | None:
    """How long to leave the endpoint alone, None where some quota is left or nothing is said."""
    quota = tightest_quota(headers, now)
    return quota.seconds if quota and quota.left <= 0 else None


def _quotas(headers: Mapping[str, str], now: float) -> Iterator[Quota]:
    for left, reset in _PAIRS:
        yield from _quota(headers.get(left), headers.get(reset), now)
    field = headers.get("ratelimit", "")
    # Several policies, each with a name in quotes; without names the commas stand within the one there is.
    for policy in field.split(",") if '"' in field else [field]:
        said = dict(_FIELD.findall(policy))
        yield from _quota(said.get("r", said.get("remaining")), said.get("t", said.get("reset")), now)
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
