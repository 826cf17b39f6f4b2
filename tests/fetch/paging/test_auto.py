"""``paging: auto``: the URL as written first, wrong guesses without failures, and the whole walk whatever happens."""

from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
import trio
from helpers.shops import Query, Shop, part
from helpers.support import ok, reply
from helpers.walking import Outcome, expected, walk
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from pipeline.config.endpoint import RateLimit
from pipeline.config.source import Paging, PagingStyle
from pipeline.model.summary import FetchResult

AUTO = Paging()
virtual_time = pytest.mark.virtual_time

Answer = Callable[[Query, list[Any], int], httpx.Response]

# The answers to a parameter that the API does not know.
WRONG: dict[str, Answer] = {
    "empty": lambda query, items, size: ok({"items": []}),
    "204": lambda query, items, size: reply(204),
    "no list": lambda query, items, size: ok({"message": "unknown parameter"}),
    **{
        str(code): lambda query, items, size, code=code: reply(code, b'{"message": "unknown parameter"}')
        for code in (400, 404, 410, 416, 422)
    },
}


def only(answer: Answer, wrong: Answer, *known: str) -> Answer:
    """Return the answers of an API that knows some parameters, and answers all others with ``wrong``."""
    return lambda query, items, size: (wrong if query.keys() - {"lang", *known} else answer)(query, items, size)


def parameters(shop: Shop) -> list[Query]:
    return [{key: value for key, value in query.items() if key != "lang"} for query in shop.asked]


def account(outcome: Outcome) -> FetchResult:
    return outcome.fetcher.result()


@virtual_time
@pytest.mark.parametrize("count", [0, 1, 5, 13])
async def test_the_first_request_is_the_url_as_written(count: int) -> None:
    """No parameter is added to a URL that works."""
    shop = Shop(lambda query, items, size: ok(items), count, size=5)
    await walk(shop, AUTO)
    assert parameters(shop)[0] == {}


@virtual_time
@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_guess_is_no_failure(wrong: str) -> None:
    """The URL as written is the first page, and all there is; the account has neither failure nor gap."""
    shop = Shop(only(lambda query, items, size: ok({"items": items}), WRONG[wrong]), 13, size=5)
    outcome = await walk(shop, AUTO)
    done = account(outcome)
    assert (outcome.ids, done.status, done.pages_fetched) == (expected(13), "complete", 1)
    assert (done.failures, done.gaps, done.pages_missing) == ((), [], ())
    assert parameters(shop) == [{}, {"page": "2"}, {"page": "2"}]


@virtual_time
@pytest.mark.parametrize("wrong", WRONG)
async def test_offsets_are_tried_if_more_is_announced(wrong: str) -> None:
    """The second guess brings new records, so it is the style."""

    def by_offset(query: Query, items: list[Any], size: int) -> httpx.Response:
        return ok({"items": part(items, int(query.get("offset", 0)), size), "total": len(items)})

    shop = Shop(only(by_offset, WRONG[wrong], "offset"), 13, size=5)
    outcome = await walk(shop, AUTO)
    assert (outcome.ids, account(outcome).status, account(outcome).failures) == (expected(13), "complete", ())
    assert parameters(shop)[:4] == [{}, {"page": "2"}, {"offset": "5"}, {"offset": "10"}]
    assert outcome.progress.profile is not None
    assert outcome.progress.profile.paging == Paging(style=PagingStyle.OFFSET, parameter="offset")


@virtual_time
async def test_page_numbers_are_tried_if_more_is_announced() -> None:
    """The first guess brings new records, so no other is tried."""

    def by_page(query: Query, items: list[Any], size: int) -> httpx.Response:
        return ok({"items": part(items, (int(query.get("page", 1)) - 1) * size, size), "total": len(items)})

    shop = Shop(by_page, 13, size=5)
    outcome = await walk(shop, AUTO)
    assert (outcome.ids, account(outcome).status) == (expected(13), "complete")
    assert parameters(shop)[:3] == [{}, {"page": "2"}, {"page": "3"}]


