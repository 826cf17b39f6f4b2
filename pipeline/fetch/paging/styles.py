"""Paging styles: how to request a page, and how a response leads to the next one.

Numbered styles request any page by its number, from 1. Chained styles learn from each page where the next one is. A
new style is one class here, and one line in :class:`~pipeline.config.source.PagingStyle` for its name and its keys; see
docs/EXTENDING.md.
"""

from collections.abc import Mapping
from typing import ClassVar

from pipeline.config.source import Paging, PagingStyle
from pipeline.fetch.content.envelope import MISSING, as_text
from pipeline.fetch.content.response import FetchedPage, Response
from pipeline.fetch.content.signs import Meaning, count_at, find_signs, flag_at, value_at
from pipeline.fetch.paging.ends import NextPage
from pipeline.fetch.paging.paginator import PageRequest


class NumberedStyle:
    """A style in which any page can be requested by its number, from 1, once the page size is known."""

    style: ClassVar[PagingStyle]
    parameter: ClassVar[str]
    needs_size: ClassVar[bool] = False

    def __init__(self, paging: Paging) -> None:
        self._paging = paging

    def __init_subclass__(cls) -> None:
        NUMBERED[cls.style] = cls

    def request(self, number: int, size: int, *, again: bool = False) -> PageRequest:
        """Return the request for a page; ``size`` is the number of records on a page, 0 while that is unknown."""
        place = _place(self._paging, self.parameter)
        return PageRequest.filled(number, {**_size(self._paging), place: self.value(number, size)}, again=again)

    def value(self, number: int, size: int) -> int:
        """Return the value of the parameter for a page."""
        raise NotImplementedError

    def is_last(self, number: int, size: int, fetched: FetchedPage) -> bool:
        """True if the configuration makes this page, which has records, the last one."""
        paging, records = self._paging, len(fetched.records)
        if paging.short_page_ends and paging.size and records < paging.size:
            return True
        total = None if paging.total is None else count_at(paging.total, fetched.response)
        pages = None if paging.total_pages is None else count_at(paging.total_pages, fetched.response)
        seen = (number - 1) * size + records
        return (total is not None and seen >= total) or (pages is not None and number >= pages)


NUMBERED: dict[PagingStyle, type[NumberedStyle]] = {}


class PageNumber(NumberedStyle):
    """``?page=1``, ``?page=2``, ``?page=3`` and so on."""

    style = PagingStyle.PAGE
    parameter = "page"

    def value(self, number: int, size: int) -> int:  # noqa: ARG002 - the server knows the page size
        """Return the page number, from ``start`` on."""
        return (1 if self._paging.start is None else self._paging.start) + number - 1


class Offset(NumberedStyle):
    """``?offset=0``, ``?offset=100``, ``?offset=200``; the step is the size of the first page."""

    style = PagingStyle.OFFSET
    parameter = "offset"
    needs_size = True

    def value(self, number: int, size: int) -> int:
        """Return the position of the page's first record, from ``start`` on."""
        return (self._paging.start or 0) + (number - 1) * size


class ChainedStyle:
    """A style in which each page names the next one by a token: a URL, or the value of a parameter."""

    style: ClassVar[PagingStyle]
    parameter: ClassVar[str | None] = None

    def __init__(self, paging: Paging) -> None:
        self._paging = paging

    def __init_subclass__(cls) -> None:
        CHAINED[cls.style] = cls

    def request(self, number: int, token: str | None, *, again: bool = False) -> PageRequest:
        """Return the request for the page that ``token`` leads to; None leads to the first page."""
        if token is not None and self.parameter is None:
            return PageRequest(number, url=token, again=again)
        values = dict(_size(self._paging))
        if token is not None:
            values[_place(self._paging, self.parameter)] = (self._paging.template or "{}").replace("{}", token)
        return PageRequest.filled(number, values, again=again)

    def following(self, fetched: FetchedPage, last_id: str | None) -> tuple[NextPage, str | None]:
        """Return a page's statement about the next one, and the token if it names one.

        ``last_id`` is the id of the page's last record.
        """
        raise NotImplementedError

    def says_more(self, fetched: FetchedPage) -> bool | None:
        """Return the value of the flag for further pages, None if there is none."""
        response = fetched.response
        if self._paging.has_more:
            return flag_at(self._paging.has_more, response)
        flags = (sign.value for sign in find_signs(Meaning.MORE, response.envelope, fetched.records_path))
        return next((flag for flag in flags if isinstance(flag, bool)), None)


