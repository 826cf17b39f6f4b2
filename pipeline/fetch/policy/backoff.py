"""Exponential backoff with jitter, and the wait a server asks for."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

import msgspec


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait before each retry. Delays are in seconds, ``jitter`` is a share of the delay."""

    base_delay: float
    max_delay: float
    jitter: float

    def delay(self, retry: int, rng: Random) -> float:
        """Seconds to wait before the ``retry``-th retry (from 1): doubled each time, capped, then jittered.

        Jitter is only ever added: the delay is the least the endpoint is left alone.
        """
        try:
            doubled = math.ldexp(self.base_delay, retry - 1)
        except OverflowError:
            doubled = math.inf
        return min(doubled, self.max_delay) * (1 + rng.uniform(0, self.jitter))


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` field asks to wait from ``now`` on; None where it says nothing usable.

    RFC 9110, section 10.2.3: whole seconds or an HTTP date. Decimals, as some APIs send them, are taken too; a date
    in the past is 0.
    """
    if value is None:
        return None
    text = value.strip()
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
        # RFC 9110, section 5.6.7: an HTTP date is in UTC where it leaves out its zone.
        return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return None
