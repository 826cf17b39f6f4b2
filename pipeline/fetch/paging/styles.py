"""Paging styles: what to ask for, and what a response says of where the next page is.

Numbered styles can ask for any page by its number, from 1; chained ones learn from each page where the next one is.
A new style is one class here, and its entry in ``NUMBERED`` or ``CHAINED``.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import msgspec

from pipeline.config.source import Paging, PagingStyle
from pipeline.fetch.content.lookup import find_count, find_text, find_value
from pipeline.fetch.content.response import Response
from pipeline.fetch.paging.paginator import PageRequest

RawRecords = Sequence[msgspec.Raw]

# Where the next cursor or URL usually stands in a body.
CURSOR_PATHS = (
    *("next_cursor", "nextCursor", "next_page_token", "nextPageToken", "cursor.next", "meta.next_cursor"),
    *("pagination.next_cursor", "paging.cursors.after", "paging.next_cursor", "response_metadata.next_cursor"),
    *("pageInfo.endCursor", "page_info.end_cursor"),
)
URL_PATHS = (
    *(
        "next",
        "next_url",
        "nextUrl",
        "next_page_url",
        "nextPageUrl",
        "links.next",
        "_links.next.href",
        "links.next.href",
    ),
    *(
        "@odata.nextLink",
        "meta.next",
        "paging.next",
        "pagination.next",
        "pagination.next_url",
        "meta.pagination.links.next",
    ),
)
HAS_MORE_PATHS = (
    *("has_more", "hasMore", "has_next", "meta.has_more", "pagination.has_more"),
    *("pageInfo.hasNextPage", "page_info.has_next_page"),
)


class NumberedStyle:
    """Any page can be asked for by its number, from 1, once the size of a page is known."""

    parameter: ClassVar[str]
    needs_size: ClassVar[bool] = False

    def __init__(self, how: Paging) -> None:
        self._how = how

    def request(self, number: int, size: int, *, again: bool = False) -> PageRequest:
        """The request for a page; ``size`` is the number of records on a page, 0 while that is unknown."""
        parameter = self._how.parameter or self.parameter
        return PageRequest(number, _with_size(self._how, {parameter: str(self._value(number, size))}), again=again)

    def is_last(self, number: int, size: int, records: RawRecords, response: Response) -> bool:
        """Whether the page, which has records, is known to be the last one."""
        how = self._how
        if how.short_page_ends and how.size and len(records) < how.size:
            return True
        total, pages = _total(how.total, response), _total(how.total_pages, response)
        seen = (number - 1) * size + len(records)
        return (total is not None and seen >= total) or (pages is not None and number >= pages)

    def pages(self, size: int, response: Response) -> int | None:
        """How many pages there are, where the description says how that is told."""
        pages, total = _total(self._how.total_pages, response), _total(self._how.total, response)
        return pages if pages is not None or total is None or not size else -(-total // size)

    def _value(self, number: int, size: int) -> int:
        raise NotImplementedError


class PageNumber(NumberedStyle):
    """``?page=1``, ``?page=2``, ``?page=3`` and so on."""

    parameter = "page"

    def _value(self, number: int, size: int) -> int:  # noqa: ARG002 - the API knows how many records a page has
        return (1 if self._how.start is None else self._how.start) + number - 1


class Offset(NumberedStyle):
    """``?offset=0``, ``?offset=100``, ``?offset=200``: by as many as the first page has, whatever was asked for."""

    parameter = "offset"
    needs_size = True

    def _value(self, number: int, size: int) -> int:
        return (self._how.start or 0) + (number - 1) * size


class ChainedStyle:
    """Each page tells where the next one is: its token, a URL or the value of a parameter."""

    parameter: ClassVar[str | None] = None

    def __init__(self, how: Paging) -> None:
        self._how = how

    def request(self, number: int, token: str | None, *, again: bool = False) -> PageRequest:
        """The request for the page that ``token`` leads to; None leads to the first page."""
        if token is not None and self.parameter is None:
            return PageRequest(number, url=token, again=again)
        parameters = {} if token is None else {self._how.parameter or self.parameter or "": token}
        return PageRequest(number, _with_size(self._how, parameters), again=again)

    def following(self, token: str | None, last_id: str | None, response: Response) -> str | None:
        """The token of the next page; None where there is none, or it is the page's own ``token`` once more.

        ``last_id`` is the id of the page's last record.
        """
        found = self._following(last_id, response)
        return None if found == token and not self.says_more(response) else found

    def says_more(self, response: Response) -> bool:
        """Whether the body has a flag that says that another page follows."""
        return _has_more(self._how, response) is True

    def _following(self, last_id: str | None, response: Response) -> str | None:
        raise NotImplementedError


class Cursor(ChainedStyle):
    """``?cursor=`` with what the body of a page says."""

    parameter = "cursor"

    def _following(self, last_id: str | None, response: Response) -> str | None:  # noqa: ARG002
        if _says_no_more(self._how, response):
            return None
        return _first_text(response, (self._how.path,) if self._how.path else CURSOR_PATHS)


class NextUrl(ChainedStyle):
    """The body of a page has the URL of the next one."""

    def _following(self, last_id: str | None, response: Response) -> str | None:  # noqa: ARG002
        found = _first_text(response, (self._how.path,) if self._how.path else URL_PATHS)
        return found and response.absolute(found)


class LinkHeader(ChainedStyle):
    """A ``Link`` header with ``rel="next"`` has the URL of the next page (RFC 8288)."""

    def _following(self, last_id: str | None, response: Response) -> str | None:  # noqa: ARG002
        return response.next_link and response.absolute(response.next_link)


class LastId(ChainedStyle):
    """``?starting_after=`` with the id of the last record, until the body says that there are no more."""

    parameter = "starting_after"

    def _following(self, last_id: str | None, response: Response) -> str | None:
        return None if _says_no_more(self._how, response) else last_id


class Single(ChainedStyle):
    """There is one page and no other, whatever it says."""

    def says_more(self, response: Response) -> bool:  # noqa: ARG002
        """As nobody asks for another page, nothing does."""
        return False

    def _following(self, last_id: str | None, response: Response) -> str | None:  # noqa: ARG002
        return None


NUMBERED: Final[Mapping[PagingStyle, type[NumberedStyle]]] = {
    PagingStyle.AUTO: PageNumber,
    PagingStyle.PAGE: PageNumber,
    PagingStyle.OFFSET: Offset,
}
CHAINED: Final[Mapping[PagingStyle, type[ChainedStyle]]] = {
    PagingStyle.NONE: Single,
    PagingStyle.CURSOR: Cursor,
    PagingStyle.NEXT_URL: NextUrl,
    PagingStyle.LINK_HEADER: LinkHeader,
    PagingStyle.LAST_ID: LastId,
}


def _with_size(how: Paging, parameters: Mapping[str, str]) -> Mapping[str, str]:
    size = {how.size_parameter: str(how.size)} if how.size_parameter else {}
    return {**size, **parameters}


def _total(place: str | None, response: Response) -> int | None:
    if place is None:
        return None
    if place.startswith("header:"):
        text = response.headers.get(place.removeprefix("header:").strip(), "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
    return find_count(response.body, place)


def _says_no_more(how: Paging, response: Response) -> bool:
    return _has_more(how, response) is False


def _has_more(how: Paging, response: Response) -> bool | None:
    flags = (find_value(response.body, path) for path in ((how.has_more,) if how.has_more else HAS_MORE_PATHS))
    return next((flag for flag in flags if isinstance(flag, bool)), None)


def _first_text(response: Response, paths: Sequence[str]) -> str | None:
    return next(filter(None, (find_text(response.body, path) for path in paths)), None)