@virtual_time
@pytest.mark.parametrize("wrong", [*WRONG, "page 1 again"])
async def test_if_no_guess_brings_more_the_rest_is_missing(wrong: str) -> None:
    """More is announced, and the API takes neither parameter: partial, with the numbers and a remedy."""
    first_page = lambda query, items, size: ok({"items": items[:size], "total": len(items)})  # noqa: E731
    shop = Shop(only(first_page, WRONG.get(wrong, first_page)), 13, size=5)
    outcome = await walk(shop, AUTO)
    done = account(outcome)
    assert (outcome.ids, done.status, done.pages_fetched, done.missing_from) == (expected(5), "partial", 1, 2)
    assert [failure.error for failure in done.failures] == [
        "13 records announced, 5 received; describe how to get the others with `paging`"
    ]
    assert parameters(shop) == [{}, {"page": "2"}, {"offset": "5"}]


@virtual_time
@pytest.mark.parametrize("wrong", WRONG)
async def test_an_estimated_total_needs_no_second_guess(wrong: str) -> None:
    """An estimate does not decide, so the URL as written may be all there is; only the first guess is repeated."""
    first_page = lambda query, items, size: ok({"items": items, "total": 99})  # noqa: E731
    shop = Shop(only(first_page, WRONG[wrong]), 13, size=5)
    outcome = await walk(shop, Paging(total_is_estimate=True))
    assert (outcome.ids, account(outcome).status) == (expected(13), "complete")
    assert parameters(shop) == [{}, {"page": "2"}, {"page": "2"}]


@virtual_time
@pytest.mark.parametrize("code", [401, 403, 405])
async def test_other_failures_of_a_guess_are_failures(code: int) -> None:
    """Missing access does not show that the guess is wrong."""

    def by_page(query: Query, items: list[Any], size: int) -> httpx.Response:
        number = int(query.get("page", 1))
        return reply(code) if number == 2 else ok(part(items, (number - 1) * size, size))

    outcome = await walk(Shop(by_page, 23, size=5), AUTO)
    done = account(outcome)
    assert (done.status, done.pages_missing, done.pages_fetched) == ("partial", (2,), 4)
    assert outcome.ids == [*expected(5), *(str(number) for number in range(11, 24))]


@virtual_time
async def test_a_first_page_that_fails_is_asked_for_again() -> None:
    """The walk begins once the URL as written answers."""
    by_page = lambda query, items, size: ok(part(items, (int(query.get("page", 1)) - 1) * size, size))  # noqa: E731
    healed = await walk(Shop(by_page, 13, size=5, broken=frozenset({1})), AUTO)
    assert (healed.ids, account(healed).status) == (expected(13), "complete")
    broken = await walk(Shop(by_page, 13, size=5, broken=frozenset({1, 2})), AUTO)
    assert (broken.ids, account(broken).status, account(broken).missing_from) == ([], "failed", 1)


@virtual_time
async def test_the_profile_is_kept_once_the_style_is_certain() -> None:
    """A guess is not journaled: only the page that proves it makes it certain."""

    def by_page(query: Query, items: list[Any], size: int) -> httpx.Response:
        return ok(part(items, (int(query.get("page", 1)) - 1) * size, size))

    cut = await walk(Shop(by_page, 13, size=5), AUTO, timeout=1.5)
    assert (cut.ids, cut.progress.profile) == (expected(5), None)
    proved = await walk(Shop(by_page, 13, size=5), AUTO, timeout=2.5)
    assert proved.progress.profile is not None
    assert (proved.progress.profile.paging.style, proved.progress.profile.as_written) == (PagingStyle.PAGE, True)


# How an API pages, how a response says so, and the styles that describe it.
WAYS = {
    "page": (Paging(style=PagingStyle.PAGE), "page"),
    "offset": (Paging(style=PagingStyle.OFFSET), "offset"),
    "cursor": (Paging(style=PagingStyle.CURSOR), "cursor"),
    "next_url": (Paging(style=PagingStyle.NEXT_URL), "token"),
    "link_header": (Paging(style=PagingStyle.LINK_HEADER), "token"),
}


