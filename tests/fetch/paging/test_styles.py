"""Paging styles: each walked to its end, found out from the first response, cut off, and resumed."""

from typing import Any

import httpx
import msgspec
import pytest
import trio
from helpers.shops import (
    HOME,
    Query,
    Server,
    Shop,
    at_once,
    by_cursor,
    by_header,
    by_last_id,
    by_link_header,
    by_next_url,
    by_offset,
    by_page,
    by_page_from_zero,
    by_page_token,
    by_stuck_cursor,
    part,
)
from helpers.support import ok, reply
from helpers.walking import expected, walk
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from pipeline.config.source import Paging, PagingStyle

# Each with how it is described; the marked ones are found out without.
STYLES: dict[str, tuple[Server, Paging]] = {
    "page": (by_page, Paging(style=PagingStyle.PAGE)),
    "page from 0": (by_page_from_zero, Paging(style=PagingStyle.PAGE, start=0)),
    "page, total": (by_page_from_zero, Paging(style=PagingStyle.PAGE, start=0, total_pages="totalPages")),
    "offset": (by_offset, Paging(style=PagingStyle.OFFSET, parameter="skip")),
    "offset, total": (by_offset, Paging(style=PagingStyle.OFFSET, parameter="skip", total="total")),
    "offset, size": (
        by_offset,
        Paging(style=PagingStyle.OFFSET, parameter="skip", total="total", size_parameter="limit", size=1_000),
    ),
    "cursor": (by_cursor, Paging(style=PagingStyle.CURSOR)),
    "cursor, stuck": (by_stuck_cursor, Paging(style=PagingStyle.CURSOR, path="next_cursor")),
    "page token": (by_page_token, Paging(style=PagingStyle.CURSOR, path="nextPageToken", parameter="pageToken")),
    "cursor in a header": (
        by_header,
        Paging(style=PagingStyle.CURSOR, parameter="token", path="header:X-Next-Token", has_more="header:X-More"),
    ),
    "next_url": (by_next_url, Paging(style=PagingStyle.NEXT_URL)),
    "link_header": (by_link_header, Paging(style=PagingStyle.LINK_HEADER)),
    "last_id": (by_last_id, Paging(style=PagingStyle.LAST_ID)),
    "none": (at_once, Paging(style=PagingStyle.NONE)),
}
FOUND_OUT = {
    "page": "page",
    "page from 0": "page",
    "offset": "offset",
    "cursor": "cursor",
    "page token": "cursor",
    "next_url": "next_url",
    "link_header": "link_header",
    "last_id": "last_id",
}