CHAINED: dict[PagingStyle, type[ChainedStyle]] = {}


class Cursor(ChainedStyle):
    """``?cursor=`` with the value that the body of a page contains."""

    style = PagingStyle.CURSOR
    parameter = "cursor"

    def following(self, fetched: FetchedPage, last_id: str | None) -> tuple[NextPage, str | None]:  # noqa: ARG002
        """Return the cursor, unless a flag shows that there are no more pages."""
        if self.says_more(fetched) is False:
            return NextPage.ENDED, None
        return _statement(fetched, self._paging.path, Meaning.CURSOR)


class NextUrl(ChainedStyle):
    """The body of a page contains the URL of the next one."""

    style = PagingStyle.NEXT_URL

    def following(self, fetched: FetchedPage, last_id: str | None) -> tuple[NextPage, str | None]:  # noqa: ARG002
        """Return the URL."""
        kind, reference = _statement(fetched, self._paging.path, Meaning.NEXT)
        return _resolved(fetched.response, reference) if reference else (kind, None)


class LinkHeader(ChainedStyle):
    """A ``Link`` header with ``rel="next"`` contains the URL of the next page (RFC 8288)."""

    style = PagingStyle.LINK_HEADER

    def following(self, fetched: FetchedPage, last_id: str | None) -> tuple[NextPage, str | None]:  # noqa: ARG002
        """Return the URL."""
        reference = fetched.response.next_link
        return _resolved(fetched.response, reference) if reference else (NextPage.SILENT, None)


class LastId(ChainedStyle):
    """``?starting_after=`` with the id of the last record, until a flag shows that there are no more pages."""

    style = PagingStyle.LAST_ID
    parameter = "starting_after"

    def following(self, fetched: FetchedPage, last_id: str | None) -> tuple[NextPage, str | None]:
        """Return the id."""
        if self.says_more(fetched) is False:
            return NextPage.ENDED, None
        return (NextPage.SILENT, None) if last_id is None else (NextPage.NAMED, last_id)


class Single(ChainedStyle):
    """There is one page, whatever the response contains."""

    style = PagingStyle.NONE

    def following(self, fetched: FetchedPage, last_id: str | None) -> tuple[NextPage, str | None]:  # noqa: ARG002
        """Return the end."""
        return NextPage.ENDED, None

    def says_more(self, fetched: FetchedPage) -> bool | None:  # noqa: ARG002
        """Return None: flags do not count."""
        return None


def _place(paging: Paging, parameter: str | None) -> str:
    return paging.into or f"query.{paging.parameter or parameter}"


def _size(paging: Paging) -> Mapping[str, str | int]:
    """Return the page size at its place, nothing if none is sent."""
    place = paging.size_into or (paging.size_parameter and f"query.{paging.size_parameter}")
    return {place: paging.size} if place and paging.size else {}


def _statement(fetched: FetchedPage, place: str | None, meaning: Meaning) -> tuple[NextPage, str | None]:
    """Return the text at a place or, without one, at the first sign that has any; a null or empty value is an end."""
    values = (
        [value_at(place, fetched.response, MISSING)]
        if place
        else [sign.value for sign in find_signs(meaning, fetched.response.envelope, fetched.records_path)]
    )
    texts = [text for value in values if (text := as_text(value))]
    if texts:
        return NextPage.NAMED, texts[0]
    says_none = any(value is None or value == "" or value is False for value in values)
    return (NextPage.ENDED if says_none else NextPage.SILENT), None


def _resolved(response: Response, reference: str) -> tuple[NextPage, str | None]:
    url = response.absolute(reference)
    return (NextPage.UNUSABLE, None) if url is None else (NextPage.NAMED, url)
