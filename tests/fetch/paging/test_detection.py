"""Detection: the paging style that the response to the URL as written names."""

from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from helpers.shops import Query, Shop, part
from helpers.support import ok, reply
from helpers.walking import expected, walk
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.source import Paging, PagingStyle
from pipeline.fetch.content.response import FetchedPage, Response
from pipeline.fetch.content.signs import NAMES, SECTIONS, read_signs
from pipeline.fetch.paging.detection import FirstResponse, candidates, detect
from pipeline.fetch.paging.ends import NextPage, Walked
from pipeline.fetch.paging.statements import next_page
from pipeline.fetch.paging.styles import CHAINED

URL = "http://shop.test/products"
PAGE, OFFSET = PagingStyle.PAGE, PagingStyle.OFFSET


def first_page(
    body: object, *, url: str = URL, link: str | None = None, size: int = 10, path: str | None = "items"
) -> FetchedPage:
    """A first page; the records are beside the members of ``body``."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return FetchedPage([msgspec.Raw(b"{}")] * size, Response(200, {}, raw, url, link), 0.1, path)


def page(parameter: str = "page", start: int | None = None) -> Paging:
    return Paging(style=PAGE, parameter=parameter, start=start)


def offset(parameter: str = "offset", limit: str | None = None, start: int | None = None) -> Paging:
    return Paging(style=OFFSET, parameter=parameter, start=start, size_parameter=limit, size=10 if limit else None)


def next_url(path: str) -> Paging:
    return Paging(style=PagingStyle.NEXT_URL, path=path)


def cursor(path: str, parameter: str = "cursor") -> Paging:
    return Paging(style=PagingStyle.CURSOR, path=path, parameter=parameter)


@pytest.mark.parametrize(
    ("body", "paging"),
    [
        # links
        ({"next": f"{URL}?after=10"}, next_url("next")),
        ({"links": {"next": "/products?token=x"}}, next_url("links.next")),
        ({"_links": {"next": {"href": "?token=x"}}}, next_url("_links.next.href")),
        ({"paging": {"next": f"{URL}?token=x"}}, next_url("paging.next")),
        ({"next_page": f"{URL}?token=x"}, next_url("next_page")),
        ({"nextLink": f"{URL}?$skiptoken=x"}, next_url("nextLink")),
        ({"@odata.nextLink": f"{URL}?$skiptoken=x"}, next_url("@odata.nextLink")),
        ({"links": [{"rel": "self", "href": URL}, {"rel": "next", "href": "?token=x"}]}, next_url("links[next]")),
        ({"next": "http://[bad]/"}, next_url("next")),
        # links that differ from the URL by a number
        ({"count": 99, "next": f"{URL}?page=2"}, page()),
        ({"next": f"{URL}?offset=10&limit=10"}, offset()),
        ({"next": f"{URL}?limit=10&start=10"}, offset("start")),
        ({"links": {"next": f"{URL}?page%5Bnumber%5D=2&page%5Bsize%5D=10"}}, page("page[number]")),
        ({"links": [{"rel": "next", "href": f"{URL}?offset=10&limit=10"}], "hasMore": True}, offset()),
        ({"next": f"{URL}?page=1"}, page(start=0)),
        # page numbers as next
        ({"next": 2, "prev": None, "pages": 34}, page()),
        ({"meta": {"next_page": 2}}, page()),
        ({"pagination": {"nextPage": "2"}}, page()),
        ({"meta": {"current_page": 0, "next_page": 1}}, page(start=0)),
        # cursors
        ({"next_cursor": "abc"}, cursor("next_cursor")),
        ({"meta": {"nextCursor": "abc"}}, cursor("meta.nextCursor")),
        ({"cursor": "abc"}, cursor("cursor")),
        ({"nextCursorMark": "AoE="}, cursor("nextCursorMark", "cursorMark")),
        ({"next_page_token": "abc"}, cursor("next_page_token", "page_token")),
        ({"nextPageToken": "abc"}, cursor("nextPageToken", "pageToken")),
        ({"paging": {"cursors": {"after": "abc"}}}, cursor("paging.cursors.after", "after")),
        ({"pageInfo": {"endCursor": "abc", "hasNextPage": True}}, cursor("pageInfo.endCursor", "after")),
        ({"response_metadata": {"next_cursor": "abc"}}, cursor("response_metadata.next_cursor")),
        ({"next": "abc"}, cursor("next")),
        # ids
        ({"object": "list", "has_more": True}, Paging(style=PagingStyle.LAST_ID, has_more="has_more")),
        # page numbers
        ({"page": 1, "total_pages": 4}, page()),
        ({"meta": {"pagination": {"page": 1, "pageSize": 10, "pageCount": 4, "total": 33}}}, page("pagination[page]")),
        ({"meta": {"page": {"number": 1, "size": 10, "total": 33}}}, page("page[number]")),
        ({"number": 0, "size": 10, "first": True, "last": False, "totalPages": 4}, page(start=0)),
        ({"currentPage": 0, "totalPages": 4}, page(start=0)),
        ({"currentPage": 1, "hasNextPage": True}, page()),
        ({"page": 1, "per_page": 10}, page()),
        # offsets in the body, paging, pagination, meta
        ({"offset": 0, "limit": 10, "count": 33}, offset(limit="limit")),
        ({"paging": {"offset": 0, "limit": 10, "total": 33}}, offset(limit="limit")),
        ({"pagination": {"offset": 0, "limit": 10, "count": 10, "total": 33}}, offset(limit="limit")),
        ({"meta": {"offset": 0, "limit": 10, "total_count": 33}}, offset(limit="limit")),
        ({"skip": 0, "limit": 10, "total": 33}, offset("skip", "limit")),
        ({"start": 1, "count": 10, "total": 33}, offset("start", start=1)),
        ({"startIndex": 1, "itemsPerPage": 10, "totalResults": 33}, offset("startIndex", "itemsPerPage", start=1)),
        ({"from": 0, "total": 33}, offset("from")),
    ],
)
def test_the_style_that_a_response_names(body: dict[str, Any], paging: Paging) -> None:
    """Each family of signs leads to its style and its parameter."""
    assert detect(first_page(body)) == paging


@pytest.mark.parametrize(
    ("query", "body", "paging"),
    [
        ("?_page=1", {"next": 2, "pages": 34}, page("_page")),
        ("?_page=3", {"next": 4, "pages": 34}, page("_page", 3)),
        ("?pageNumber=1", {"pageNumber": 1, "totalPages": 4}, page("pageNumber")),
        ("?p=0", {"currentPage": 0, "totalPages": 4}, page("p", 0)),
        ("?page=2", {"next": f"{URL}?page=3"}, page(start=2)),
        ("?skip=20&limit=10", {"skip": 20, "limit": 10, "total": 99}, offset("skip", "limit", 20)),
        ("?offset=20", {"next": f"{URL}?offset=30"}, offset(start=20)),
        ("?page%5Bnumber%5D=1", {"meta": {"page": {"number": 1, "total": 33}}}, page("page[number]")),
        ("?page=1&lang=en", {"next": f"{URL}?lang=en&page=2"}, page()),
        ("?limit=10", {"page": 1, "pages": 4}, page()),
    ],
)
def test_the_parameters_of_the_url_are_kept(query: str, body: dict[str, Any], paging: Paging) -> None:
    """A parameter that the user wrote is the one that counts, and its number is the first."""
    assert detect(first_page(body, url=URL + query)) == paging


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"total": 33},
        {"page": 1},
        {"page": 7, "total_pages": 9},
        {"offset": 0},
        {"offset": 10, "limit": 10, "total": 33},
        {"has_more": True},
        {"page_count": 10},
        b"[]",
        b"",
    ],
)
def test_what_names_no_style(body: object) -> None:
    """Totals alone, and numbers that do not fit the page, name no style."""
    assert detect(first_page(body)) is None


@pytest.mark.parametrize(
    "body",
    [{"next": None}, {"next": ""}, {"next": URL}, {"links": [{"rel": "next", "href": URL}]}, {"has_more": False}],
)
def test_what_says_that_there_is_no_other_page(body: dict[str, Any]) -> None:
    """Nulls, flags and a link to the page itself say that there is one page, unless more is announced."""
    assert detect(first_page(body)) == Paging(style=PagingStyle.NONE)
    assert detect(first_page({**body, "total": 33})) is None


def test_an_empty_page_is_followed_only_if_it_names_another_one() -> None:
    """Numbers beside an empty list lead nowhere, and a link does."""
    assert list(candidates(FirstResponse(first_page({"page": 1, "total_pages": 4}, size=0)))) == []
    assert detect(first_page({"next": "/p?token=x"}, size=0)) == next_url("next")


@pytest.mark.parametrize(
    ("link", "style"),
    [
        ("?page=2", PAGE),
        ("?offset=10", OFFSET),
        ("?token=x", PagingStyle.LINK_HEADER),
        ("//[", PagingStyle.LINK_HEADER),
    ],
)
def test_a_link_header_comes_first(link: str, style: PagingStyle) -> None:
    """Whatever the body says."""
    found = detect(first_page({"next_cursor": "abc", "page": 1, "total_pages": 9}, link=link))
    assert found is not None
    assert found.style is style


def test_guesses_come_after_what_is_named() -> None:
    """Without a sign, page numbers are tried, and offsets only if there is more."""
    guesses = lambda body, url=URL: [  # noqa: E731
        (each.paging, each.is_named) for each in candidates(FirstResponse(first_page(body, url=url)))
    ]
    assert guesses({}) == [(page(), False)]
    assert guesses({"total": 33}) == [(page(), False), (offset(), False)]
    assert guesses({"has_more": True}) == [(page(), False), (offset(), False)]
    assert guesses({}, f"{URL}?_page=1") == [(page("_page"), False)]
    assert guesses({}, f"{URL}?skip=5") == [(offset("skip", start=5), False), (page(), False)]
    assert guesses({"next": None}) == [(Paging(style=PagingStyle.NONE), True)]
    assert guesses({"page": 1, "total_pages": 9}) == [(page(), True), (offset(), False)]


def test_signs_beside_the_records_count() -> None:
    """As in GraphQL: the flag and the cursor are in the object with the list."""
    body = {"data": {"products": {"pageInfo": {"hasNextPage": True, "endCursor": "abc"}, "nodes": []}}}
    found = detect(first_page(body, path="data.products.nodes"))
    assert found == cursor("data.products.pageInfo.endCursor", "after")


def by_number(
    query: Query, items: list[Any], size: int, *, parameter: str, first: int = 1
) -> tuple[int, list[Any], bool]:
    number = int(query.get(parameter, first))
    start = (number - first) * size
    return number, part(items, start, size), start + size < len(items)


def pages_as_next(query: Query, items: list[Any], size: int) -> httpx.Response:
    number, found, more = by_number(query, items, size, parameter="page")
    return ok({"items": found, "next": number + 1 if more else None})


def bracketed(query: Query, items: list[Any], size: int) -> httpx.Response:
    if query.keys() - {"lang", "pagination[page]"}:
        return reply(400, b'{"error": {"message": "Invalid parameter page"}}')
    number, found, _ = by_number(query, items, size, parameter="pagination[page]")
    pagination = {"page": number, "pageSize": size, "pageCount": -(-len(items) // size), "total": len(items)}
    return ok({"data": found, "meta": {"pagination": pagination}})


def counted_from_zero(query: Query, items: list[Any], size: int) -> httpx.Response:
    number, found, _ = by_number(query, items, size, parameter="page", first=0)
    return ok({"items": found, "currentPage": number, "totalPages": -(-len(items) // size)})


def start_from_one(query: Query, items: list[Any], size: int) -> httpx.Response:
    start = int(query.get("startIndex", 1))
    found = part(items, start - 1, size)
    return ok({"Resources": found, "startIndex": start, "itemsPerPage": len(found), "totalResults": len(items)})


def offsets_in(section: str) -> Any:
    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        start, limit = int(query.get("offset", 0)), int(query.get("limit", size))
        found = part(items, start, limit)
        about = {"offset": start, "limit": limit, "count": len(found), "total": len(items)}
        return ok({"items": found, **(about if not section else {section: about})})

    return server


def link_to_itself(query: Query, items: list[Any], size: int) -> httpx.Response:
    number, found, more = by_number(query, items, size, parameter="page")
    return ok({"items": found, "next": f"?lang=en&page={number + more}"})


def count_of_this_page(query: Query, items: list[Any], size: int) -> httpx.Response:
    number, found, _ = by_number(query, items, size, parameter="page")
    return ok({"items": found, "page": number, "page_count": len(found), "total": len(items)})


SERVERS = {
    "pages as next": pages_as_next,
    "bracketed": bracketed,
    "from zero": counted_from_zero,
    "start from one": start_from_one,
    "offsets in the body": offsets_in(""),
    "offsets in paging": offsets_in("paging"),
    "offsets in pagination": offsets_in("pagination"),
    "offsets in meta": offsets_in("meta"),
    "link to itself": link_to_itself,
    "count of this page": count_of_this_page,
}


@pytest.mark.virtual_time
@pytest.mark.parametrize("count", [0, 1, 5, 10, 13])
@pytest.mark.parametrize("name", SERVERS)
async def test_each_family_is_read_completely(name: str, count: int) -> None:
    """All records come once and in order, with at most two requests more than pages."""
    outcome = await walk(Shop(SERVERS[name], count, size=5), Paging())
    account = outcome.fetcher.result()
    assert (outcome.ids, account.status, account.failures) == (expected(count), "complete", ())
    assert account.requests <= account.pages_fetched + 2


STRANGE = ["http://[bad]/", "//[", "http://℀.com/", "http://shop.test:99999/", "\x00", "?page=9" + "9" * 30]
TEXT = st.text(max_size=4) | st.sampled_from([*STRANGE, "?page=2", "/p?offset=10", URL])
NAMES_OF_SIGNS = sorted({name.split("[")[0] for names in NAMES.values() for name in names})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from([*NAMES_OF_SIGNS, *SECTIONS, "href", "rel", "object"]), inner, max_size=4)
        | st.builds(lambda rel, href: [{"rel": rel, "href": href}], st.sampled_from(["next", "Next", "self"]), inner)
    ),
    max_leaves=16,
)
BODIES = (
    st.binary(max_size=60)
    | VALUES.map(msgspec.json.encode)
    | VALUES.map(lambda value: b'{"items": [NaN], "meta": ' + msgspec.json.encode(value) + b"}")
)
URLS = st.sampled_from([URL, f"{URL}?page=1", f"{URL}?page[number]=x&offset=5", f"{URL}?skip=&page=%ff", f"{URL}?;=1"])


@given(
    body=BODIES,
    headers=st.dictionaries(st.sampled_from(["x-total", "x-wp-totalpages", "link"]), st.text()),
    link=st.none() | TEXT,
    url=URLS,
    size=st.integers(0, 20),
    path=st.none() | st.text(max_size=5) | st.sampled_from(["data.items", "a b.items", ".items", "links[x].items"]),
)
def test_no_response_is_too_strange(
    *, body: bytes, headers: dict[str, str], link: str | None, url: str, size: int, path: str | None
) -> None:
    """Whatever a response contains, detection and the statements about the next page raise nothing."""
    response = Response(200, headers, body, url, link)
    fetched = FetchedPage([msgspec.Raw(b"{}")] * size, response, 0.1, path)
    found = list(candidates(FirstResponse(fetched)))
    signs = read_signs(response, size, path)
    for had_next in (False, True):
        assert next_page(response, signs, Walked(had_next=had_next)) in NextPage
    for style in (*CHAINED.values(),):
        kind, token = style(Paging(style=style.style)).following(fetched, "7")
        assert (kind is NextPage.NAMED) == (token is not None)
    for candidate in found:
        if candidate.paging.style in CHAINED:
            CHAINED[candidate.paging.style](candidate.paging).following(fetched, None)


@given(st.text() | TEXT, URLS)
def test_any_text_is_a_reference_or_not(reference: str, url: str) -> None:
    """Resolving a reference gives a URL with a host or nothing, and raises nothing."""
    absolute = Response(200, {}, b"", url).absolute(reference)
    assert absolute is None or urlsplit(absolute).hostname


@pytest.mark.parametrize(
    "reference",
    [
        "http://[bad]/",
        "//[",
        "http://℀.com/",
        "http://shop.test:99999/",
        "http://shop.test:x/",
        "mailto:a@b",
    ],
)
def test_a_reference_that_is_no_usable_url(reference: str) -> None:
    """Brackets, ports, characters and schemes that no URL of a page may have give nothing."""
    assert Response(200, {}, b"", URL).absolute(reference) is None
