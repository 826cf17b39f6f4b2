"""The end of an endpoint: every row of the table, as a decision and as a walk."""

from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from helpers.shops import HOME, Query, Shop, part
from helpers.support import ok, reply
from helpers.walking import Outcome, expected, walk
from loguru import logger

from pipeline.config.source import Paging, PagingStyle
from pipeline.fetch.paging.ends import REFUSALS, NextPage, Verdict, Walked, is_end, judge_page
from pipeline.fetch.paging.loop_detector import Repetition
from pipeline.model.pages import AnnouncedTotals

NAMED, ENDED, SILENT, UNUSABLE = NextPage.NAMED, NextPage.ENDED, NextPage.SILENT, NextPage.UNUSABLE
NEW, PRECEDING, EARLIER = Repetition.NONE, Repetition.PRECEDING, Repetition.EARLIER

PAGE, OFFSET = Paging(style=PagingStyle.PAGE), Paging(style=PagingStyle.OFFSET)
CURSOR, NEXT_URL = Paging(style=PagingStyle.CURSOR), Paging(style=PagingStyle.NEXT_URL)
LINK, AUTO = Paging(style=PagingStyle.LINK_HEADER), Paging()


def walked(records: int = 10, total: int | None = None, pages: int | None = None, **facts: Any) -> Walked:
    return Walked(announced=AnnouncedTotals(total, pages), records=records, pages=2, **facts)


@pytest.mark.parametrize(
    ("records", "total", "pages", "came", "more"),
    [
        (10, None, None, False, False),
        (100, 100, None, True, False),
        (99, 100, None, True, False),
        (98, 100, None, False, True),
        (120, 100, None, True, False),
        (0, 0, None, True, False),
        (10, None, 2, True, False),
        (10, None, 3, False, True),
        (98, 100, 2, False, True),
    ],
)
def test_everything_came_with_99_percent_of_the_announced_records(
    records: int, total: int | None, pages: int | None, came: bool, more: bool
) -> None:
    """The records decide if their number is announced, and the pages otherwise."""
    facts = walked(records, total, pages)
    assert (facts.everything_came, facts.announces_more) == (came, more)
    estimate = walked(records, total, pages, is_estimate=True)
    assert (estimate.everything_came, estimate.announces_more) == (False, False)


@pytest.mark.parametrize(
    ("number", "size", "repetition", "following", "total", "verdict"),
    [
        # 204 or an empty list
        (3, 0, NEW, SILENT, None, Verdict.END),
        (3, 0, NEW, ENDED, None, Verdict.END),
        (1, 0, NEW, SILENT, None, Verdict.END),
        (3, 0, NEW, SILENT, 10, Verdict.END),
        # an empty page before the announced end
        (3, 0, NEW, SILENT, 20, Verdict.DEFER),
        (3, 0, NEW, ENDED, 20, Verdict.DEFER),
        (3, 0, NEW, NAMED, 20, Verdict.SKIP),
        (3, 0, NEW, NAMED, None, Verdict.SKIP),
        # the next page
        (3, 5, NEW, ENDED, None, Verdict.LAST),
        (3, 5, NEW, UNUSABLE, None, Verdict.UNUSABLE),
        (3, 5, NEW, NAMED, None, Verdict.NEXT),
        (3, 5, NEW, SILENT, None, Verdict.NEXT),
        (3, 5, NEW, SILENT, 20, Verdict.NEXT),
        # repetitions
        (3, 5, PRECEDING, SILENT, 10, Verdict.END),
        (3, 5, PRECEDING, SILENT, None, Verdict.END),
        (2, 5, PRECEDING, SILENT, None, Verdict.SINGLE),
        (2, 5, PRECEDING, SILENT, 10, Verdict.SINGLE),
        (2, 5, PRECEDING, SILENT, 20, Verdict.LOOP),
        (3, 5, PRECEDING, SILENT, 20, Verdict.LOOP),
        (2, 5, PRECEDING, NAMED, None, Verdict.LOOP),
        (3, 5, PRECEDING, NAMED, None, Verdict.LOOP),
        (3, 5, PRECEDING, NAMED, 10, Verdict.END),
        (3, 5, EARLIER, SILENT, None, Verdict.LOOP),
        (3, 5, EARLIER, ENDED, 10, Verdict.LOOP),
    ],
)
def test_the_verdict_on_a_page(
    number: int, size: int, *, repetition: Repetition, following: NextPage, total: int | None, verdict: Verdict
) -> None:
    """Ten records came; ``total`` are announced."""
    assert judge_page(number, size, repetition, following, walked(10, total)) is verdict


