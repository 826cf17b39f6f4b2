"""Pages and products: Page (fetch → normalize) and NormalizedPage (normalize → output). All are immutable."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Self

import msgspec

from pipeline.config.source import Paging
from pipeline.model.tally import Tally


def utc_timestamp() -> str:
    """Return the current time as RFC 3339 UTC text in whole seconds: ``2026-11-21T10:00:00Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Trace(msgspec.Struct, frozen=True, omit_defaults=True):
    """The data about a page that a resumed run needs to continue after it.

    ``token`` is the cursor or link of the next page, if the API has one. ``fingerprint`` identifies the page's content;
    ``repeats`` is True if an earlier page had the same. ``incomplete`` is True if the server reported that data are
    missing from the page. ``records`` is the number of records on the page.
    """

    token: str | None = None
    fingerprint: int | None = None
    repeats: bool = False
    incomplete: bool = False
    records: int = 0


class Page(msgspec.Struct, frozen=True):
    """One fetched page, its records as the bytes that arrived (views, not copies).

    ``number`` is the ordinal of the page within its endpoint, from 1. ``shared`` has the values around the records that
    belong to all of them, by their paths (``$body.shop.currency``).
    """

    source: str
    number: int
    records: Sequence[msgspec.Raw]
    trace: Trace = Trace()
    shared: Mapping[str, msgspec.Raw] = MappingProxyType({})


class Product(msgspec.Struct, frozen=True):
    """One record in the form of the catalogue. ``id`` is ``source:id``; ``currency`` is an ISO 4217 code."""

    id: str
    title: str | None
    source: str
    price: Decimal | None
    currency: str | None
    category: str
    processed_at: str


# At most this many rejects of a page are listed one by one; all are counted, and all are dead letters.
MAX_LISTED_REJECTS = 100


# The field of a reject whose record is invalid as a whole.
WHOLE_RECORD = "$"


class Reject(msgspec.Struct, frozen=True):
    """A record that could not become a product. ``position`` counts from 1 within its page.

    ``field`` is the path of the invalid value, ``$`` for the record as a whole.
    """

    position: int
    field: str
    reason: str


class NormalizedPage(msgspec.Struct, frozen=True):
    """The products and rejects of one page.

    ``lines`` has one encoded Product per line (JSON Lines, no line end after the last), in the order of the page.
    ``ids`` has their ids in the same order, and ``tally`` counts all of them. ``coercions`` counts the values that were
    read by a documented rule, by its name. ``dropped`` counts the records that a transform left out. ``rejected``
    counts all rejects and ``rejects`` lists the first of them; ``dead_letters`` (JSON Lines) has all of them in full.
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
    dropped: int = 0

    @property
    def records(self) -> int:
        """The number of records: each is a product line or a reject."""
        return len(self.ids) + self.rejected


class LostPage(msgspec.Struct, frozen=True):
    """A page that arrived, but could not be normalized or journaled because of an unforeseen exception."""

    source: str
    number: int
    trace: Trace
    error: Exception


class AnnouncedTotals(msgspec.Struct, frozen=True):
    """The number of records and pages that an API announces; None if it does not."""

    records: int | None = None
    pages: int | None = None


NOTHING_ANNOUNCED = AnnouncedTotals()


class Signs(msgspec.Struct, frozen=True, omit_defaults=True):
    """The places of an API's signs of paging: dotted paths in the body, or ``header:NAME``; None if there is none.

    ``next`` names the next page, ``more`` and ``last`` are flags, ``total`` and ``pages`` are the announced totals.
    """

    next: str | None = None
    more: str | None = None
    last: str | None = None
    total: str | None = None
    pages: str | None = None


NO_SIGNS = Signs()


class Validators(msgspec.Struct, frozen=True, omit_defaults=True):
    """The validators of a response: its ``ETag`` and its ``Last-Modified`` (RFC 9110, section 8.8)."""

    etag: str | None = None
    last_modified: str | None = None


class FeedVersion(msgspec.Struct, frozen=True):
    """The facts by which a version of a feed is recognised: validators, announced length, columns and format."""

    validators: Validators
    length: int | None
    columns: tuple[str, ...]
    format: str

    def proves_same(self, other: Self) -> bool:
        """True if both are surely the same version: by the ETag, else by Last-Modified and length."""
        if (self.columns, self.format) != (other.columns, other.format):
            return False
        mine, theirs = self.validators, other.validators
        if mine.etag or theirs.etag:
            return mine.etag == theirs.etag
        return mine.last_modified is not None and (mine.last_modified, self.length) == (
            theirs.last_modified,
            other.length,
        )


class EndpointProfile(msgspec.Struct, frozen=True):
    """The facts that the first page of an endpoint revealed.

    ``paging`` is the style in use, ``records_path`` the path of the list of records, ``page_size`` its length. With
    ``as_written``, the first page is the URL without paging parameters. ``signs`` are the places to look at on further
    pages. ``version`` is that of a feed.
    """

    paging: Paging
    records_path: str | None = None
    announced: AnnouncedTotals = NOTHING_ANNOUNCED
    page_size: int | None = None
    as_written: bool = False
    signs: Signs = NO_SIGNS
    version: FeedVersion | None = None


class Progress(msgspec.Struct, frozen=True):
    """The progress of earlier runs with one endpoint.

    ``have`` are the numbers of the pages in the journal; ``end`` is the number after the last page, None if the end is
    unknown. ``tokens`` maps a page to the cursor or link of the next one. ``fingerprints`` maps it to the fingerprint
    of its content, and ``records`` to the number of its records.
    """

    have: frozenset[int] = frozenset()
    end: int | None = None
    tokens: Mapping[int, str] = {}
    fingerprints: Mapping[int, int] = {}
    records: Mapping[int, int] = {}
    profile: EndpointProfile | None = None

    def up_to(self, page: int) -> Self:
        """Return the progress with the pages up to ``page``, as if no later page had arrived.

        The end remains only if it is right after ``page``: any other is that of pages that are missing now.
        """
        have = frozenset(number for number in self.have if number <= page)
        return msgspec.structs.replace(
            self,
            have=have,
            end=self.end if self.end == page + 1 else None,
            tokens={number: token for number, token in self.tokens.items() if number in have},
            fingerprints={number: found for number, found in self.fingerprints.items() if number in have},
            records={number: count for number, count in self.records.items() if number in have},
        )

    def keeps(self, page: int, trace: Trace) -> bool:
        """True if the records of a page are still of use: it need not be requested, or may come without them."""
        return page in self.have or (trace.incomplete and self != NOTHING_YET and (page == 1 or page - 1 in self.have))


NOTHING_YET = Progress()
