"""Chains of pages: nothing that an API leaves out, or says in passing, is taken for the end."""

from typing import Any

import httpx
import msgspec
import pytest
from helpers.shops import Query, Shop, part
from helpers.support import ok, reply
from helpers.walking import expected, walk

from pipeline.config.source import Paging, PagingStyle

pytestmark = pytest.mark.virtual_time

CURSOR = Paging(style=PagingStyle.CURSOR)


def body(query: Query, items: list[Any], size: int, **more: object) -> dict[str, Any]:
    start = int(query.get("cursor", 0))
    behind = start + size
    return {"items": part(items, start, size), "next_cursor": str(behind) if behind < len(items) else None, **more}


@pytest.mark.parametrize("paging", [CURSOR, Paging()])
async def test_a_broken_record_does_not_hide_the_next_page(paging: Paging) -> None:
    """A page that is JSON but for a record, or begins with a byte order mark, still says where the next one is."""

    def broken(query: Query, items: list[Any], size: int) -> httpx.Response:
        content = msgspec.json.encode(body(query, items, size))
        return reply(200, b"\xef\xbb\xbf" + content.replace(b'"4"', b"NaN"))

    outcome = await walk(Shop(broken, 15, size=5), paging)
    assert outcome.fetcher.result().pages_fetched == 3
    assert outcome.fetcher.result().status == "complete"


async def test_an_empty_page_in_a_chain_is_no_end() -> None:
    """A filter may leave a page without records: what it says of the next one counts."""

    def with_holes(query: Query, items: list[Any], size: int) -> httpx.Response:
        found = body(query, items, size)
        if query.get("cursor") in (None, "10"):
            found["items"] = []
        return ok(found)

    outcome = await walk(Shop(with_holes, 20, size=5), CURSOR)
    assert outcome.ids == [str(number) for number in (*range(6, 11), *range(16, 21))]
    assert outcome.fetcher.result().status == "complete"


async def test_empty_pages_for_ever_are_a_loop() -> None:
    """An API that always has another empty page is left alone after a while, and told."""
    numbers = iter(range(1_000))
    shop = Shop(lambda query, items, size: ok({"items": [], "next_cursor": f"c{next(numbers)}"}), 5, size=5)
    outcome = await walk(shop, CURSOR)
    assert outcome.fetcher.result().status == "failed"
    assert len(shop.asked) < 30


async def test_a_flag_that_says_more_is_believed() -> None:
    """With ``has_more`` and no way to ask for it, the rest is missing, and not the end."""
    shop = Shop(lambda query, items, size: ok({"items": items[:size], "has_more": True}), 15, size=5)
    account = (await walk(shop, CURSOR)).fetcher.result()
    assert (account.status, account.pages_fetched, account.missing_from) == ("partial", 1, 2)
    assert "does not name the next one" in account.failures[-1].error


async def test_one_cursor_for_all_pages_goes_on_while_there_is_more() -> None:
    """A scroll id stays the same from page to page: the flag tells the end, and repetition a server that is stuck."""
    asked: list[int] = []

    def scrolling(query: Query, items: list[Any], size: int) -> httpx.Response:
        asked.append(1)
        start = (len(asked) - 1) * size
        return ok({"items": part(items, start, size), "scroll_id": "s", "has_more": start + size < len(items)})

    how = Paging(style=PagingStyle.CURSOR, path="scroll_id", parameter="scroll_id", has_more="has_more")
    outcome = await walk(Shop(scrolling, 23, size=5), how)
    assert (outcome.ids, outcome.fetcher.result().status) == (expected(23), "complete")


@pytest.mark.parametrize(
    "more", [{"next": None, "total_pages": 3}, {"next": None, "total": 15}, {"next": 0}, {"offset": 0, "total": 5}]
)
async def test_what_is_said_in_passing_ends_no_walk(more: dict[str, Any]) -> None:
    """A key that an API has and does not use, a zero, a count of the page: none of them says that this is all."""

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        start = int(query.get("offset", (int(query["page"]) - 1) * size if "page" in query else 0))
        return ok({"items": part(items, start, size), **more})

    outcome = await walk(Shop(server, 15, size=5), Paging())
    assert (outcome.ids, outcome.fetcher.result().status) == (expected(15), "complete")


@pytest.mark.parametrize("limit", [0, 30])
async def test_an_api_that_has_nothing_says_so_in_any_style(limit: int) -> None:
    """An empty first page, with whatever counts beside it, is an endpoint without records, and no crash."""
    empty = {"products": [], "skip": 0, "limit": limit, "total": 0}
    account = (await walk(Shop(lambda query, items, size: ok(empty), 0, size=5), Paging())).fetcher.result()
    assert (account.status, account.pages_fetched, account.requests) == ("complete", 0, 1)


async def test_a_resumed_walk_knows_how_long_the_pages_are() -> None:
    """A server that caps its pages is not taken to be at its end sooner because another process asked first."""

    def capped(query: Query, items: list[Any], size: int) -> httpx.Response:
        return ok({"items": part(items, (int(query["page"]) - 1) * size, size), "total": len(items)})

    how = Paging(style=PagingStyle.PAGE, size_parameter="limit", size=10, total="total")
    cut = await walk(Shop(capped, 30, size=5), how, timeout=2.5)
    resumed = await walk(Shop(capped, 30, size=5), how, resumed=cut.progress)
    assert cut.ids + resumed.ids == expected(30)


@pytest.mark.parametrize("paging", [CURSOR, Paging()], ids=["described", "auto"])
async def test_a_cursor_that_the_api_ignores_is_a_loop(paging: Paging) -> None:
    """Page 1 names another page: page 1 again in its place is not the end, even if nothing is announced."""

    def by_after(query: Query, items: list[Any], size: int) -> httpx.Response:
        start = int(query.get("after", 0))
        return ok({"items": part(items, start, size), "next_cursor": str(start + size)})

    outcome = await walk(Shop(by_after, 15, size=5), paging)
    account = outcome.fetcher.result()
    assert (account.status, account.pages_fetched, account.missing_from) == ("partial", 1, 2)
    assert "describe them with `paging`" in account.failures[-1].error


async def test_links_in_a_list_are_followed() -> None:
    """The link whose ``rel`` is ``next`` is found among the others, described as found."""

    def linking(query: Query, items: list[Any], size: int) -> httpx.Response:
        start = int(query.get("token", 0))
        links = [{"rel": "self", "href": "http://shop.test/other"}]
        if start + size < len(items):
            links.append({"rel": "next", "href": f"/api/products?lang=en&token={start + size}"})
        return ok({"items": part(items, start, size), "links": links})

    for paging in (Paging(), Paging(style=PagingStyle.NEXT_URL, path="links[next]")):
        outcome = await walk(Shop(linking, 13, size=5), paging)
        assert (outcome.ids, outcome.fetcher.result().status) == (expected(13), "complete")
        assert outcome.progress.profile is not None
        assert outcome.progress.profile.paging.path == "links[next]"
