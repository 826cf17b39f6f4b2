"""The interface of a walk: which pages to request next, and the outcome of those that arrive."""

import enum
from collections.abc import Mapping, Sequence
from typing import Protocol, Self

import msgspec

from pipeline.errors import FetchError
from pipeline.fetch.content.response import FetchedPage
from pipeline.fetch.paging.ends import Walked
from pipeline.model.pages import EndpointProfile

# The prefix of a place that is a parameter of the query string.
_IN_QUERY = "query."


class PageRequest(msgspec.Struct, frozen=True):
    """One page to ask for: the endpoint's URL with these query parameters, or another URL instead.

    ``body`` maps places in the body to their values: ``json.PATH`` or ``form.NAME``. ``number`` is the ordinal of the
    page, from 1. ``again`` is True for a page that was asked for before.
    """

    number: int
    parameters: Mapping[str, str] = {}
    url: str | None = None
    again: bool = False
    body: Mapping[str, str | int] = {}

    @classmethod
    def filled(cls, number: int, values: Mapping[str, str | int], *, again: bool = False) -> Self:
        """Return the request with values at their places: ``query.NAME``, ``json.PATH`` or ``form.NAME``."""
        names = {place: place.removeprefix(_IN_QUERY) for place in values if place.startswith(_IN_QUERY)}
        return cls(
            number,
            parameters={name: str(values[place]) for place, name in names.items()},
            again=again,
            body={place: value for place, value in values.items() if place not in names},
        )


class Fate(enum.Enum):
    """The consequence of a page for the page itself."""

    FETCHED = "its records are new"
    REPEATED = "its records are those of an earlier page"
    DEFERRED = "it is requested once more at the end of the walk"
    SKIPPED = "it failed again and is missing"
    DROPPED = "it is not missing: there is no such page"


class Ending(enum.Enum):
    """The reason for which a walk ends. Only END is complete."""

    END = "the endpoint has no more pages"
    LOOP = "the page repeats an earlier one"
    LOST = "too many pages in a row failed"
    BROKEN = "without this page, the address of the next one is unknown"
    UNNAMED = "more pages follow, but the response does not name the next one"
    UNUSABLE = "the link to the next page is not a usable URL"


class Paginator(Protocol):
    """The decisions about one endpoint's pages, which have ordinal numbers from 1."""

    @property
    def ending(self) -> Ending | None:
        """The reason for which the walk ended, None while it goes on."""

    @property
    def page(self) -> int:
        """The current page."""

    @property
    def end(self) -> int | None:
        """The number after the last page, None if it is unknown."""

    @property
    def walked(self) -> Walked:
        """The facts about the walk so far."""

    @property
    def profile(self) -> EndpointProfile | None:
        """The facts that the first page revealed, None before."""

    @property
    def remark(self) -> str | None:
        """The text for the log at the end, None if there is nothing to remark."""

    def next_requests(self, most: int) -> tuple[Sequence[PageRequest], bool]:
        """Return at most ``most`` requests, that for the current page first, and True if the end is known."""

    def page_arrived(self, fetched: FetchedPage) -> Fate:
        """Take note of the current page and advance."""

    def page_arrived_early(self, number: int, fetched: FetchedPage) -> Fate:
        """Take note of a page that arrived before its turn, when the walk ends."""

    def page_failed(self, error: FetchError) -> Fate:
        """Take note that the current page cannot be fetched, and advance."""

    def token(self) -> str | None:
        """Return the cursor or link after the page that has just arrived, for a run that resumes there."""

    def fingerprint(self) -> int | None:
        """Return the fingerprint of the page that has just arrived."""

    def missing(self) -> tuple[list[int], bool]:
        """Return the pages that are still to come, the current one among them, and True if more may follow."""
