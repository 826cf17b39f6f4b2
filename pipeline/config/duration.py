"""Lengths of time as people write them: ``90``, ``90s``, ``15m``, ``6h``."""

import re
from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from pipeline.config.section import DURATION

Seconds = Annotated[float, Meta(gt=0, extra={DURATION: True})]
SecondsOrZero = Annotated[float, Meta(ge=0, extra={DURATION: True})]

# The forms of a duration, for messages and for the JSON Schema.
FORMS = "a number of seconds, or a duration such as 90s, 15m or 6h"
PATTERN = r"^\d+(\.\d+)?[smh]$"

_UNITS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600}
_WRITTEN = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?([smh])", re.ASCII)


def seconds_in(text: str) -> float | None:
    """Return the seconds of a duration with a unit, None for any other text.

    Example::

        seconds_in("15m")  # 900.0
    """
    found = _WRITTEN.fullmatch(text.strip())
    return float(found[1]) * _UNITS[found[2]] if found else None
