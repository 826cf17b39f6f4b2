"""Signs of paging: where a response has them, the totals that they announce, and their use in a walk."""

from typing import Any

import httpx
import msgspec
import pytest
from helpers.support import NO_LIMIT, FakeApi, forever, ok, records, reply, walk
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fetch.content.envelope import Envelope
from pipeline.fetch.content.response import Response
from pipeline.fetch.content.signs import HEADERS, NAMES, SECTIONS, Meaning, announced_by, find_signs, read_signs
from pipeline.fetch.paging.statements import MOST_LISTED_PAGES
from pipeline.model.pages import NO_SIGNS, NOTHING_ANNOUNCED, AnnouncedTotals, Signs

URL = "http://shop.test/products"


def response(body: object, link: str | None = None, **headers: str) -> Response:
    """A response; ``X_Total="3"`` is its X-Total header."""
    named = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return Response(200, named, msgspec.json.encode(body), URL, link)


def totals(answer: Response, size: int = 0, records_path: str | None = None) -> AnnouncedTotals:
    return announced_by(answer, read_signs(answer, size, records_path))


@pytest.mark.parametrize(
    ("body", "size", "announced"),
    [
        ({"products": [], "total": 194, "skip": 0, "limit": 30}, 30, AnnouncedTotals(194, None)),
        ({"items": [], "search_criteria": {}, "total_count": 17}, 10, AnnouncedTotals(17, None)),
        (
            {"data": [], "meta": {"pagination": {"total": 120, "count": 50, "total_pages": 3}}},
            50,
            AnnouncedTotals(120, 3),
        ),
        ({"results": [], "pagination": {"totalPages": "12"}}, 5, AnnouncedTotals(None, 12)),
        ({"data": [], "last_page": 4, "total": 0}, 0, AnnouncedTotals(0, 4)),
        ({"count": 333, "next": f"{URL}?page=2", "previous": None, "results": []}, 100, AnnouncedTotals(333, None)),
        ({"type": "FeatureCollection", "numberMatched": 333, "numberReturned": 10}, 10, AnnouncedTotals(333, None)),
        ({"items": [], "total": 333, "page": 1, "size": 50, "pages": 7}, 50, AnnouncedTotals(333, 7)),
        ({"first": 1, "prev": None, "next": 2, "last": 34, "pages": 34, "items": 333}, 10, AnnouncedTotals(333, 34)),
        ({"items": [], "count": 333}, 100, AnnouncedTotals(333, None)),
        (
            {"data": [], "meta": {"pagination": {"page": 1, "pageSize": 25, "pageCount": 14, "total": 333}}},
            25,
            AnnouncedTotals(333, 14),
        ),
        ({"meta": {"page": {"number": 1, "size": 20, "total": 333}}}, 20, AnnouncedTotals(333, None)),
        ({"paging": {"offset": 0, "limit": 20, "count": 333}}, 20, AnnouncedTotals(333, None)),
        ({"pagination": {"offset": 0, "limit": 20, "total": 333}}, 20, AnnouncedTotals(333, None)),
        ({"meta": {"offset": 0, "limit": 20, "count": 333}}, 20, AnnouncedTotals(333, None)),
        ({"response": {"numFound": 333, "start": 0, "docs": []}}, 10, AnnouncedTotals(333, None)),
        ({"content": [], "totalElements": 333, "totalPages": 17, "number": 0}, 20, AnnouncedTotals(333, 17)),
        ({"hits": {"total": {"value": 333, "relation": "eq"}, "hits": []}}, 10, AnnouncedTotals(333, None)),
    ],
)
def test_totals_in_the_body(body: dict[str, Any], size: int, announced: AnnouncedTotals) -> None:
    """Totals are beside the list or in an object that describes it."""
    path = {"response": "response.docs", "hits": "hits.hits"}.get(next(iter(body)))
    assert totals(response(body), size, path) == announced


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ({"data": [], "meta": [1], "total": None}, 0),
        ({"data": [], "total": -1, "totalPages": True, "page_count": "many"}, 0),
        ({"data": [], "total": 10**12, "last_page": "9" * 30}, 0),
        ([{"total": 3}], 1),
        ({"items": [], "count": 25, "limit": 25, "offset": 0, "hasMore": True}, 25),
        ({"data": [], "page_count": 20}, 20),
        ({"data": [], "hits": 20, "itemCount": 20}, 20),
        ({"data": {"total": 3}}, 20),
    ],
)
def test_what_is_no_total(body: Any, size: int) -> None:
    """Implausible counts, the number of records on this page, and the fields of a record are no totals."""
    assert totals(response(body), size) == NOTHING_ANNOUNCED


@pytest.mark.parametrize(
    ("body", "size", "pages"),
    [
        ({"total": 333, "page_count": 17}, 20, 17),
        ({"total": 333, "page_count": 20}, 20, None),
        ({"total": 400, "page_count": 20}, 20, 20),
        ({"page_count": 20}, 20, None),
        ({"page_count": 17}, 20, 17),
        ({"page_count": 1}, 1, 1),
    ],
)
def test_a_page_count_may_be_the_number_of_records_on_this_page(
    body: dict[str, int], size: int, pages: int | None
) -> None:
    """The total decides; without one, a number that equals the number of records is not that of the pages."""
    assert totals(response(body), size).pages == pages


