"""Walks: which page to ask for next, and when the walk is over."""

import enum
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Protocol

import msgspec

from pipeline.fetch.content.response import Response

# So many pages in a row given up, and the endpoint itself must be wrong: a bad URL, no access.
MAX_SKIPS_IN_A_ROW = 3

# So many pages in a row without records, though each says that there are more, are a loop.
MAX_EMPTY_IN_A_ROW = 20

# An announcement of more pages is not believed: each that is missing would be listed.
MOST_LISTED_PAGES = 100_000

Identify = Callable[[msgspec.Raw], Hashable]


class PageOutcome(enum.Enum):
    """What a page means for the walk."""

    NEXT = "there may be another page"
    EMPTY = "the page is empty, but another one is said to follow"
    END = "the endpoint has no more pages"
    LOOP = "the page repeats an earlier one"
    LOST = "too many pages in a row were given up"
    BROKEN = "without this page it is unknown where the next one is"


class PageRequest(msgspec.Struct, frozen=True):
    """One page to ask for: the endpoint's URL with these query parameters, or another URL instead.

    ``number`` is the ordinal of the page, from 1. ``url`` may be relative. ``again`` is True for a page that was asked
    for before.
    """

    number: int
    parameters: Mapping[str, str] = {}
    url: str | None = None
    again: bool = False


class Paginator(Protocol):
    """Decides about one endpoint's pages, which have ordinal numbers from 1.

    ``page`` is the current one; ``end`` the number behind the last, once it is known; ``second_pass`` tells whether
    the current page is asked for once more. ``first_outcome`` says whether there is anything to ask for at all.
    """

    page: int
    end: int | None
    second_pass: bool
    first_outcome: PageOutcome

    def next_requests(self, most: int) -> tuple[Sequence[PageRequest], bool]:
        """The pages to ask for, at most so many, the current one first; and whether the end is known, or announced.

        What is behind the current one may be asked for together with it.
        """

    def page_arrived(self, records: Sequence[msgspec.Raw], response: Response) -> PageOutcome:
        """Take note of the current page, and move on where there is a next one."""

    def page_arrived_early(self, number: int, records: Sequence[msgspec.Raw]) -> bool:
        """Take note of a page before its turn, as the walk ends here; False if it repeats one that was there before."""

    def page_failed(self) -> PageOutcome:
        """The current page was given up; move on where that makes sense."""

    def token(self) -> str | None:
        """What a later run has to know of the page that just arrived, to go on behind it."""

    def fingerprint(self) -> int | None:
        """What tells the page that just arrived from others."""

    def announced(self, pages: int) -> None:
        """The API says how many pages it has."""

    def missing(self) -> tuple[list[int], bool]:
        """The pages that are still to be had, the current one among them, and whether what follows is unknown."""


class LoopDetector:
    """Finds pages that repeat the one before, or an earlier one.

    ``identify`` gives a record's identity. A page is the one before once more when it has the same records in the same
    order; it is taken for an earlier one when number, first and last of its records are the same. That costs a look at
    two records a page. ``known`` are fingerprints from an earlier run.
    """

    def __init__(self, identify: Identify, known: Iterable[int] = ()) -> None:
        self._identify = identify
        self._previous: Sequence[msgspec.Raw] = ()
        self._fingerprints = set(known)
        self.fingerprint: int | None = None

    def found_in(self, records: Sequence[msgspec.Raw]) -> bool:
        """Whether this is the page before once more, or an earlier one: a cycle. Remembers it, and its fingerprint."""
        before, self._previous = self._previous, records
        first = self._identify(records[0])
        # A record without an id is identified by all its bytes: a digest is kept, not those. It has to be the same in
        # a later run, which Python's own hash is not.
        parts = repr((len(records), first, self._identify(records[-1])))
        fingerprint = int.from_bytes(blake2b(parts.encode(errors="surrogatepass"), digest_size=7).digest())
        self.fingerprint = fingerprint
        if fingerprint not in self._fingerprints:
            self._fingerprints.add(fingerprint)
            return False
        if len(records) == len(before) and self._identify(before[0]) == first:
            pairs = zip(records, before, strict=True)
            return all(self._identify(one) == self._identify(other) for one, other in pairs)
        return True


def wanted_up_to(page: int, end: int | None, announced: int | None) -> range | None:
    """The pages from ``page`` on, as far as ``end`` or an announcement that can be believed tells; None if neither."""
    if end is None and announced is not None and page <= announced <= MOST_LISTED_PAGES:
        end = announced + 1
    return None if end is None else range(page, end)
