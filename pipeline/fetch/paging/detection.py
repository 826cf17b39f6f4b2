"""Detect the paging of an API from its response to the URL as written."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import msgspec

from pipeline.config.source import Paging, PagingStyle
from pipeline.fetch.content.envelope import as_count, as_text
from pipeline.fetch.content.response import FetchedPage, Response
from pipeline.fetch.content.signs import Meaning, Sign, find_signs, read_signs
from pipeline.fetch.paging.ends import NextPage, Walked
from pipeline.fetch.paging.statements import keep_announced, next_page

_PAGE_PARAMETER = re.compile(
    r"(?i)^_?(p|pg|paged|page|page_?(number|no|num|index)|current_?page)$|page\]$|^page\[number\]$"
)
_OFFSET_PARAMETER = re.compile(r"(?i)^_?(offset|skip|start|from|start_?index|begin)$|offset\]$")
_SIZE_PARAMETER = re.compile(r"(?i)^_?(limit|size|count|rows|take|max|per_?page|page_?size|results)$|(size|limit)\]$")

# The parameter that takes the cursor, by the name of the sign that contains it.
_CURSOR_PARAMETERS = {
    "next_page_token": "page_token",
    "nextPageToken": "pageToken",
    "nextCursorMark": "cursorMark",
    "nextToken": "nextToken",
    "next_token": "next_token",
    "continuationToken": "continuationToken",
    "continuation": "continuation",
    "nextMarker": "marker",
    "bookmark": "bookmark",
    "cursors.after": "after",
    "endCursor": "after",
    "end_cursor": "after",
}

# Bracketed parameters, by the path of the page number.
_BRACKETED = {"meta.pagination.page": "pagination[page]", "meta.page.number": "page[number]"}


class Candidate(msgspec.Struct, frozen=True):
    """A paging style that may be that of the API; ``is_named`` is True if the response names it."""

    paging: Paging
    is_named: bool


class FirstResponse:
    """The first page of an endpoint, and the facts that it reveals."""

    def __init__(self, fetched: FetchedPage, *, is_estimate: bool = False) -> None:
        self.fetched = fetched
        self.signs = read_signs(fetched.response, len(fetched.records), fetched.records_path)
        self.walked = Walked(is_estimate=is_estimate)
        if fetched.records:
            self.walked.arrived(len(fetched.records))
        keep_announced(self.walked, fetched.response, self.signs)
        self._following = self._next_page(fetched)

    @property
    def is_end(self) -> bool:
        """True if the page shows that there is no other, and does not announce more."""
        return self._following is NextPage.ENDED and not self.walked.announces_more

    @property
    def says_more(self) -> bool:
        """True if the page announces more, or names another page."""
        names_more = self._following is NextPage.NAMED and not self.walked.everything_came
        return self.walked.announces_more or names_more

    def is_ended_by(self, again: FetchedPage) -> bool:
        """True if this page, requested with a parameter, shows that there is no other: its next link is itself."""
        return self._next_page(again) is NextPage.ENDED and not self.walked.announces_more

    def _next_page(self, fetched: FetchedPage) -> NextPage:
        return next_page(fetched.response, self.signs, self.walked)


def detect(fetched: FetchedPage) -> Paging | None:
    """Return the paging that the first response names, None if it names none."""
    best = next(candidates(FirstResponse(fetched)), None)
    return best.paging if best is not None and best.is_named else None


def candidates(first: FirstResponse) -> Iterator[Candidate]:
    """Yield the possible paging styles, those that the response names first.

    The most reliable sign comes first: a link to the next page, a cursor, a flag with ids, this page's number, its
    offset. Without a sign, page numbers are tried, and offsets if the page shows that there is more. An empty page is
    followed only if it names another one.
    """
    fetched = first.fetched
    named = _named(fetched)
    if named is not None:
        yield Candidate(named, is_named=True)
        if named.style not in (PagingStyle.PAGE, PagingStyle.OFFSET):
            return
    elif first.is_end:
        yield Candidate(Paging(style=PagingStyle.NONE), is_named=True)
        return
    if fetched.records:
        for guess in _guesses(fetched, says_more=first.says_more):
            if guess != named:
                yield Candidate(guess, is_named=False)


def _named(fetched: FetchedPage) -> Paging | None:
    by_pointer = _by_link(fetched) or _by_cursor(fetched) or _by_ids(fetched)
    return by_pointer or ((_by_page(fetched) or _by_offset(fetched)) if fetched.records else None)


def _by_link(fetched: FetchedPage) -> Paging | None:
    """Return the style of a link to the next page: numbered if it differs from this URL by a number alone."""
    response, size = fetched.response, len(fetched.records)
    if response.next_link:
        url = response.absolute(response.next_link)
        return (url and _numbered_by(response.url, url, size)) or Paging(style=PagingStyle.LINK_HEADER)
    for sign in find_signs(Meaning.NEXT, response.envelope, fetched.records_path):
        if number := as_count(sign.value):
            return _page_style(response, start=number - 1, path=sign.path)
        text = as_text(sign.value)
        if text and _is_link(text) and (url := response.absolute(text)) != response.url:
            if url is None:
                return Paging(style=PagingStyle.NEXT_URL, path=sign.path)
            return _numbered_by(response.url, url, size) or Paging(style=PagingStyle.NEXT_URL, path=sign.path)
    return None


def _by_cursor(fetched: FetchedPage) -> Paging | None:
    envelope = fetched.response.envelope
    for meaning in (Meaning.CURSOR, Meaning.NEXT):
        for sign in find_signs(meaning, envelope, fetched.records_path):
            text = as_text(sign.value)
            is_page_number = meaning is Meaning.NEXT and (text or "").isdigit()
            if text and not is_page_number and (meaning is Meaning.CURSOR or not _is_link(text)):
                parameter = _CURSOR_PARAMETERS.get(sign.name, "cursor")
                return Paging(style=PagingStyle.CURSOR, path=sign.path, parameter=parameter)
    return None


def _is_link(text: str) -> bool:
    return "/" in text or text.startswith("?")


def _by_ids(fetched: FetchedPage) -> Paging | None:
    envelope = fetched.response.envelope
    for sign in find_signs(Meaning.MORE, envelope):
        if sign.value is True and envelope.value("object") == "list":
            return Paging(style=PagingStyle.LAST_ID, has_more=sign.path)
    return None


def _by_page(fetched: FetchedPage) -> Paging | None:
    """Return the page style of a response that contains the number of its page and a sign of others."""
    response = fetched.response
    for sign in find_signs(Meaning.PAGE, response.envelope, fetched.records_path):
        number = as_count(sign.value)
        if number is None or not (number in (0, 1) or number == _own_number(response.url)):
            continue
        others = (Meaning.PAGES, Meaning.TOTAL, Meaning.LIMIT, Meaning.MORE, Meaning.FIRST, Meaning.LAST)
        if any(_says_something(meaning, fetched, sign) for meaning in others):
            return _page_style(response, start=number, path=sign.path)
    return None


def _says_something(meaning: Meaning, fetched: FetchedPage, beside: Sign) -> bool:
    signs = find_signs(meaning, fetched.response.envelope, fetched.records_path)
    return any(sign.value is not None and sign.path != beside.path for sign in signs)


def _by_offset(fetched: FetchedPage) -> Paging | None:
    """Return the offset style of a response that contains the position of its first record and a limit or a total."""
    response, size = fetched.response, len(fetched.records)
    for sign in find_signs(Meaning.OFFSET, response.envelope, fetched.records_path):
        start = as_count(sign.value)
        own = as_count((parse_qs(urlsplit(response.url).query).get(sign.name) or [""])[0])
        if start is None or not (start in (0, 1) or start == own):
            continue
        limits = find_signs(Meaning.LIMIT, response.envelope, fetched.records_path)
        limit = next((each.name for each in limits if as_count(each.value) == size), None)
        if limit or _says_something(Meaning.TOTAL, fetched, sign):
            limit = None if limit == "count" else limit
            return Paging(
                style=PagingStyle.OFFSET,
                parameter=sign.name,
                start=start or None,
                size_parameter=limit,
                size=size if limit else None,
            )
    return None


def _guesses(fetched: FetchedPage, *, says_more: bool) -> Iterator[Paging]:
    query = parse_qs(urlsplit(fetched.response.url).query)
    offset = next((name for name in query if _OFFSET_PARAMETER.search(name)), None)
    by_offset = Paging(
        style=PagingStyle.OFFSET, parameter=offset or "offset", start=as_count(query[offset][0]) if offset else None
    )
    if offset:
        yield by_offset
    yield _page_style(fetched.response, start=_own_number(fetched.response.url), path="")
    if says_more and not offset:
        yield by_offset


def _page_style(response: Response, *, start: int | None, path: str) -> Paging:
    own = _own_parameter(response.url)
    parameter = own or _BRACKETED.get(path) or "page"
    return Paging(style=PagingStyle.PAGE, parameter=parameter, start=None if start == 1 else start)


def _own_parameter(url: str) -> str | None:
    """Return the query parameter of a URL that selects the page."""
    query = parse_qs(urlsplit(url).query)
    return next((name for name in query if _PAGE_PARAMETER.search(name) and as_count(query[name][0]) is not None), None)


def _own_number(url: str) -> int | None:
    own = _own_parameter(url)
    return as_count(parse_qs(urlsplit(url).query)[own][0]) if own else None


def _numbered_by(url: str, following: str, size: int) -> Paging | None:
    """Return the numbered style of a link that is this URL except for the next number or offset, and a page size."""
    here, there = urlsplit(url), urlsplit(following)
    if (here.netloc, here.path) != (there.netloc, there.path):
        return None
    before, after = parse_qs(here.query), parse_qs(there.query)
    changed = [name for name in after if after[name] != before.get(name) and not _SIZE_PARAMETER.search(name)]
    if len(changed) != 1 or before.keys() - after.keys():
        return None
    name = changed[0]
    now = as_count((before.get(name) or [""])[0])
    then = as_count(after[name][0]) if len(after[name]) == 1 else None
    if then is None:
        return None
    if _PAGE_PARAMETER.search(name) and then == (1 if now is None else now) + 1:
        return Paging(style=PagingStyle.PAGE, parameter=name, start=now if now not in (None, 1) else None)
    if _PAGE_PARAMETER.search(name) and now is None and then == 1:
        return Paging(style=PagingStyle.PAGE, parameter=name, start=0)
    if _OFFSET_PARAMETER.search(name) and then == (now or 0) + size:
        return Paging(style=PagingStyle.OFFSET, parameter=name, start=now or None)
    return None