@pytest.mark.virtual_time
@pytest.mark.parametrize("count", [1, 5, 10, 23])
@pytest.mark.parametrize("name", STYLES)
async def test_each_style_is_walked_to_its_end(name: str, count: int) -> None:
    """Every record comes once and in order, with a short last page as with a full one, and the end is reached."""
    server, paging = STYLES[name]
    shop = Shop(server, count, size=5)
    outcome = await walk(shop, paging)
    assert outcome.ids == expected(count)
    account = outcome.fetcher.result()
    assert (account.status, account.ended, account.gaps) == ("complete", True, [])
    assert account.pages_fetched == (1 if name == "none" else -(-count // 5))
    empty_page_at_the_end = name in ("page", "page from 0", "offset")
    assert len(shop.asked) == account.pages_fetched + empty_page_at_the_end


@pytest.mark.virtual_time
@pytest.mark.parametrize("name", FOUND_OUT)
async def test_styles_are_found_out_from_the_first_page(name: str) -> None:
    """Without a word in the configuration the first response says how to go on, and nothing is lost by asking."""
    shop = Shop(STYLES[name][0], 23, size=5)
    outcome = await walk(shop, Paging())
    assert outcome.ids == expected(23)
    assert outcome.fetcher.result().status == "complete"
    assert outcome.progress.profile is not None
    assert outcome.progress.profile.paging.style.value == FOUND_OUT[name]


@pytest.mark.virtual_time
@pytest.mark.parametrize("how", ["described", "auto"])
@pytest.mark.parametrize("name", FOUND_OUT)
async def test_a_walk_that_was_cut_off_goes_on_where_it_was(name: str, how: str) -> None:
    """A walk that was cut off anywhere continues after the pages in the journal, and fetches none of them again.

    Only a walk whose style is not certain yet begins again; its first page replaces the one in the journal.
    """
    server, paging = STYLES[name]
    paging = paging if how == "described" else Paging()
    for timeout in (0.5, 1.5, 2.5, 3.5, 4.5):
        first = Shop(server, 23, size=5)
        cut = await walk(first, paging, timeout=timeout)
        assert cut.fetcher.result().status != "complete"
        rest = Shop(server, 23, size=5)
        resumed = await walk(rest, paging, resumed=cut.progress)
        assert [one for ids in {**cut.pages, **resumed.pages}.values() for one in ids] == expected(23)
        again = cut.pages.keys() & resumed.pages.keys()
        assert again == ({1} if cut.progress.profile is None and cut.pages else set())
        assert resumed.fetcher.result().status == "complete"
        assert resumed.fetcher.result().pages_fetched == 5


@pytest.mark.virtual_time
@pytest.mark.parametrize("name", ["cursor", "next_url", "link_header", "last_id"])
async def test_a_chain_gets_a_second_chance_where_it_breaks(name: str) -> None:
    """A page that tells where the next one is, is asked for once more; if that fails, the rest is unknown, and told."""
    server, paging = STYLES[name]
    healed = await walk(Shop(server, 23, size=5, broken=frozenset({3})), paging)
    assert healed.ids == expected(23)
    assert healed.fetcher.result().status == "complete"
    broken = await walk(Shop(server, 23, size=5, broken=frozenset({3, 4})), paging)
    account = broken.fetcher.result()
    assert broken.ids == expected(10)
    assert (account.status, account.pages_missing, account.missing_from) == ("partial", (3,), 3)


@pytest.mark.virtual_time
async def test_a_chain_that_runs_in_a_circle_ends() -> None:
    """A cursor that leads back to an earlier page is a loop, at the first page that comes again."""

    def circle(query: Query, items: list[Any], size: int) -> httpx.Response:
        start = int(query.get("cursor", 0))
        return ok({"items": part(items, start, size), "next_cursor": str((start + size) % len(items) or "00")})

    outcome = await walk(Shop(circle, 20, size=5), Paging(style=PagingStyle.CURSOR))
    account = outcome.fetcher.result()
    assert (account.status, account.missing_from) == ("partial", 5)
    assert "repeats an earlier one" in account.failures[-1].error


@pytest.mark.virtual_time
async def test_offsets_go_by_what_a_page_has_and_not_by_what_was_asked_for() -> None:
    """A server that caps the size of its pages loses no record in the steps between them."""
    how = Paging(style=PagingStyle.OFFSET, parameter="skip", size_parameter="limit", size=100)
    shop = Shop(by_offset, 23, size=5)
    outcome = await walk(shop, how)
    assert outcome.ids == expected(23)
    assert [query["skip"] for query in shop.asked] == ["0", "5", "10", "15", "20", "25"]
    assert {query["limit"] for query in shop.asked} == {"100"}


@pytest.mark.virtual_time
async def test_offsets_without_a_first_page_lead_nowhere() -> None:
    """Where the first page cannot be had, how many records a page has is unknown: the walk ends, and says so."""
    outcome = await walk(Shop(by_offset, 23, size=5, broken=frozenset(range(99))), STYLES["offset"][1])
    account = outcome.fetcher.result()
    assert (account.status, account.missing_from, outcome.ids) == ("failed", 1, [])


@pytest.mark.virtual_time
async def test_short_pages_end_a_walk_that_says_so() -> None:
    """With ``short_page_ends`` a page of fewer records than asked for is the last, and no empty one is asked for."""
    how = Paging(style=PagingStyle.PAGE, size_parameter="per_page", size=5, short_page_ends=True)
    shop = Shop(by_page, 13, size=5)
    assert (await walk(shop, how)).ids == expected(13)
    assert [query["page"] for query in shop.asked] == ["1", "2", "3"]


@pytest.mark.virtual_time
async def test_totals_in_headers_end_a_walk_that_says_so() -> None:
    """``header:NAME`` is a place for totals, too: what repeats its last page for ever is not asked for it."""

    def repeating(query: Query, items: list[Any], size: int) -> httpx.Response:
        last = -(-len(items) // size)
        page = min(int(query["page"]), last)
        return reply(200, msgspec.json.encode(part(items, (page - 1) * size, size)), X_WP_TotalPages=str(last))

    how = Paging(style=PagingStyle.PAGE, total_pages="header:X-WP-TotalPages")
    outcome = await walk(Shop(repeating, 13, size=5), how)
    assert (outcome.ids, outcome.fetcher.result().status) == (expected(13), "complete")


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("?lang=en&page=2", "page"),
        (HOME + "&page=2&per_page=3", "page"),
        ("?lang=en&offset=3", "offset"),
        ("?lang=en&offset=100", "link_header"),
        ("?lang=en&page=2&token=xyz", "link_header"),
        ("/other?lang=en&page=2", "link_header"),
        ("http://cdn.test/api/products?lang=en&page=2", "link_header"),
    ],
)
@pytest.mark.virtual_time
async def test_a_link_that_only_counts_is_counted_instead(link: str, found: str) -> None:
    """Pages that can be asked for by number are: a chain would break at the first that fails."""

    def linking(query: Query, items: list[Any], size: int) -> httpx.Response:
        return reply(200, msgspec.json.encode(part(items, 0, size)), Link=f'<{link}>; rel="next"')

    outcome = await walk(Shop(linking, 9, size=3), Paging(), timeout=1.5)
    assert outcome.progress.profile is not None
    assert outcome.progress.profile.paging.style.value == found


@given(st.sampled_from(sorted(FOUND_OUT)), st.integers(1, 40), st.integers(1, 8), st.booleans())
def test_whatever_the_sizes_nothing_is_lost(name: str, count: int, size: int, described: bool) -> None:
    """Any number of records in pages of any size: all of them, once, in order; described or found out."""
    server, paging = STYLES[name]
    run = lambda: walk(Shop(server, count, size), paging if described else Paging())  # noqa: E731
    outcome = trio.run(run, clock=MockClock(autojump_threshold=0))
    if described or count > size:
        assert outcome.ids == expected(count)
    else:  # a single page that says nothing of another one may come once more, when another one is asked for
        assert list(dict.fromkeys(outcome.ids)) == expected(count)
