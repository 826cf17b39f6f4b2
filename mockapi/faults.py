"""Faults on demand: which request of which page goes wrong, and how.

Written as ``PERSONA:PAGES:KIND[=VALUE][xTIMES]``: ``api1:3:503x2`` answers the first two requests for page 3 of api1
with 503, ``*:2-4:latency=0.5`` delays pages 2 to 4 everywhere, ``api3:*:reset`` breaks every connection to api3.
Several faults on one page follow each other: ``api1:3:503x2 api1:3:429x1`` is 503, 503, 429, then the page.
"""

import re
from collections.abc import Iterable
from random import Random
from typing import Final

import msgspec

from mockapi.personas import NAMES, PERSONAS

# What each kind does, and whether its value is a number with a default, or there is none.
KINDS: Final = {
    "status": "answers with this HTTP status (may be written as the bare number)",
    "429": "answers 429; the value is its Retry-After in seconds, without one there is none",
    "latency": "delays the answer by so many seconds",
    "hang": "never answers",
    "drip": "sends the body a byte a second",
    "malformed": "cuts the JSON in the middle, with a matching Content-Length",
    "html": "sends an HTML page with status 200",
    "truncate": "announces more bytes than it sends",
    "reset": "breaks the connection (RST) before any answer",
    "overlap": "moves the page's window back by so many records",
    "ignore-page": "sends page 1, whatever was asked for",
    "dirty": "sends five odd records: no id, no object, no price, markup in the name, and one twice",
}

# A shop cannot have them: a page of it is not always known by its number.
_FOR_NUMBERED_PAGES: Final = ("reset", "overlap", "ignore-page", "dirty")

_WITH_VALUE = {"status", "latency", "overlap"}
_PATTERN = re.compile(
    r"(?P<persona>\*|\w+):(?P<pages>\*|\d+(-\d+)?):(?P<kind>[a-z-]+|\d{3})(=(?P<value>\d+(\.\d+)?))?(x(?P<times>\d+))?"
)
_ERRORS = (500, 502, 503, 504)


class Fault(msgspec.Struct, frozen=True):
    """One scripted fault; ``times`` None is for ever, ``value`` what its kind makes of it."""

    persona: str
    first: int
    last: int | None
    kind: str
    value: float | None = None
    times: int | None = None

    def is_for(self, persona: str) -> bool:
        """Whether it is scripted for any page of this persona."""
        return self.persona in ("*", persona)

    def is_possible(self, persona: str) -> bool:
        """Whether this persona can have a fault of its kind."""
        return persona in PERSONAS or self.kind not in _FOR_NUMBERED_PAGES

    def concerns(self, persona: str, page: int) -> bool:
        """Whether it is scripted for this page."""
        return self.is_for(persona) and self.first <= page and (self.last is None or page <= self.last)


def parse_fault(text: str) -> Fault:
    """Read one fault as described above.

    Raises:
        ValueError: when it is none; says what is wrong.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not of the form PERSONA:PAGES:KIND[=VALUE][xTIMES], as in api1:3:503x2")
    kind, value, pages = match["kind"], match["value"], match["pages"]
    if kind.isdigit() and kind != "429":
        kind, value = "status", kind
    if kind not in KINDS:
        raise ValueError(f"{text!r}: {kind!r} is none of {', '.join(KINDS)}")
    if kind == "status" and not 200 <= float(value or 0) < 600:
        raise ValueError(f"{text!r}: a status is a number from 200 to 599")
    if match["times"] is not None and int(match["times"]) == 0:
        raise ValueError(f"{text!r}: a fault that comes 0 times is none")
    if kind in _WITH_VALUE and value is None:
        raise ValueError(f"{text!r}: {kind} needs a value, as in {kind}=1")
    if match["persona"] not in ("*", *NAMES):
        raise ValueError(f"{text!r}: there is no persona {match['persona']}; there are {', '.join(NAMES)}")
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
    """Decides what happens to each request, from the script and from seeded chance."""

    def __init__(self, faults: Iterable[Fault], *, persona: str, seed: int, error_rate: float) -> None:
        self._faults = [fault for fault in faults if fault.is_for(persona)]
        self._persona = persona
        self._seed = seed
        self._error_rate = error_rate

    def latency(self, page: int, nth: int) -> float:
        """Seconds by which the ``nth`` request (from 1) for a page is delayed."""
        return sum(
            fault.value or 0.0
            for fault in self._faults
            if fault.kind == "latency" and fault.concerns(self._persona, page) and nth <= (fault.times or nth)
        )

    def fault(self, page: int, nth: int) -> Fault | None:
        """What goes wrong with the ``nth`` request (from 1) for a page, if anything: the same for every run."""
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
        """Whether it has faults that only a raw TCP server can commit."""
        return any(fault.kind == "reset" for fault in self._faults)
