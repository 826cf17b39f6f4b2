"""How APIs tell their clients where they stand: one flavour of headers each."""

import time
from math import ceil

from mockapi.quota import Standing

Headers = dict[str, str]


def retry_after(standing: Standing) -> Headers:
    """``Retry-After`` in seconds, to the hundredth, of what is refused."""
    return {} if standing.wait is None else {"Retry-After": f"{ceil(standing.wait * 100) / 100:g}"}


def shopify(standing: Standing) -> Headers:
    """How full the bucket is; what is refused is to wait two seconds, written as a decimal, or longer if need be."""
    headers = {"X-Shopify-Shop-Api-Call-Limit": f"{standing.requests - standing.left}/{standing.requests}"}
    if standing.wait is not None:
        headers["Retry-After"] = f"{max(2.0, ceil(standing.wait * 10) / 10):.1f}"
    return headers


def woocommerce_store(standing: Standing) -> Headers:
    """The reset is a Unix time; what is refused has a field of its own with the seconds, and no ``Retry-After``."""
    headers = {
        "RateLimit-Limit": str(standing.requests),
        "RateLimit-Remaining": str(standing.left),
        "RateLimit-Reset": _moment(standing.reset),
    }
    if standing.wait is not None:
        headers["RateLimit-Retry-After"] = str(ceil(standing.wait))
    return headers


def bigcommerce(standing: Standing) -> Headers:
    """Everything in milliseconds."""
    return {
        "X-Rate-Limit-Requests-Left": str(standing.left),
        "X-Rate-Limit-Requests-Quota": str(standing.requests),
        "X-Rate-Limit-Time-Reset-Ms": str(ceil(standing.reset * 1000)),
        "X-Rate-Limit-Time-Window-Ms": str(ceil(standing.seconds * 1000)),
    }


def x_ratelimit(standing: Standing) -> Headers:
    """The usual three; the reset is a Unix time in seconds."""
    return {
        "X-RateLimit-Limit": str(standing.requests),
        "X-RateLimit-Remaining": str(standing.left),
        "X-RateLimit-Reset": _moment(standing.reset),
    }


def ietf_draft(standing: Standing) -> Headers:
    """The structured fields of draft-ietf-httpapi-ratelimit-headers from version 08 on; times are whole seconds."""
    return {
        "RateLimit": f'"default";r={standing.left};t={ceil(standing.reset)}',
        "RateLimit-Policy": f'"default";q={standing.requests};w={ceil(standing.seconds)}',
    }


def _moment(seconds: float) -> str:
    """The Unix time after so many seconds, rounded up: who waits until then has waited long enough."""
    return str(ceil(time.time() + seconds))
