"""Faults on demand: which request for which page fails, and how.

A fault is written ``PERSONA:PAGES:KIND[=VALUE][xTIMES]``. ``api1:3:503x2`` answers the first two requests for page 3 of
api1 with 503. ``*:2-4:latency=0.5`` delays pages 2 to 4 of all personas. ``api3:*:reset`` resets every connection to
api3. Several faults of one page follow each other: ``api1:3:503x2 api1:3:429x1`` is 503, 503, 429, then the page.
"""

import re
from collections.abc import Iterable, Sequence
from random import Random
from typing import Final

import msgspec

from mockapi.personas import GRAPHQL, NAMES, PERSONAS

# The effect of each kind.
KINDS: Final = {
    "status": "answers with this HTTP status (may be written as the bare number)",
    "429": "answers 429, with the value as Retry-After in seconds; without a value, there is no Retry-After",
    "latency": "delays the answer by this number of seconds",
    "hang": "never answers",
    "drip": "sends the body at one byte per second",
    "malformed": "sends half of the JSON, with a matching Content-Length",
    "html": "sends an HTML page with status 200",
    "truncate": "announces more bytes than it sends",
    "reset": "resets the connection (RST) before any answer",
    "overlap": "moves the page back by this number of records",
    "ignore-page": "sends page 1 for every page number",
    "no-data": "sends GraphQL errors without data, with status 200",
    "part-data": "sends GraphQL data without the last record, with an error about it",
    "dirty": "sends five odd records: no id, not an object, no price, markup in the name, a duplicate",
}

# Shops cannot have these: not every request to a shop has a page number.
_FOR_NUMBERED_PAGES: Final = ("reset", "overlap", "ignore-page", "dirty")

_FOR_GRAPHQL: Final = ("no-data", "part-data")

_WITH_VALUE = {"status", "latency", "overlap"}
_PATTERN = re.compile(
    r"(?P<persona>\*|\w+):(?P<pages>\*|\d+(-\d+)?):(?P<kind>[a-z-]+|\d{3})(=(?P<value>\d+(\.\d+)?))?(x(?P<times>\d+))?"
)
_ERRORS = (500, 502, 503, 504)


class Fault(msgspec.Struct, frozen=True):
    """One scripted fault. ``times`` None means every time; the meaning of ``value`` depends on the kind."""

    persona: str
    first: int
    last: int | None
    kind: str
    value: float | None = None
    times: int | None = None

    def is_for(self, persona: str) -> bool:
        """True if it applies to any page of this persona."""
        return self.persona in ("*", persona)

    def is_possible(self, persona: str) -> bool:
        """True if this persona supports faults of its kind."""
        if self.kind in _FOR_GRAPHQL:
            return persona in GRAPHQL
        return persona in PERSONAS or self.kind not in _FOR_NUMBERED_PAGES

    @property
    def possible(self) -> Sequence[str]:
        """The personas that support faults of its kind."""
        return [name for name in NAMES if self.is_possible(name)]

    def concerns(self, persona: str, page: int) -> bool:
        """True if it applies to this page."""
        return self.is_for(persona) and self.first <= page and (self.last is None or page <= self.last)


def parse_fault(text: str) -> Fault:
    """Parse a fault in the form above.

    Raises:
        ValueError: if it is not valid; the message names the text, the fault and the remedy.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is not a valid fault; expected PERSONA:PAGES:KIND[=VALUE][xTIMES], such as api1:3:503x2"
        )
    kind, value, pages = match["kind"], match["value"], match["pages"]
    if kind.isdigit() and kind != "429":
        kind, value = "status", kind
    if kind not in KINDS:
        raise ValueError(f"{text!r}: {kind!r} is not a kind of fault; the kinds are {', '.join(KINDS)}")
    if kind == "status" and not 200 <= float(value or 0) < 600:
        raise ValueError(f"{text!r}: the status must be a number from 200 to 599")
    if match["times"] is not None and int(match["times"]) == 0:
        raise ValueError(f"{text!r}: a fault must occur at least once; remove it or write x1")
    if kind in _WITH_VALUE and value is None:
        raise ValueError(f"{text!r}: {kind} needs a value, such as {kind}=1")
    if match["persona"] not in ("*", *NAMES):
        raise ValueError(f"{text!r}: there is no persona {match['persona']}; the personas are {', '.join(NAMES)}")
    first, _, last = ("1", "", "") if pages == "*" else pages.partition("-")
    return Fault(
        persona=match["persona"],
        first=int(first),
        last=None if pages == "*" else int(last or first),
        kind=kind,
        value=None if value is None else float(value),
        times=None if match["times"] is None else int(match["times"]),
    )


class FaultScript:
    """The faults of one persona, from the script and from seeded chance."""

    def __init__(self, faults: Iterable[Fault], *, persona: str, seed: int, error_rate: float) -> None:
        self._faults = [fault for fault in faults if fault.is_for(persona)]
        self._persona = persona
        self._seed = seed
        self._error_rate = error_rate

    def latency(self, page: int, nth: int) -> float:
        """Return the delay in seconds of the ``nth`` request (from 1) for a page."""
        return sum(
            fault.value or 0.0
            for fault in self._faults
            if fault.kind == "latency" and fault.concerns(self._persona, page) and nth <= (fault.times or nth)
        )

    def fault(self, page: int, nth: int) -> Fault | None:
        """Return the fault of the ``nth`` request (from 1) for a page, or None; it is the same in every run."""
        before = 0
        for fault in self._faults:
            if fault.kind == "latency" or not fault.concerns(self._persona, page):
                continue
            if fault.times is None or nth <= before + fault.times:
                return fault
            before += fault.times
        chance = Random(f"{self._seed}:{self._persona}:{page}:{nth}")
        if chance.random() < self._error_rate:
            return Fault(self._persona, page, page, "status", chance.choice(_ERRORS))
        return None

    @property
    def breaks_connections(self) -> bool:
        """True if it contains faults that only a raw TCP server can produce."""
        return any(fault.kind == "reset" for fault in self._faults)
