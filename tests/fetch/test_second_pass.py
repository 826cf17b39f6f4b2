"""Pages that were given up, and pages of an earlier run: what a walk asks for once more, and what never."""

from collections.abc import Callable

import httpx
import pytest
from helpers.support import NO_LIMIT, FakeApi, actions, forever, reply, walk

from pipeline.model.pages import Progress

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        (lambda: reply(404), 404, "HTTP 404"),
        (lambda: reply(301, Location="http://other.test/new"), 301, "allow_hosts"),
        (lambda: reply(200, b'[{"id": 1}'), None, "malformed JSON"),
        (lambda: reply(200, b"<html>busy</html>"), None, "HTML"),
        (lambda: reply(200, b"17"), None, "bare JSON value"),
    ],
)
async def test_permanent_failure_skips_the_page_alone(
    answer: Callable[[], httpx.Response], code: int | None, text: str
) -> None:
    """What a retry would repeat is put off, the next page comes, and at the end it is tried once more."""
    api = FakeApi(pages=3, script={2: forever(answer)})
    fetcher, pages = await walk(api, rate_limit=NO_LIMIT)
    account = fetcher.result()
    assert [page.number for page in pages] == [1, 3]
    assert (account.status, account.pages_missing, account.missing_from) == ("partial", (2,), None)
    assert [page for _, page in api.asked] == [1, 2, 3, 4, 2]
    assert actions(account) == [(2, code, "retry"), (2, code, "skip")]
    assert text in account.failures[1].error


async def test_a_page_that_was_put_off_may_come_in_the_second_pass() -> None:
    """A page that was malformed once is fetched at the end of the walk: nothing is missing."""
    api = FakeApi(pages=3, script={2: [reply(200, b"[{")]})
    fetcher, pages = await walk(api, rate_limit=NO_LIMIT)
    account = fetcher.result()
    assert [page.number for page in pages] == [1, 3, 2]
    assert (account.status, account.pages_fetched, account.pages_missing) == ("complete", 3, ())
    assert actions(account) == [(2, None, "retry")]


async def test_a_page_put_off_is_missing_when_the_walk_is_cut_off() -> None:
    """The second pass needs time: when there is none left, the page is listed with its own reason."""
    api = FakeApi(pages=9, script={2: forever(lambda: reply(404)), 4: [100.0]})
    fetcher, _ = await walk(api, timeout=10, rate_limit=NO_LIMIT)
    fetcher.interrupt("deadline", "time is over")
    account = fetcher.result()
    assert (account.pages_missing, account.missing_from) == ((2, 4), 4)
    assert actions(account) == [(2, 404, "retry"), (2, 404, "skip"), (4, None, "deadline")]


async def test_pages_of_an_earlier_run_are_not_asked_for_again() -> None:
    """Told what it has and where the end is, a walk asks for what is missing and nothing else."""
    api = FakeApi(pages=9)
    fetcher, pages = await walk(api, resumed=Progress(frozenset({1, 2, 4, 7}), end=8))
    assert [page.number for page in pages] == [3, 5, 6]
    assert [page for _, page in api.asked] == [3, 5, 6]
    assert (fetcher.result().status, fetcher.result().pages_fetched) == ("complete", 7)


async def test_without_a_known_end_the_walk_goes_on_behind_what_it_has() -> None:
    """Where an earlier run did not see the end, the walk fills the holes and finds it."""
    api = FakeApi(pages=5)
    await walk(api, resumed=Progress(frozenset({1, 3})))
    assert [page for _, page in api.asked] == [2, 4, 5, 6]


async def test_nothing_is_asked_where_nothing_is_missing() -> None:
    """An endpoint that an earlier run has fetched to its end is complete without a request."""
    api = FakeApi(pages=2)
    fetcher, _ = await walk(api, resumed=Progress(frozenset({1, 2}), end=3))
    assert api.asked == []
    assert fetcher.result().status == "complete"


async def test_too_many_skips_in_a_row_end_the_walk() -> None:
    """An endpoint that answers 404 to everything is asked three times, not until the deadline."""
    api = FakeApi(script={page: forever(lambda: reply(404)) for page in range(1, 100)})
    fetcher, _ = await walk(api, rate_limit=NO_LIMIT)
    account = fetcher.result()
    assert len(api.asked) == 3
    assert (account.status, account.pages_missing, account.missing_from) == ("failed", (1, 2, 3), 3)


async def test_cut_off_in_the_second_pass_only_what_was_put_off_is_missing() -> None:
    """Once the end was seen nothing is unknown: the pages put off are missing, and no other."""
    api = FakeApi(pages=6, script={2: [reply(404), 100.0], 4: [reply(404)]})
    fetcher, pages = await walk(api, timeout=10, rate_limit=NO_LIMIT)
    fetcher.interrupt("deadline", "time is over")
    account = fetcher.result()
    assert [page.number for page in pages] == [1, 3, 5, 6]
    assert (account.pages_missing, account.missing_from, account.status) == ((2, 4), None, "partial")


async def test_cut_off_where_the_end_is_known_the_missing_pages_are_known() -> None:
    """A resumed walk that knows its end lists what is still missing when it is cut off again."""
    api = FakeApi(pages=6, script={3: [100.0]})
    resumed = Progress(frozenset({1, 4}), end=7)
    fetcher, pages = await walk(api, timeout=10, resumed=resumed, rate_limit=NO_LIMIT)
    fetcher.interrupt("deadline", "time is over")
    account = fetcher.result()
    assert [page.number for page in pages] == [2]
    assert (account.pages_missing, account.missing_from, account.pages_fetched) == ((3, 5, 6), None, 3)
