"""Rate limit headers, one function for each flavour that APIs use."""

import time
from math import ceil

from mockapi.quota import Standing

Headers = dict[str, str]


def retry_after(standing: Standing) -> Headers:
    """Return ``Retry-After`` in seconds, to the hundredth, if the request was refused."""
    return {} if standing.wait is None else {"Retry-After": f"{ceil(standing.wait * 100) / 100:g}"}


def shopify(standing: Standing) -> Headers:
    """Return how full the bucket is.

    A refused request also gets ``Retry-After``: a decimal number of at least 2.0 seconds.
    """
    headers = {"X-Shopify-Shop-Api-Call-Limit": f"{standing.requests - standing.left}/{standing.requests}"}
    if standing.wait is not None:
        headers["Retry-After"] = f"{max(2.0, ceil(standing.wait * 10) / 10):.1f}"
    return headers


def woocommerce_store(standing: Standing) -> Headers:
    """Return ``RateLimit-*``, with the reset as a Unix time.

    A refused request gets ``RateLimit-Retry-After`` in seconds instead of ``Retry-After``.
    """
    headers = {
        "RateLimit-Limit": str(standing.requests),
        "RateLimit-Remaining": str(standing.left),
        "RateLimit-Reset": _moment(standing.reset),
    }
    if standing.wait is not None:
        headers["RateLimit-Retry-After"] = str(ceil(standing.wait))
    return headers


def bigcommerce(standing: Standing) -> Headers:
    """Return ``X-Rate-Limit-*``, with all times in milliseconds."""
    return {
        "X-Rate-Limit-Requests-Left": str(standing.left),
        "X-Rate-Limit-Requests-Quota": str(standing.requests),
        "X-Rate-Limit-Time-Reset-Ms": str(ceil(standing.reset * 1000)),
        "X-Rate-Limit-Time-Window-Ms": str(ceil(standing.seconds * 1000)),
    }


def x_ratelimit(standing: Standing) -> Headers:
    """Return the usual three, with the reset as a Unix time in seconds."""
    return {
        "X-RateLimit-Limit": str(standing.requests),
        "X-RateLimit-Remaining": str(standing.left),
        "X-RateLimit-Reset": _moment(standing.reset),
    }


def ietf_draft(standing: Standing) -> Headers:
    """Return the structured fields of draft-ietf-httpapi-ratelimit-headers-08 and later; times are whole seconds."""
    return {
        "RateLimit": f'"default";r={standing.left};t={ceil(standing.reset)}',
        "RateLimit-Policy": f'"default";q={standing.requests};w={ceil(standing.seconds)}',
    }


def _moment(seconds: float) -> str:
    """Return the Unix time after a number of seconds, rounded up so that a client never waits too briefly."""
    return str(ceil(time.time() + seconds))
