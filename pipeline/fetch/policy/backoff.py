"""Compute how long to wait before a retry: exponential backoff with jitter, and ``Retry-After``."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

import msgspec


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """An exponential backoff. Delays are in seconds, ``jitter`` is a fraction of the delay.

    The fields are those of the configuration's ``Retry``. They are repeated because policies take plain values and
    do not depend on the configuration.
    """

    base_delay: float
    max_delay: float
    jitter: float

    def delay(self, retry: int, rng: Random) -> float:
        """Return the seconds to wait before the ``retry``-th retry, counted from 1.

        The delay doubles with each retry up to ``max_delay``. Jitter is added after that and never subtracted, so
        that the endpoint gets at least the configured rest.
        """
        try:
            doubled = math.ldexp(self.base_delay, retry - 1)
        except OverflowError:
            doubled = math.inf
        return min(doubled, self.max_delay) * (1 + rng.uniform(0, self.jitter))


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds from ``now`` that a ``Retry-After`` field asks to wait, or None if it is unusable.

    RFC 9110, section 10.2.3, allows whole seconds or an HTTP date. Decimal seconds are accepted because some APIs send
    them. A date in the past is 0.
    """
    if value is None:
        return None
    text = value.strip()
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
        # RFC 9110, section 5.6.7: an HTTP date without a zone is in UTC.
        return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return None
