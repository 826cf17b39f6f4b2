"""Quotas that servers announce with their responses: when none is left, the endpoint is left alone until there is."""

import re
from collections.abc import Mapping

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


def seconds_until_quota(headers: Mapping[str, str], now: float) -> float | None:
    """How long to leave the endpoint alone, None where some quota is left or nothing is said.

    ``headers`` have any case; ``now`` is the Unix time. Numbers of seconds and moments are told apart by their size.
    """
    if not any("limit" in name.lower() for name in headers):  # all their names have it, and most servers say nothing
        return None
    waits = [_of_pair(headers, left, reset, now) for left, reset in _PAIRS]
    field = headers.get("ratelimit", "")
    # Several policies, each with a name in quotes; without names the commas stand within the one there is.
    waits += [_of_field(policy, now) for policy in (field.split(",") if '"' in field else [field])]
    waits.append(_number(headers.get(_WOOCOMMERCE)))
    if _number(headers.get(_LEFT)) == 0 and (milliseconds := _number(headers.get(_RESET_MS))) is not None:
        waits.append(milliseconds / 1000)
    used, _, capacity = headers.get(_SHOPIFY, "").partition("/")
    calls, most = _number(used), _number(capacity)
    if calls is not None and most is not None and calls >= most:
        waits.append(_SHOPIFY_LEAK)
    return max((wait for wait in waits if wait), default=None)


def _of_pair(headers: Mapping[str, str], left: str, reset: str, now: float) -> float | None:
    if _number(headers.get(left)) != 0 or (until := _number(headers.get(reset))) is None:
        return None
    return _seconds(until, now)


def _of_field(text: str, now: float) -> float | None:
    fields = dict(_FIELD.findall(text))
    left = _number(fields.get("r", fields.get("remaining")))
    until = _number(fields.get("t", fields.get("reset")))
    return _seconds(until, now) if left == 0 and until is not None else None


def _seconds(until: float, now: float) -> float:
    if until >= 1000 * _A_MOMENT:
        until /= 1000
    return max(0.0, until - now) if until >= _A_MOMENT else until


def _number(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if re.fullmatch(r"\d{1,15}(\.\d{1,9})?", text) else None