class Flaky(Shop):
    """A shop in one of the ways; requests by their count may fail once with a status, and totals may be announced."""

    def __init__(
        self, way: str, items: int, size: int, failures: dict[int, int], *, announces: bool, past_end: str
    ) -> None:
        super().__init__(self.answer, items, size)
        self.way, self.failures, self.announces, self.past_end = way, failures, announces, past_end

    def answer(self, query: Query, items: list[Any], size: int) -> httpx.Response:
        if status := self.failures.get(len(self.asked)):
            return reply(status)
        parameter = WAYS[self.way][1]
        start = int(query.get(parameter, self.way == "page"))
        start = (start - 1) * size if self.way == "page" else start
        found = part(items, start, size)
        if not found and items and self.past_end != "empty":
            if self.past_end == "404":
                return reply(404)
            found = items[(len(items) - 1) // size * size :]
        body: dict[str, Any] = {"items": found}
        if self.announces:
            body["total"] = len(items)
        following = str(start + size) if start + size < len(items) else None
        if self.way == "cursor":
            body["next_cursor"] = following
        link = None if following is None else f"/api/products?lang=en&token={following}"
        if self.way == "next_url":
            body["next"] = link
        headers = {"Link": f'<{link}>; rel="next"'} if self.way == "link_header" and link else {}
        return reply(200, msgspec.json.encode(body), **headers)


@given(
    way=st.sampled_from(sorted(WAYS)),
    count=st.integers(0, 30),
    size=st.integers(1, 6),
    failures=st.dictionaries(st.integers(1, 12), st.sampled_from([404, 500, 403, 422]), max_size=3),
    is_described=st.booleans(),
    announces=st.booleans(),
    past_end=st.sampled_from(["empty", "404", "last"]),
    concurrency=st.sampled_from([1, 2, 8]),
)
def test_a_complete_walk_has_all_records(
    *,
    way: str,
    count: int,
    size: int,
    failures: dict[int, int],
    is_described: bool,
    announces: bool,
    past_end: str,
    concurrency: int,
) -> None:
    """Whatever fails: each page is fetched or missing, never both, and a complete walk has lost no record.

    Nothing reveals an API that takes offsets and says nothing, so that such a one announces its total here. Without a
    total, a refusal of the first guess is the end, so that the guess meets other failures only.
    """
    announces |= way == "offset" and not is_described
    if way == "page" and not is_described and not announces:
        failures = {request: 403 if request <= 5 else code for request, code in failures.items()}

    async def main() -> tuple[Outcome, FetchResult]:
        shop = Flaky(way, count, size, failures, announces=announces, past_end=past_end)
        limit = RateLimit(rps=0, concurrency=concurrency)
        outcome = await walk(shop, WAYS[way][0] if is_described else AUTO, rate_limit=limit)
        return outcome, outcome.fetcher.result()

    outcome, done = trio.run(main, clock=MockClock(autojump_threshold=0))
    assert not outcome.pages.keys() & set(done.pages_missing)
    assert set(outcome.ids) <= set(expected(count))
    if done.status == "complete":
        assert set(outcome.ids) == set(expected(count))
        assert (done.pages_missing, done.missing_from) == ((), None)
    elif done.missing_from is None:
        lost = {number for page in done.pages_missing for number in range((page - 1) * size + 1, page * size + 1)}
        assert set(expected(count)) <= {*outcome.ids, *map(str, lost)}


@given(
    way=st.sampled_from(sorted(WAYS)),
    count=st.integers(0, 30),
    size=st.integers(1, 6),
    cut=st.floats(0, 12),
    is_described=st.booleans(),
    announces=st.booleans(),
    past_end=st.sampled_from(["empty", "404", "last"]),
    concurrency=st.sampled_from([1, 2, 8]),
)
def test_a_walk_that_was_cut_off_anywhere_is_completed_by_the_next_one(
    *,
    way: str,
    count: int,
    size: int,
    cut: float,
    is_described: bool,
    announces: bool,
    past_end: str,
    concurrency: int,
) -> None:
    """The next run continues from the journal, or begins again, and both together have all records once."""
    announces |= way == "offset" and not is_described
    announces |= past_end == "404"  # without a total, a refusal after a full page is a missing page
    paging, limit = WAYS[way][0] if is_described else AUTO, RateLimit(rps=0, concurrency=concurrency)

    async def main() -> tuple[Outcome, Outcome, FetchResult]:
        shops = [Flaky(way, count, size, {}, announces=announces, past_end=past_end) for _ in range(2)]
        first = await walk(shops[0], paging, timeout=cut + 0.5, rate_limit=limit)
        second = await walk(shops[1], paging, resumed=first.progress, rate_limit=limit)
        return first, second, second.fetcher.result()

    first, second, done = trio.run(main, clock=MockClock(autojump_threshold=0))
    assert done.status == "complete"
    both = sorted({**first.pages, **second.pages}.items())
    assert [one for _, ids in both for one in ids] == expected(count)
