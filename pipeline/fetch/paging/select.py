"""Finds out how an API is paged, from the response to the first request.

Begins the walk that a paging style asks for.
"""

from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from pipeline.config.source import Paging, PagingStyle
from pipeline.fetch.content.lookup import find_count, find_text, find_value
from pipeline.fetch.content.response import Response
from pipeline.fetch.content.totals import find_totals
from pipeline.fetch.paging.chained import ChainedPaginator, without_gaps
from pipeline.fetch.paging.numbered import NumberedPaginator
from pipeline.fetch.paging.paginator import Identify, Paginator
from pipeline.fetch.paging.styles import CHAINED, CURSOR_PATHS, HAS_MORE_PATHS, NUMBERED, URL_PATHS
from pipeline.model.pages import NOTHING_YET, Progress

_OFFSET_KEYS = ("offset", "skip", "start", "from")
_LIMIT_KEYS = ("limit", "per_page", "page_size", "pageSize", "size", "count")
_PAGE_KEYS = ("page", "p", "page_number", "pageNumber", "currentPage", "current_page", "paged")
_ECHO_KEYS = ("number", "page", "pageNumber")
_TOTAL_KEYS = ("total", "total_count", "totalCount", "total_items", "totalItems")


def detect(response: Response, *, records: int) -> Paging | None:
    """The style that the response to the first request speaks for, None where nothing does: then page numbers remain.

    A link to the next page says most: where it differs from the URL by a number or an offset alone, any page can be
    asked for. Then come a cursor, a flag with a record's id, an offset that the body repeats, and a word that this is
    all. With ``start`` 0 it was not the first page after all: we asked for page 1, and the API counts from 0.
    """
    link = _usual_link(response)
    if link:
        style, target = link
        return _from_link(response.url, response.absolute(target), records) or style
    for path in CURSOR_PATHS:
        if find_text(response.body, path):
            return Paging(style=PagingStyle.CURSOR, path=path, parameter=_cursor_parameter(path))
    for path in HAS_MORE_PATHS:
        if find_value(response.body, path) is True and find_text(response.body, "object") == "list":
            return Paging(style=PagingStyle.LAST_ID, has_more=path)
    if _counts_from_zero(response):
        return Paging(style=PagingStyle.PAGE, start=0)
    return (_from_echo(response, records) if records else None) or _nothing_follows(response, records)


def _counts_from_zero(response: Response) -> bool:
    """Whether page 1 is not the first one; or, where no page was asked for, the first one is page 0."""
    first = find_value(response.body, "first")
    if not isinstance(first, bool) or (first and "page" in parse_qs(urlsplit(response.url).query)):
        return False
    return (0 if first else 1) in (find_count(response.body, key) for key in _ECHO_KEYS)


def _usual_link(response: Response) -> tuple[Paging, str] | None:
    if response.next_link:
        return Paging(style=PagingStyle.LINK_HEADER), response.next_link
    for path in URL_PATHS:
        text = find_text(response.body, path)
        if text and ("/" in text or "?" in text):
            return Paging(style=PagingStyle.NEXT_URL, path=path), text
    return None


def _from_link(url: str, following: str, records: int) -> Paging | None:
    """The numbered style of a next link that is this URL but for a number or an offset."""
    here, there = urlsplit(url), urlsplit(following)
    if (here.netloc, here.path) != (there.netloc, there.path):
        return None
    before, after = parse_qs(here.query), parse_qs(there.query)
    changed = {key for key in after if after[key] != before.get(key)}
    steps = {key: value for key in changed if (value := _number(after[key])) is not None}
    # What the link adds without being a step, a size say, is only known to be harmless if it is one.
    if not changed - set(_LIMIT_KEYS) <= steps.keys():
        return None
    for key in _PAGE_KEYS:
        if steps.get(key) == 2:
            return Paging(style=PagingStyle.PAGE, parameter=key)
    for key in _OFFSET_KEYS:
        if steps.get(key) == records:
            return Paging(style=PagingStyle.OFFSET, parameter=key)
    return None


def _from_echo(response: Response, records: int) -> Paging | None:
    """The offset style of a body that repeats where it begins and how much there is."""
    for key in _OFFSET_KEYS:
        if find_count(response.body, key) == 0:
            for total in _TOTAL_KEYS:
                if (count := find_count(response.body, total)) is not None and count >= records:
                    limit = next((k for k in _LIMIT_KEYS if find_count(response.body, k) == records), None)
                    size = records if limit else None
                    return Paging(style=PagingStyle.OFFSET, parameter=key, size_parameter=limit, size=size)
    return None


def _nothing_follows(response: Response, records: int) -> Paging | None:
    """The first page is the only one where the place of a cursor, link or flag says so, and no total says otherwise."""
    places = (*CURSOR_PATHS, *URL_PATHS, *HAS_MORE_PATHS)
    said = (find_value(response.body, path, default=...) for path in places)
    if not any(value is None or value is False or value == "" for value in said):
        return None
    announced = find_totals(response.body, response.headers)
    says_otherwise = (announced.pages or 0) > 1 or (announced.records or 0) > records
    return None if says_otherwise else Paging(style=PagingStyle.NONE)


def _cursor_parameter(path: str) -> str:
    """The usual name of the parameter that takes the cursor from such a place."""
    name = path.rpartition(".")[2]
    if "token" in name.lower():
        return "page_token" if "_" in name else "pageToken"
    return "after" if name in ("after", "endCursor", "end_cursor") else "cursor"


def _number(values: Sequence[str]) -> int | None:
    return (
        int(values[0])
        if len(values) == 1 and values[0].isascii() and values[0].isdigit() and len(values[0]) < 10
        else None
    )


def make_paginator(how: Paging, identify: Identify, resumed: Progress = NOTHING_YET) -> Paginator:
    """The walk of an endpoint that is paged so, from where an earlier run came to."""
    walk: Paginator
    if how.style in NUMBERED:
        found = resumed.profile.page_size if resumed.profile else None
        walk = NumberedPaginator(NUMBERED[how.style](how), identify, resumed=resumed, size=found or how.size or 0)
    else:
        walk = ChainedPaginator(CHAINED[how.style](how), identify, resumed=resumed)
    if resumed.profile and resumed.profile.announced.pages is not None:
        walk.announced(resumed.profile.announced.pages)
    return walk


def usable(progress: Progress, how: Paging) -> Progress:
    """What of an earlier run's progress a walk of this style can go on from."""
    return progress if how.style in NUMBERED else without_gaps(progress)
