"""Signs of paging in a response: places and their meaning, as data.

A sign is looked for by its names in the sections of the body's envelope, and among the headers. To recognise another
API, add a name to the table. The order of names matters only if a response has several signs of one meaning.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto

import msgspec

from pipeline.config.record_paths import is_dotted
from pipeline.fetch.content.envelope import MISSING, Envelope, as_count
from pipeline.fetch.content.response import Response
from pipeline.model.pages import AnnouncedTotals, Signs


class Meaning(Enum):
    """The meaning of a sign."""

    NEXT = auto()  # the next page: its URL, its number or its cursor
    CURSOR = auto()  # the cursor of the next page
    MORE = auto()  # a flag: more pages follow
    FIRST = auto()  # a flag: this is the first page
    LAST = auto()  # a flag: this is the last page
    TOTAL = auto()  # number of records in all
    PAGES = auto()  # number of pages in all
    PAGE = auto()  # number of this page
    OFFSET = auto()  # position of this page's first record
    LIMIT = auto()  # number of records that were asked for


NAMES: Mapping[Meaning, Sequence[str]] = {
    Meaning.NEXT: (
        *("next", "next.href", "next.url", "next_url", "nextUrl", "next_link", "nextLink", "@odata.nextLink"),
        *("next_page_url", "nextPageUrl", "nextHref", "next_page", "nextPage", "links[next]", "_links[next]"),
        "hydra:next",
    ),
    Meaning.CURSOR: (
        *("next_cursor", "nextCursor", "cursor.next", "cursors.after", "next_page_token", "nextPageToken"),
        *("nextCursorMark", "nextToken", "next_token", "continuationToken", "continuation", "nextMarker", "bookmark"),
        *("endCursor", "end_cursor", "cursor"),
    ),
    Meaning.MORE: ("has_more", "hasMore", "has_next", "hasNext", "hasNextPage", "has_next_page"),
    Meaning.FIRST: ("first", "isFirst", "is_first", "isFirstPage"),
    Meaning.LAST: ("last", "isLast", "is_last", "isLastPage"),
    Meaning.TOTAL: (
        *("total", "total_count", "totalCount", "total_items", "totalItems", "total_results", "totalResults"),
        *("totalResultsAvailable", "hydra:totalItems"),
        *("totalElements", "total_elements", "totalRecords", "total_records", "recordsTotal", "totalHits"),
        *("estimatedTotalHits", "numFound", "nbHits", "numberMatched", "filtered_table_rows_count", "total.value"),
        *("items_count", "itemCount", "item_count", "count", "items", "hits"),
    ),
    Meaning.PAGES: (
        *("total_pages", "totalPages", "last_page", "lastPage", "num_pages", "numPages", "nbPages", "pages_count"),
        *("pages", "page_count", "pageCount"),
    ),
    Meaning.PAGE: ("page", "page_number", "pageNumber", "current_page", "currentPage", "pageIndex", "number"),
    Meaning.OFFSET: ("offset", "skip", "start", "from", "startIndex", "start_index", "firstResultsPosition"),
    Meaning.LIMIT: (
        *("limit", "per_page", "perPage", "page_size", "pageSize", "size", "count", "rows", "take"),
        *("itemsPerPage", "items_per_page"),
    ),
}

HEADERS: Mapping[Meaning, Sequence[str]] = {
    Meaning.TOTAL: ("x-total-count", "x-total", "x-wp-total"),
    Meaning.PAGES: ("x-total-pages", "x-wp-totalpages", "x-page-count"),
}

# Objects of the envelope that describe the list rather than being it. They are also looked for beside the records.
SECTIONS = (
    *("", "meta", "_meta", "metadata", "pagination", "paging", "page", "page_info", "pageInfo", "links", "_links"),
    *("meta.pagination", "meta.paging", "meta.page", "meta.links", "meta.pagination.links", "pagination.links"),
    *("pagination.urls", "pages", "hydra:view", "response_metadata"),
)

# These names may also count the records on the page. They are a total only if it is larger.
_AMBIGUOUS_TOTALS = frozenset({"count", "items", "hits", "items_count", "itemCount", "item_count"})

# A larger number is a mistake, or not a count at all.
_MOST = 1_000_000_000

# The prefix of a place that is a header.
_IN_HEADER = "header:"


class Sign(msgspec.Struct, frozen=True):
    """One sign in a response: its path, the last part of the path, and its value."""

    path: str
    name: str
    value: object


def find_signs(meaning: Meaning, envelope: Envelope, records_path: str | None = None) -> Iterator[Sign]:
    """Yield the signs of one meaning, null values included; those beside the records come last."""
    for section in _sections(envelope, records_path):
        for name in NAMES[meaning]:
            path = f"{section}.{name}" if section else name
            value = envelope.value(path, MISSING)
            if value is not MISSING:
                yield Sign(path, name, value)


def _sections(envelope: Envelope, records_path: str | None) -> Iterator[str]:
    parents = [""]
    if records_path and is_dotted(records_path):  # other places cannot be written as a path
        keys = records_path.split(".")[:-1]
        parents += [".".join(keys[:depth]) for depth in range(1, len(keys) + 1)]
    for parent in parents:
        for section in SECTIONS:
            path = f"{parent}.{section}".strip(".")
            if envelope.has_object(path):
                yield path


def read_signs(response: Response, records: int, records_path: str | None = None) -> Signs:
    """Return the places of the signs on the first page, which has ``records`` records; later pages have the same."""
    envelope = response.envelope
    total = _total_path(response, records, records_path)
    announced = None if total is None else count_at(total, response)
    return Signs(
        next=_next_path(response, records_path),
        more=_flag_path(Meaning.MORE, envelope, records_path),
        last=_flag_path(Meaning.LAST, envelope, records_path),
        total=total,
        pages=_pages_path(response, records, announced, records_path),
    )


def announced_by(response: Response, signs: Signs) -> AnnouncedTotals:
    """Return the totals that a response announces at the places of its signs."""
    return AnnouncedTotals(
        records=None if signs.total is None else count_at(signs.total, response),
        pages=None if signs.pages is None else count_at(signs.pages, response),
    )


def count_at(place: str, response: Response) -> int | None:
    """Return the count at a place, see :func:`value_at`; None if there is none."""
    count = as_count(value_at(place, response))
    return count if count is not None and count <= _MOST else None


def flag_at(place: str, response: Response) -> bool | None:
    """Return the flag at a place, see :func:`value_at`; None if there is none."""
    value = value_at(place, response)
    if place.startswith(_IN_HEADER):
        return {"true": True, "false": False}.get(str(value).lower())
    return value if isinstance(value, bool) else None


def value_at(place: str, response: Response, default: object = None) -> object:
    """Return the value at a dotted path of the body, or the text of the header ``header:NAME``."""
    if place.startswith(_IN_HEADER):
        text = response.headers.get(place.removeprefix(_IN_HEADER).strip())
        return default if text is None else text.strip()
    return response.envelope.value(place, default)


def _total_path(response: Response, records: int, records_path: str | None) -> str | None:
    for sign in find_signs(Meaning.TOTAL, response.envelope, records_path):
        count = count_at(sign.path, response)
        if count is not None and (count > records or (count == records and sign.name not in _AMBIGUOUS_TOTALS)):
            return sign.path
    return _header(Meaning.TOTAL, response)


def _pages_path(response: Response, records: int, total: int | None, records_path: str | None) -> str | None:
    for sign in find_signs(Meaning.PAGES, response.envelope, records_path):
        count = count_at(sign.path, response)
        if count is None:
            continue
        # The count of records on this page may have the same names. The total distinguishes the two.
        expected = -(-total // records) if total is not None and records else None
        if count == records > 1 if expected is None else count != expected and count == records:
            continue
        return sign.path
    return _header(Meaning.PAGES, response)


def _header(meaning: Meaning, response: Response) -> str | None:
    places = (f"header:{name}" for name in HEADERS[meaning])
    return next((place for place in places if count_at(place, response) is not None), None)


def _next_path(response: Response, records_path: str | None) -> str | None:
    """Return the first place that names the next page; if none does, the first that could, and is empty."""
    if response.next_link:
        return "header:link"
    empty = None
    for sign in find_signs(Meaning.NEXT, response.envelope, records_path):
        if names_page(sign.value):
            return sign.path
        if sign.value is None or sign.value == "":
            empty = empty or sign.path
    return empty


def names_page(value: object) -> bool:
    """True if the value of a sign names the next page: a text, or a number from 1 on."""
    return isinstance(value, str | int) and not isinstance(value, bool) and value not in ("", 0)


def _flag_path(meaning: Meaning, envelope: Envelope, records_path: str | None) -> str | None:
    signs = find_signs(meaning, envelope, records_path)
    return next((sign.path for sign in signs if isinstance(sign.value, bool)), None)
