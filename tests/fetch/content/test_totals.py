"""What APIs say of their size: where it is found, and what a walk makes of it."""

from typing import Any

import httpx
import msgspec
import pytest
from helpers.support import NO_LIMIT, FakeApi, forever, ok, records, reply, walk
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fetch.content.totals import find_totals
from pipeline.fetch.paging.paginator import MOST_LISTED_PAGES
from pipeline.model.pages import NOTHING_ANNOUNCED, AnnouncedTotals


@pytest.mark.parametrize(
    ("body", "announced"),
    [
        ({"products": [], "total": 194, "skip": 0, "limit": 30}, AnnouncedTotals(194, None)),
        ({"items": [], "search_criteria": {}, "total_count": 17}, AnnouncedTotals(17, None)),
        ({"data": [], "meta": {"pagination": {"total": 120, "count": 50, "total_pages": 3}}}, AnnouncedTotals(120, 3)),
        ({"results": [], "pagination": {"totalPages": "12"}}, AnnouncedTotals(None, 12)),
        ({"data": [], "last_page": 4, "total": 0}, AnnouncedTotals(0, 4)),
        ({"data": [], "meta": [1], "total": None}, NOTHING_ANNOUNCED),
        ({"data": [], "total": -1, "totalPages": True, "page_count": "many"}, NOTHING_ANNOUNCED),
        ({"data": [], "total": 10**12, "last_page": "9" * 30}, NOTHING_ANNOUNCED),
        ([{"total": 3}], NOTHING_ANNOUNCED),
    ],
)
def test_totals_in_the_body(body: Any, announced: AnnouncedTotals) -> None:
    """Totals stand beside the list or in a section about it; what is no plausible count is passed over."""
    assert find_totals(msgspec.json.encode(body), {}) == announced


def test_totals_in_the_headers() -> None:
    """Where the body is a bare list the headers may tell; what the body says counts first."""
    headers = httpx.Headers({"X-WP-Total": "420", "X-WP-TotalPages": "21"})
    assert find_totals(b"[]", headers) == AnnouncedTotals(420, 21)
    assert find_totals(b'{"total": 7}', headers) == AnnouncedTotals(7, 21)


@given(st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(msgspec.json.encode))
def test_no_body_is_too_strange(body: bytes) -> None:
    """Looking for totals never fails."""
    assert isinstance(find_totals(body, {}), AnnouncedTotals)


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