@pytest.mark.parametrize("code", sorted(REFUSALS))
@pytest.mark.parametrize(
    ("facts", "end"),
    [
        (walked(had_next=True, last_next=ENDED, first_size=5, last_size=5), True),
        (walked(had_next=True, last_next=NAMED, first_size=5, last_size=5), False),
        (walked(10, 10, first_size=5, last_size=5), True),
        (walked(10, None, 2, first_size=5, last_size=5), True),
        (walked(first_size=5, last_size=4), True),
        (walked(10, 20, first_size=5, last_size=4), False),
        (walked(10, 20, first_size=5, last_size=4, is_estimate=True), True),
        (walked(first_size=5, last_size=5), False),
        (walked(first_size=5, last_size=None), False),
        (Walked(), False),
    ],
)
def test_a_refusal_is_the_end_after_a_page_that_looked_like_the_last(code: int, facts: Walked, *, end: bool) -> None:
    """The page before lacked the next link, reached the total, or was shorter than the first."""
    assert is_end(code, facts, no_list=False) is end


@pytest.mark.parametrize("code", [None, 401, 403, 405, 429, 500, 503])
def test_other_failures_are_no_end(code: int | None) -> None:
    """Missing access, refusals for speed and failures of the server say nothing about the end."""
    facts = walked(10, 10, had_next=True, last_next=ENDED, first_size=5, last_size=4)
    assert not is_end(code, facts, no_list=False)


def test_a_body_without_a_list_is_the_end_once_everything_came() -> None:
    """Some servers send a message after the last page."""
    assert is_end(200, walked(10, 10), no_list=True)
    assert not is_end(200, walked(10, 20), no_list=True)
    assert not is_end(200, walked(10, None, first_size=5, last_size=4), no_list=True)


def paged(query: Query, items: list[Any], size: int, **more: object) -> dict[str, Any]:
    start = int(query["offset"]) if "offset" in query else (int(query.get("page", 1)) - 1) * size
    return {"items": part(items, start, size), **more}


Answer = Callable[[Query, list[Any], int], httpx.Response]


def past(refusal: Callable[[Query, list[Any], int], httpx.Response], *, total: bool = False) -> Answer:
    """Answer by page or offset, and after the end as ``refusal`` does."""

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        body = paged(query, items, size, **({"total": len(items)} if total else {}))
        return ok(body) if body["items"] or not items else refusal(query, items, size)

    return server