@pytest.mark.parametrize(
    ("headers", "announced"),
    [
        ({"X_WP_Total": "420", "X_WP_TotalPages": "21"}, AnnouncedTotals(420, 21)),
        ({"X_Total_Count": "333"}, AnnouncedTotals(333, None)),
        ({"X_Total": " 333 ", "X_Total_Pages": "17"}, AnnouncedTotals(333, 17)),
        ({"X_Page_Count": "17"}, AnnouncedTotals(None, 17)),
        ({"X_Total_Count": "many", "X_WP_Total": "-3"}, NOTHING_ANNOUNCED),
    ],
)
def test_totals_in_the_headers(headers: dict[str, str], announced: AnnouncedTotals) -> None:
    """A response without an envelope announces totals in headers."""
    assert totals(response([], **headers), 20) == announced


def test_totals_in_the_body_come_before_those_in_the_headers() -> None:
    """The body describes this list; a header may be that of a proxy."""
    answer = response({"total": 7}, X_WP_Total="420", X_WP_TotalPages="21")
    assert totals(answer, 5) == AnnouncedTotals(7, 21)


@pytest.mark.parametrize(
    ("body", "signs"),
    [
        ({"next": f"{URL}?page=2"}, Signs(next="next")),
        ({"next": 2}, Signs(next="next")),
        ({"next": None}, Signs(next="next")),
        ({"next": {"href": f"{URL}?page=2"}}, Signs(next="next.href")),
        ({"meta": {"next_page": 2}}, Signs(next="meta.next_page")),
        ({"next_page": f"{URL}?page=2"}, Signs(next="next_page")),
        ({"nextLink": f"{URL}?page=2"}, Signs(next="nextLink")),
        ({"@odata.nextLink": f"{URL}?$skip=2"}, Signs(next="@odata.nextLink")),
        ({"links": {"next": f"{URL}?page[number]=2"}}, Signs(next="links.next")),
        ({"links": [{"rel": "next", "href": f"{URL}?page=2"}]}, Signs(next="links[next]")),
        ({"_links": {"next": {"href": "/products?page=2"}}}, Signs(next="_links.next.href")),
        ({"next": "", "paging": {"next": "/p?2"}}, Signs(next="paging.next")),
        ({"hasMore": True}, Signs(more="hasMore")),
        ({"pageInfo": {"hasNextPage": False}}, Signs(more="pageInfo.hasNextPage")),
        ({"has_more": "yes"}, NO_SIGNS),
        ({"last": False, "first": True}, Signs(last="last")),
        ({"last": 34}, NO_SIGNS),
        ({"next": False}, NO_SIGNS),
    ],
)
def test_the_places_of_the_next_page_and_of_the_flags(body: dict[str, Any], signs: Signs) -> None:
    """A place that names the next page is kept, one that is empty as well, and flags are booleans."""
    assert read_signs(response(body), 20) == signs


def test_a_link_header_comes_first() -> None:
    """The standard for links takes precedence over the body."""
    assert read_signs(response({"next": 2}, f"{URL}?page=2"), 20).next == "header:link"


def test_signs_beside_the_records_come_last() -> None:
    """The envelope comes first; without a sign there, the objects around the records have them."""
    inner = {"total": 40, "pageInfo": {"hasNextPage": True}, "nodes": []}
    body = {"data": {"products": inner}}
    assert read_signs(response(body), 20, "data.products.nodes") == Signs(
        more="data.products.pageInfo.hasNextPage", total="data.products.total"
    )
    assert read_signs(response({**body, "total": 50}), 20, "data.products.nodes").total == "total"
    assert read_signs(response(body), 20) == NO_SIGNS


@pytest.mark.parametrize("key", ["my data", "a|b", "a[b]", "(a", " "])
def test_signs_beside_records_whose_path_cannot_be_written_are_ignored(key: str) -> None:
    """A place that is no dotted path could be neither configured nor journaled."""
    assert read_signs(response({key: {"items": [], "total": 40, "next": "/p?2"}}), 20, f"{key}.items") == NO_SIGNS


@pytest.mark.parametrize("meaning", Meaning)
def test_every_name_is_found_in_every_section(meaning: Meaning) -> None:
    """Each name of the table is a sign in each section, nested as its path is written."""
    for section in SECTIONS:
        for name in NAMES[meaning]:
            path = f"{section}.{name}" if section else name
            value: object = 5
            if "[" in path:
                path, _, relation = path.removesuffix("]").partition("[")
                value = [{"rel": relation, "href": 5}]
            keys = [path] if path.startswith("@") else path.split(".")
            if "@odata" in path and section:
                continue  # OData has it in the outermost object
            for key in reversed(keys):
                value = {key: value}
            found = {sign.name for sign in find_signs(meaning, Envelope(msgspec.json.encode(value)))}
            assert name in found, (section, name)


