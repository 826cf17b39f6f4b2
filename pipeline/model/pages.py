"""The nouns that travel between the stages.

Page (fetch → normalize) → NormalizedPage (normalize → report) → Summary. All are frozen; what is
mergeable (counts, sums) says so.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from pipeline.config.source import Paging
from pipeline.model.tally import Tally


def utc_timestamp() -> str:
    """The wall clock as RFC 3339 UTC text with whole seconds, as ``2026-11-21T10:00:00Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Trace(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a later run has to know of a page, to go on behind it.

    ``token`` tells where the next page is, with some APIs; ``fingerprint`` tells the page from others; ``repeats`` is
    True for a page that is another one once more.
    """

    token: str | None = None
    fingerprint: int | None = None
    repeats: bool = False


class Page(msgspec.Struct, frozen=True):
    """One fetched page: its records still as the bytes that arrived (views, no copies).

    ``number`` is the ordinal of the page within its endpoint, from 1.
    """

    source: str
    number: int
    records: Sequence[msgspec.Raw]
    trace: Trace = Trace()


class Product(msgspec.Struct, frozen=True):
    """One record in the catalogue's own shape. ``id`` is ``source:id``; ``currency`` is ISO 4217."""

    id: str
    title: str | None
    source: str
    price: Decimal | None
    currency: str | None
    category: str
    processed_at: str


# So many rejects of a page are listed one by one; all are counted, and all are dead letters.
MAX_LISTED_REJECTS = 100


class Reject(msgspec.Struct, frozen=True):
    """A record that could not become a product. ``position`` counts from 1 within its page.

    ``field`` is the path of what was wrong with it, ``$`` for the record as a whole.
    """

    position: int
    field: str
    reason: str


class NormalizedPage(msgspec.Struct, frozen=True):
    """What one page became.

    ``ids`` and the lines of ``lines`` (JSON Lines, one encoded Product each) run in parallel, in the order
    of the page; ``tally`` has counted them all. ``coercions`` counts the readings that needed a documented rule, by
    its name. ``rejected`` counts all rejects, ``rejects`` lists the first of them, ``dead_letters`` (JSON Lines) has
    them all and whole.
    """

    source: str
    number: int
    ids: Sequence[str]
    lines: bytes
    tally: Tally
    rejected: int
    rejects: Sequence[Reject]
    dead_letters: bytes
    coercions: Mapping[str, int]
    trace: Trace = Trace()

    @property
    def records(self) -> int:
        """How many records the page brought: each is a product line or a reject."""
        return len(self.ids) + self.rejected


class AnnouncedTotals(msgspec.Struct, frozen=True):
    """How many records and pages an API says it has; None where it does not say."""

    records: int | None = None
    pages: int | None = None


NOTHING_ANNOUNCED = AnnouncedTotals()


class EndpointProfile(msgspec.Struct, frozen=True):
    """What the first page of an endpoint said: how it is walked, where its records stand, how much there is of it.

    ``page_size`` is how many records it had.
    """

    paging: Paging
    records_path: str | None = msgspec.field(name="place", default=None)  # as journals of this format have it
    announced: AnnouncedTotals = NOTHING_ANNOUNCED
    page_size: int | None = None


class Progress(msgspec.Struct, frozen=True):
    """How far an earlier run came with one endpoint.

    ``have`` are the pages it has, ``end`` the page behind the last one, if it got there. ``tokens`` say of some pages
    where the next one is, ``fingerprints`` tell pages apart, and ``profile`` is what the first page said.
    """

    have: frozenset[int] = frozenset()
    end: int | None = None
    tokens: Mapping[int, str] = {}
    fingerprints: frozenset[int] = frozenset()
    profile: EndpointProfile | None = None


NOTHING_YET = Progress()