def last_again(query: Query, items: list[Any], size: int) -> httpx.Response:
    return ok({"items": items[(len(items) - 1) // size * size :], "total": len(items)})


def status(code: int) -> Answer:
    return lambda query, items, size: reply(code, b'{"message": "no such page"}')


def result(outcome: Outcome) -> tuple[str, tuple[int, ...], int | None]:
    account = outcome.fetcher.result()
    return account.status, account.pages_missing, account.missing_from


COMPLETE = ("complete", (), None)

styles = pytest.mark.parametrize("paging", [PAGE, OFFSET, AUTO], ids=["page", "offset", "auto"])
virtual_time = pytest.mark.virtual_time


@virtual_time
@styles
@pytest.mark.parametrize("total", [False, True], ids=["nothing announced", "total announced"])
@pytest.mark.parametrize("count", [1, 5, 10, 13])
async def test_204_and_empty_lists_end_a_walk(paging: Paging, count: int, *, total: bool) -> None:
    """Both are the end, after a full last page and after a short one."""
    for answer in (lambda *_: reply(204), lambda *_: ok({"items": []})):
        outcome = await walk(Shop(past(answer, total=total), count, size=5), paging)
        assert (outcome.ids, result(outcome)) == (expected(count), COMPLETE)
        assert outcome.fetcher.result().failures == ()


@virtual_time
@styles
@pytest.mark.parametrize("code", sorted(REFUSALS))
@pytest.mark.parametrize(("count", "total"), [(13, False), (13, True), (15, True), (4, True)])
async def test_a_refusal_after_the_last_page_ends_a_walk(paging: Paging, code: int, count: int, *, total: bool) -> None:
    """It is no error, after a short page or the announced total."""
    outcome = await walk(Shop(past(status(code), total=total), count, size=5), paging)
    assert (outcome.ids, result(outcome)) == (expected(count), COMPLETE)
    account = outcome.fetcher.result()
    assert account.failures == ()
    assert account.requests <= account.pages_fetched + 2


@virtual_time
@styles
async def test_a_refusal_after_any_other_page_is_a_missing_page(paging: Paging) -> None:
    """With a full page before it and no total, more may follow."""
    shop = Shop(past(status(404)), 15, size=5)
    outcome = await walk(shop, paging)
    assert outcome.ids == expected(15)
    assert result(outcome)[0] == "partial"
    assert 4 in outcome.fetcher.result().pages_missing


@virtual_time
@styles
async def test_a_refused_page_in_the_middle_is_missing(paging: Paging) -> None:
    """The pages after it are fetched, and it alone is missing."""

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        body = paged(query, items, size, total=len(items))
        return reply(404) if body["items"][:1] == [{"id": "11"}] else ok(body)

    outcome = await walk(Shop(server, 23, size=5), paging)
    assert result(outcome) == ("partial", (3,), None)
    assert outcome.ids == [*expected(10), *(str(number) for number in range(16, 24))]


@virtual_time
@styles
@pytest.mark.parametrize("code", sorted(REFUSALS))
async def test_a_refused_page_in_the_middle_is_missing_although_99_percent_came(paging: Paging, code: int) -> None:
    """A page before one that arrived is not after the end."""

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        body = paged(query, items, size, total=len(items))
        return reply(code) if body["items"][:1] == [{"id": "11"}] else ok(body)

    assert result(await walk(Shop(server, 600, size=5), paging)) == ("partial", (3,), None)


@virtual_time
@pytest.mark.parametrize("paging", [PAGE, AUTO], ids=["page", "auto"])
@pytest.mark.parametrize("code", sorted(REFUSALS))
async def test_a_refusal_after_a_null_link_ends_a_walk(paging: Paging, code: int) -> None:
    """Django REST framework has a null link on its last page, and refuses the page after it."""

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        body = paged(query, items, size)
        number = int(query.get("page", 1))
        following = f"{HOME}&page={number + 1}" if number * size < len(items) else None
        return ok({**body, "next": following}) if body["items"] else reply(code)

    for count in (13, 15):
        outcome = await walk(Shop(server, count, size=5), paging)
        assert (outcome.ids, result(outcome)) == (expected(count), COMPLETE)
        assert outcome.fetcher.result().failures == ()


@virtual_time
@styles
async def test_an_empty_page_before_the_announced_end_is_asked_for_again(paging: Paging) -> None:
    """A page that is empty once is fetched at the end of the walk."""
    empty: list[int] = []

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        body = paged(query, items, size, total=len(items))
        if body["items"][:1] == [{"id": "11"}] and not empty:
            empty.append(1)
            body["items"] = []
        return ok(body)

    outcome = await walk(Shop(server, 23, size=5), paging)
    assert (outcome.ids, result(outcome)) == (expected(23), COMPLETE)


@virtual_time
@styles
async def test_a_shortfall_of_more_than_1_percent_is_partial(paging: Paging) -> None:
    """The API announced 100 records, and 30 came: the rest is unknown."""

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        return ok(paged(query, items[:30], size, total=100))

    outcome = await walk(Shop(server, 100, size=10), paging)
    account = outcome.fetcher.result()
    assert outcome.ids == expected(30)
    assert account.status == "partial"
    assert "100 records announced, 30 received" in account.failures[-1].error


@virtual_time
@pytest.mark.parametrize("paging", [CURSOR, NEXT_URL, AUTO], ids=["cursor", "next_url", "auto"])
async def test_a_shortfall_after_a_null_link_is_partial(paging: Paging) -> None:
    """A null link is no proof that everything came."""

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        start = int(query.get("cursor", 0))
        following = str(start + size) if start + size < 30 else None
        link = f"{HOME}&cursor={following}" if following else None
        return ok({"items": part(items, start, size), "total": 100, "next_cursor": following, "next_url": link})

    outcome = await walk(Shop(server, 100, size=10), paging)
    account = outcome.fetcher.result()
    assert (outcome.ids, account.status) == (expected(30), "partial")
    assert account.missing_from is not None or account.pages_missing
    assert "100 records announced, 30 received" in account.failures[-1].error


@virtual_time
@styles
@pytest.mark.parametrize(("total", "status_of"), [(202, "complete"), (203, "partial")])
async def test_a_shortfall_of_up_to_1_percent_is_complete(paging: Paging, total: int, status_of: str) -> None:
    """Catalogues change during a walk: 200 of 202 records are enough, 200 of 203 are not."""

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        return ok(paged(query, items, size, total=total))

    outcome = await walk(Shop(server, 200, size=50), paging)
    assert (outcome.ids, outcome.fetcher.result().status) == (expected(200), status_of)


@virtual_time
@pytest.mark.parametrize("style", [PagingStyle.PAGE, PagingStyle.OFFSET, PagingStyle.AUTO])
async def test_an_estimated_total_does_not_decide(style: PagingStyle) -> None:
    """With ``total_is_estimate``, 30 of 100 records are complete."""

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        return ok(paged(query, items[:30], size, total=100))

    outcome = await walk(Shop(server, 100, size=10), Paging(style=style, total_is_estimate=True))
    assert (outcome.ids, result(outcome)) == (expected(30), COMPLETE)


@virtual_time
@pytest.mark.parametrize("total", [None, 100])
@pytest.mark.parametrize("paging", [CURSOR, NEXT_URL, AUTO], ids=["cursor", "next_url", "auto"])
async def test_an_estimated_total_does_not_decide_in_a_chain(paging: Paging, total: int | None) -> None:
    """The chain ends where its link ends."""

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        start = int(query.get("cursor", 0))
        following = str(start + size) if start + size < 30 else None
        link = f"{HOME}&cursor={following}" if following else None
        return ok({"items": part(items, start, size), "total": total, "next_cursor": following, "next_url": link})

    how = msgspec.structs.replace(paging, total_is_estimate=True)
    outcome = await walk(Shop(server, 100, size=10), how)
    assert (outcome.ids, result(outcome)) == (expected(30), COMPLETE)


MISSING = "missing"


@virtual_time
@pytest.mark.parametrize("how", ["described", "auto"])
@pytest.mark.parametrize("key", ["next", "next_cursor", "links"])
@pytest.mark.parametrize("end", [None, "", MISSING, "itself"])
async def test_a_next_link_that_ends_ends_a_walk(how: str, key: str, end: str | None) -> None:
    """A link or cursor that is null, empty, missing, or leads to the page itself is the end."""

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        start = int(query.get("cursor", 0))
        is_cursor = key == "next_cursor"
        link = lambda at: str(at) if is_cursor else f"{HOME}&cursor={at}"  # noqa: E731
        following = link(start + size) if start + size < len(items) else (link(start) if end == "itself" else end)
        named: dict[str, object] = {} if following == MISSING else {key: following}
        if key == "links":
            others = [{"rel": "self", "href": HOME}]
            named = {"links": [*others, {"rel": "next", "href": following}] if following != MISSING else others}
        return ok({"items": part(items, start, size), **named})

    style = PagingStyle.CURSOR if key == "next_cursor" else PagingStyle.NEXT_URL
    outcome = await walk(Shop(server, 13, size=5), Paging(style=style) if how == "described" else AUTO)
    assert (outcome.ids, result(outcome)) == (expected(13), COMPLETE)
    assert outcome.fetcher.result().requests == 3


@virtual_time
@pytest.mark.parametrize("paging", [LINK, AUTO], ids=["link_header", "auto"])
async def test_a_link_header_that_is_missing_ends_a_walk(paging: Paging) -> None:
    """The last page has no link to the next one."""

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        start = int(query.get("token", 0))
        links = {"Link": f'<{HOME}&token={start + size}>; rel="next"'} if start + size < len(items) else {}
        return reply(200, msgspec.json.encode(part(items, start, size)), **links)

    outcome = await walk(Shop(server, 15, size=5), paging)
    assert (outcome.ids, result(outcome)) == (expected(15), COMPLETE)
    assert outcome.fetcher.result().requests == 3


@virtual_time
@styles
@pytest.mark.parametrize(
    ("key", "values"), [("has_more", (True, False)), ("hasNextPage", (True, False)), ("last", (False, True))]
)
async def test_a_flag_that_says_no_more_ends_a_walk(paging: Paging, key: str, values: tuple[bool, bool]) -> None:
    """No request is spent on the page after it."""

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        body = paged(query, items, size)
        return ok({**body, key: values[body["items"][-1:] == items[-1:]]})

    outcome = await walk(Shop(server, 15, size=5), paging)
    assert (outcome.ids, result(outcome)) == (expected(15), COMPLETE)
    assert outcome.fetcher.result().requests <= 3 + (paging is AUTO) * 2


@virtual_time
@pytest.mark.parametrize("reference", ["http://[bad]/", "//[", "ftp://shop.test/p", "mailto:a/b"])
@pytest.mark.parametrize("paging", [NEXT_URL, AUTO], ids=["next_url", "auto"])
async def test_a_link_that_is_not_a_usable_url_is_partial(paging: Paging, reference: str) -> None:
    """The rest is unknown, and the error says why."""
    shop = Shop(lambda query, items, size: ok({"items": items[:size], "next_url": reference}), 15, size=5)
    outcome = await walk(shop, paging)
    assert (outcome.ids, result(outcome)) == (expected(5), ("partial", (2,), 2))
    assert "not a usable URL" in outcome.fetcher.result().failures[-1].error


@virtual_time
@pytest.mark.parametrize("paging", [LINK, AUTO], ids=["link_header", "auto"])
async def test_a_link_header_that_is_not_a_usable_url_is_partial(paging: Paging) -> None:
    """As in the body."""

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        return reply(200, msgspec.json.encode(items[:size]), Link='<http://[bad]/>; rel="next"')

    outcome = await walk(Shop(server, 15, size=5), paging)
    assert (outcome.ids, result(outcome)) == (expected(5), ("partial", (2,), 2))


@virtual_time
@pytest.mark.parametrize("paging", [NEXT_URL, AUTO], ids=["next_url", "auto"])
async def test_a_link_to_a_host_that_may_not_be_asked_is_partial(paging: Paging) -> None:
    """Another host is asked only if `allow_hosts` names it."""
    link = "http://elsewhere.test/api/products?lang=en&after=5"
    shop = Shop(lambda query, items, size: ok({"items": items[:size], "next_url": link}), 15, size=5)
    outcome = await walk(shop, paging)
    assert (outcome.ids, result(outcome)) == (expected(5), ("partial", (2,), 2))


@virtual_time
@styles
async def test_a_body_without_a_list_ends_a_walk_once_everything_came(paging: Paging) -> None:
    """A message instead of records after the last page is no error."""
    sorry = {"message": "no more records"}
    outcome = await walk(Shop(past(lambda *_: ok(sorry), total=True), 15, size=5), paging)
    assert (outcome.ids, result(outcome)) == (expected(15), COMPLETE)
    assert outcome.fetcher.result().failures == ()


@virtual_time
@styles
@pytest.mark.parametrize("count", [3, 13, 15])
async def test_the_last_page_again_ends_a_walk(paging: Paging, count: int) -> None:
    """It is the end once everything announced came, and its records do not count again."""
    outcome = await walk(Shop(past(last_again, total=True), count, size=5), paging)
    assert (outcome.ids, result(outcome)) == (expected(count), COMPLETE)


@virtual_time
@styles
async def test_the_preceding_page_again_ends_a_walk_with_nothing_announced(paging: Paging) -> None:
    """A server that repeats its last page for ever has no other."""
    again = lambda query, items, size: ok({"items": items[10:]})  # noqa: E731
    outcome = await walk(Shop(past(again), 13, size=5), paging)
    assert (outcome.ids, result(outcome)) == (expected(13), COMPLETE)


@virtual_time
@styles
@pytest.mark.parametrize("total", [{}, {"total": 15}], ids=["nothing announced", "total announced"])
async def test_page_2_equal_to_page_1_is_complete_with_one_page(paging: Paging, total: dict[str, int]) -> None:
    """An API that ignores the page has one, and a line of the log names the setting that saves the request."""
    log: list[str] = []
    logger.enable("pipeline")
    logger.add(log.append)
    shop = Shop(lambda query, items, size: ok({"items": items, **total}), 15, size=5)
    outcome = await walk(shop, paging)
    assert (outcome.ids, result(outcome)) == (expected(15), COMPLETE)
    assert outcome.fetcher.result().requests == 2
    assert "set `paging: none`" in "".join(log)


@virtual_time
@styles
async def test_page_2_equal_to_page_1_is_a_loop_if_more_is_announced(paging: Paging) -> None:
    """The records that were announced are missing."""
    shop = Shop(lambda query, items, size: ok({"items": items[:size], "total": len(items)}), 15, size=5)
    outcome = await walk(shop, paging)
    account = outcome.fetcher.result()
    assert (account.status, account.pages_fetched) == ("partial", 1)
    assert account.pages_missing[0] == 2


@virtual_time
@styles
@pytest.mark.parametrize("more", [{"has_more": True}, {"last": False}, {"next": 2}, {"next_page": 2}])
async def test_page_2_equal_to_page_1_is_partial_if_page_1_says_that_more_follow(
    paging: Paging, more: dict[str, object]
) -> None:
    """A flag or a number of the next page says that there is more, even if nothing is announced."""
    shop = Shop(lambda query, items, size: ok({"items": items[:size], **more}), 15, size=5)
    outcome = await walk(shop, paging)
    account = outcome.fetcher.result()
    assert (account.status, account.pages_fetched, account.missing_from) == ("partial", 1, 2)


@virtual_time
@pytest.mark.parametrize("flag", [("has_more", True), ("last", False)])
async def test_a_flag_that_says_more_leads_to_offsets(flag: tuple[str, bool]) -> None:
    """With ``auto``, an API that ignores ``page`` and says that more follow is read by ``offset``."""
    key, value = flag

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        start = int(query.get("offset", 0))
        return ok({"items": part(items, start, size), key: value if start + size < len(items) else not value})

    outcome = await walk(Shop(server, 15, size=5), AUTO)
    assert (outcome.ids, result(outcome)) == (expected(15), COMPLETE)
    assert outcome.fetcher.result().requests == 4


@virtual_time
@styles
async def test_an_earlier_page_again_is_a_loop(paging: Paging) -> None:
    """A server that begins again after page 2 hides the rest."""

    def server(query: Query, items: list[Any], size: int) -> httpx.Response:
        body = paged(query, items, size)
        return ok(body if body["items"] and body["items"][0]["id"] != "11" else {"items": items[:size]})

    outcome = await walk(Shop(server, 23, size=5), paging)
    account = outcome.fetcher.result()
    assert (account.status, account.pages_fetched, account.missing_from) == ("partial", 2, 3)
    assert "repeats an earlier one" in account.failures[-1].error
