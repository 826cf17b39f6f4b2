"""Detect the paging of an API from its response to the URL as written."""

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

import msgspec

from pipeline.config.request import NO_REQUEST, Method, Request
from pipeline.config.source import Paging, PagingStyle
from pipeline.fetch.content.envelope import as_count, as_text
from pipeline.fetch.content.response import FetchedPage
from pipeline.fetch.content.signs import Meaning, Sign, find_signs, read_signs
from pipeline.fetch.paging.ends import NextPage, Walked
from pipeline.fetch.paging.placement import placed, values_in
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
    """The first page of an endpoint, and the facts that it reveals.

    ``request`` is that of the endpoint. ``sent`` are the values in its URL and its body, by their names.
    """

    def __init__(self, fetched: FetchedPage, *, request: Request = NO_REQUEST, is_estimate: bool = False) -> None:
        self.fetched = fetched
        self.request = request
        self.sent = {**parse_qs(urlsplit(fetched.response.url).query), **values_in(request)}
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


def detect(fetched: FetchedPage, request: Request = NO_REQUEST) -> Paging | None:
    """Return the paging that the first response to a request names, None if it names none."""
    best = next(candidates(FirstResponse(fetched, request=request)), None)
    return best.paging if best is not None and best.is_named else None


def candidates(first: FirstResponse) -> Iterator[Candidate]:
    """Yield the possible paging styles, those that the response names first.

    The most reliable sign comes first: a link to the next page, a cursor, a flag with ids, this page's number, its
    offset. Without a sign, page numbers are tried, and offsets if the page shows that there is more. An empty page is
    followed only if it names another one.
    """
    named = _named(first)
    if named is not None:
        yield Candidate(placed(named, first.request), is_named=True)
        if named.style not in (PagingStyle.PAGE, PagingStyle.OFFSET):
            return
    elif first.is_end:
        yield Candidate(Paging(style=PagingStyle.NONE), is_named=True)
        return
    if first.fetched.records:
        for guess in _guesses(first):
            if guess != named:
                yield Candidate(placed(guess, first.request), is_named=False)


def _named(first: FirstResponse) -> Paging | None:
    by_pointer = _by_link(first) or _by_cursor(first.fetched) or _by_ids(first.fetched)
    return by_pointer or ((_by_page(first) or _by_offset(first)) if first.fetched.records else None)


def _by_link(first: FirstResponse) -> Paging | None:
    """Return the style of a link to the next page: numbered if it differs from this URL by a number alone."""
    fetched, response = first.fetched, first.fetched.response
    if response.next_link:
        return _numbered_by(first, response.absolute(response.next_link)) or Paging(style=PagingStyle.LINK_HEADER)
    for sign in find_signs(Meaning.NEXT, response.envelope, fetched.records_path):
        if number := as_count(sign.value):
            return _page_style(first, start=number - 1, path=sign.path)
        text = as_text(sign.value)
        if text and _is_link(text) and (url := response.absolute(text)) != response.url:
            return _numbered_by(first, url) or Paging(style=PagingStyle.NEXT_URL, path=sign.path)
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


def _by_page(first: FirstResponse) -> Paging | None:
    """Return the page style of a response that contains the number of its page and a sign of others."""
    fetched = first.fetched
    for sign in find_signs(Meaning.PAGE, fetched.response.envelope, fetched.records_path):
        number = as_count(sign.value)
        if number is None or not (number in (0, 1) or number == _own_number(first)):
            continue
        others = (Meaning.PAGES, Meaning.TOTAL, Meaning.LIMIT, Meaning.MORE, Meaning.FIRST, Meaning.LAST)
        if any(_says_something(meaning, fetched, sign) for meaning in others):
            return _page_style(first, start=number, path=sign.path)
    return None


def _says_something(meaning: Meaning, fetched: FetchedPage, beside: Sign) -> bool:
    signs = find_signs(meaning, fetched.response.envelope, fetched.records_path)
    return any(sign.value is not None and sign.path != beside.path for sign in signs)


def _by_offset(first: FirstResponse) -> Paging | None:
    """Return the offset style of a response that contains the position of its first record and a limit or a total."""
    fetched = first.fetched
    response, size = fetched.response, len(fetched.records)
    for sign in find_signs(Meaning.OFFSET, response.envelope, fetched.records_path):
        start = as_count(sign.value)
        own = as_count((first.sent.get(sign.name) or [""])[0])
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


def _guesses(first: FirstResponse) -> Iterator[Paging]:
    offset = next((name for name in first.sent if _OFFSET_PARAMETER.search(name)), None)
    by_offset = Paging(
        style=PagingStyle.OFFSET,
        parameter=offset or "offset",
        start=as_count(first.sent[offset][0]) if offset else None,
    )
    if offset:
        yield by_offset
    yield _page_style(first, start=_own_number(first), path="")
    if first.says_more and not offset:
        yield by_offset


def _page_style(first: FirstResponse, *, start: int | None, path: str) -> Paging:
    own = _own_parameter(first.sent)
    parameter = own or _BRACKETED.get(path) or "page"
    return Paging(style=PagingStyle.PAGE, parameter=parameter, start=None if start == 1 else start)


def _own_parameter(sent: Mapping[str, Sequence[str]]) -> str | None:
    """Return the name of the value in a request that selects the page."""
    return next((name for name in sent if _PAGE_PARAMETER.search(name) and as_count(sent[name][0]) is not None), None)


def _own_number(first: FirstResponse) -> int | None:
    own = _own_parameter(first.sent)
    return as_count(first.sent[own][0]) if own else None


def _numbered_by(first: FirstResponse, following: str | None) -> Paging | None:
    """Return the numbered style of a link that is this URL except for the next number or offset, and a page size."""
    if following is None or first.request.method is Method.POST:
        return None
    here, there = urlsplit(first.fetched.response.url), urlsplit(following)
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
    if _OFFSET_PARAMETER.search(name) and then == (now or 0) + len(first.fetched.records):
        return Paging(style=PagingStyle.OFFSET, parameter=name, start=now or None)
    return None