@pytest.mark.parametrize("name", [name for names in HEADERS.values() for name in names])
def test_every_header_of_the_table_is_found(name: str) -> None:
    """Each header of the table announces a total."""
    assert totals(response([], **{name: "7"}), 5) != NOTHING_ANNOUNCED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([name for names in NAMES.values() for name in names] + [*SECTIONS, "href", "rel"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    body=st.binary(max_size=40) | JSON.map(msgspec.json.encode),
    headers=st.dictionaries(st.sampled_from([name for names in HEADERS.values() for name in names]), st.text()),
    link=st.none() | st.text(),
    size=st.integers(0, 1_000),
    records_path=st.none() | st.text(max_size=6) | st.sampled_from(["data.items", ".", "..a"]),
)
def test_no_response_is_too_strange(
    body: bytes, headers: dict[str, str], link: str | None, size: int, records_path: str | None
) -> None:
    """Reading the signs never fails, and what they announce is plausible."""
    answer = Response(200, headers, body, URL, link)
    announced = announced_by(answer, read_signs(answer, size, records_path))
    for count in (announced.records, announced.pages):
        assert count is None or 0 <= count <= 1_000_000_000


def page_of(number: int, **totals: object) -> httpx.Response:
    return ok({"products": records(number), **totals})


@pytest.mark.virtual_time
@pytest.mark.parametrize("totals", [{"total": 20}, {"total_pages": 7}, {"total": 99, "total_pages": 7}])
async def test_with_a_total_what_is_missing_is_known(totals: dict[str, int]) -> None:
    """A walk that is cut off lists each page up to the announced end, with the reason."""
    api = FakeApi(pages=7, script={1: [page_of(1, **totals)], 4: [100.0]})
    fetcher, _ = await walk(api, timeout=10, rate_limit=NO_LIMIT)
    fetcher.interrupt("deadline", "time is over")
    account = fetcher.result()
    assert (account.pages_missing, account.missing_from, account.pages_wanted) == ((4, 5, 6, 7), None, 7)
    assert [(gap.pages, gap.reason, gap.onward) for gap in account.gaps] == [([4, 5, 6, 7], "time is over", False)]
    assert account.end_known_by == "announced"


@pytest.mark.virtual_time
@pytest.mark.parametrize("totals", [{}, {"total_pages": 3}, {"total_pages": MOST_LISTED_PAGES + 1}])
async def test_without_a_credible_total_the_rest_is_unknown(totals: dict[str, int]) -> None:
    """No total, one that is passed already, and one that nobody could list: the walk was cut off at a page."""
    api = FakeApi(pages=7, script={1: [page_of(1, **totals)], 4: [100.0]})
    fetcher, _ = await walk(api, timeout=10, rate_limit=NO_LIMIT)
    fetcher.interrupt("deadline", "time is over")
    account = fetcher.result()
    assert (account.pages_missing, account.missing_from, account.pages_wanted) == ((4,), 4, None)
    assert [(gap.reason, gap.onward) for gap in account.gaps] == [("time is over", True)]
    assert account.end_known_by is None


@pytest.mark.virtual_time
async def test_a_total_does_not_end_the_walk() -> None:
    """An API that has grown meanwhile, or counts wrongly, is walked to its empty page all the same."""
    api = FakeApi(pages=5, script={1: [page_of(1, total=6)]})
    fetcher, pages = await walk(api, rate_limit=NO_LIMIT)
    account = fetcher.result()
    assert len(pages) == 5
    assert (account.status, account.pages_wanted, account.end_known_by) == ("complete", 5, "announced")
    assert account.announced == AnnouncedTotals(6, 2)


@pytest.mark.virtual_time
async def test_without_a_total_the_end_is_known_by_walking() -> None:
    """Most APIs announce nothing; then an empty page is what tells the end."""
    fetcher, _ = await walk(FakeApi(pages=2), rate_limit=NO_LIMIT)
    account = fetcher.result()
    assert (account.end_known_by, account.pages_wanted, account.gaps) == ("walked", 2, [])


@pytest.mark.virtual_time
async def test_every_missing_page_has_its_reason() -> None:
    """Pages that are missing for one reason stand together, and each page stands once."""
    script = {2: forever(lambda: reply(404)), 4: forever(lambda: reply(403)), 6: forever(lambda: reply(404))}
    fetcher, _ = await walk(FakeApi(pages=7, script=script), rate_limit=NO_LIMIT)
    account = fetcher.result()
    reasons = {gap.reason: gap.pages for gap in account.gaps}
    assert reasons == {"HTTP 404 Not Found": [2, 6], "HTTP 403 Forbidden": [4]}
    assert account.pages_missing == (2, 4, 6)


@pytest.mark.virtual_time
async def test_the_page_where_a_walk_ends_is_missing_once() -> None:
    """Three pages given up in a row end the walk; the last of them is where the unknown begins, and listed there."""
    fetcher, _ = await walk(FakeApi(pages=0, script={n: forever(lambda: reply(404)) for n in (1, 2, 3)}))
    account = fetcher.result()
    assert [(list(gap.pages), gap.onward) for gap in account.gaps] == [([1, 2], False), ([3], True)]
    assert (account.pages_missing, account.missing_from) == ((1, 2, 3), 3)
