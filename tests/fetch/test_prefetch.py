"""Pages in flight: several at once, taken in their order, and nothing lost, wasted or sent too fast by it."""

import math
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

import httpx
import pytest
import trio
from helpers.enforcing import EnforcingApi
from helpers.support import FakeApi, actions, endpoint, ok, records, reply, walk
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from pipeline.config.endpoint import RateLimit
from pipeline.config.source import Paging, PagingStyle

LIMIT = RateLimit(rps=5, burst=5)

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(("latency", "within"), [(0.05, 1.01), (0.3, 1.01), (1.0, 1.01)])
async def test_a_slow_api_is_walked_at_its_rate(latency: float, within: float) -> None:
    """Forty pages and the one that shows the end, at 5 a second and 5 at once, take no longer than those allow."""
    api = EnforcingApi(40, [latency], total=True)
    fetcher, pages = await walk(api, rate_limit=LIMIT)
    bound = (41 - 5) / 5 + latency
    assert trio.current_time() <= bound * within
    assert (api.refused, fetcher.result().status) == (0, "complete")
    assert [page.number for page in pages] == list(range(1, 41))


@pytest.mark.parametrize("latency", [0.05, 0.3, 1.0])
async def test_detecting_the_paging_costs_at_most_one_latency(latency: float) -> None:
    """With `auto`, the first response decides about the requests after it; the rest keeps the rate."""
    api = EnforcingApi(40, [latency], total=True)
    fetcher, pages = await walk(api, rate_limit=LIMIT, paging=Paging())
    bound = (41 - 5) / 5 + latency
    assert trio.current_time() <= bound * 1.05 + latency
    assert (api.refused, fetcher.result().status, len(pages)) == (0, "complete", 40)


async def test_one_by_one_is_what_it_says() -> None:
    """With a concurrency of 1 no request is made before the one before it is answered."""
    api = EnforcingApi(6, [0.5])
    _, pages = await walk(api, rate_limit=RateLimit(concurrency=1))
    assert (api.most_under_way, len(pages), len(api.asked)) == (1, 6, 7)


@pytest.mark.parametrize("concurrency", [2, 3, 8])
async def test_no_more_than_the_concurrency_is_under_way(concurrency: int) -> None:
    """However slow the API is."""
    api = EnforcingApi(30, [9.0], rate=100, burst=100)
    _, pages = await walk(api, rate_limit=RateLimit(rps=50, burst=50, concurrency=concurrency))
    assert (api.most_under_way, len(pages)) == (concurrency, 30)


async def test_behind_an_unknown_end_no_more_than_a_window_is_asked() -> None:
    """What was asked for in vain is cancelled when the end comes."""
    api = EnforcingApi(10, [1.0])
    fetcher, pages = await walk(api, rate_limit=LIMIT)
    assert len(pages) == 10
    assert max(page for _, page in api.asked) <= 10 + LIMIT.concurrency
    assert fetcher.result().status == "complete"


async def test_behind_an_announced_end_one_page_is_asked() -> None:
    """The one that shows that this is the end; where it is not, the rest comes all the same."""
    api = EnforcingApi(12, [1.0], total=True)
    _, pages = await walk(api, rate_limit=LIMIT)
    assert sorted(page for _, page in api.asked) == list(range(1, 14))
    assert len(pages) == 12

    class Modest(EnforcingApi):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await super().handle_async_request(request)
            page = int(request.url.params["page"])
            return ok({"items": records(page) if page <= 12 else [], "total_pages": 5})

    fetcher, pages = await walk(Modest(12, [1.0]), rate_limit=LIMIT)
    assert (len(pages), fetcher.result().status) == (12, "complete")


async def test_pages_are_taken_in_their_order_whenever_they_come() -> None:
    """The first to arrive is not the first to be sent."""
    api = EnforcingApi(20, [3.0, 0.1, 1.0, 0.1, 2.0, 0.3])
    fetcher, pages = await walk(api, rate_limit=LIMIT)
    assert [page.number for page in pages] == list(range(1, 21))
    assert fetcher.result().gaps == []


@pytest.mark.parametrize("timeout", [2.6, 3.3, 4.0, 5.5])
async def test_what_arrived_before_its_turn_is_kept_when_the_walk_is_cut_off(timeout: float) -> None:
    """Page 4 hangs while others come: at the deadline those are sent, and what is missing is told exactly."""
    api = FakeApi(30, script={4: [1000.0] * 9}, latency=0.5)
    fetcher, pages = await walk(api, timeout=timeout, rate_limit=LIMIT)
    fetcher.interrupt("deadline", "the timeout is over")
    account = fetcher.result()
    came = [page.number for page in pages]
    assert 5 in came
    assert account.pages_fetched == len(came)
    assert account.pages_missing == tuple(sorted({*range(1, max(came) + 1)} - set(came) | {max(came) + 1}))
    assert account.missing_from == max(came) + 1
    assert account.status == "partial"


async def test_what_is_on_its_way_when_the_endpoint_is_lost_is_waited_for() -> None:
    """A page that cannot be retried before the deadline ends the walk, but not the requests beside it."""
    api = FakeApi(30, script={3: [reply(429, Retry_After="500")]}, latency=1.0)
    fetcher, pages = await walk(api, timeout=100, rate_limit=LIMIT)
    came = {page.number for page in pages}
    assert {1, 2, 4, 5} <= came
    assert 3 not in came
    account = fetcher.result()
    assert account.pages_missing[0] == 3
    assert account.missing_from == max(came) + 1


async def test_a_page_that_fails_holds_up_no_other() -> None:
    """It is tried again and put off, and the others come meanwhile; then it gets its second chance."""
    api = FakeApi(12, script={3: [reply(404), reply(404)], 5: [reply(500)]}, latency=1.0)
    fetcher, pages = await walk(api, rate_limit=LIMIT)
    assert sorted(page.number for page in pages) == [1, 2, *range(4, 13)]
    assert fetcher.result().pages_missing == (3,)


async def test_three_failures_in_a_row_of_one_page_open_the_circuit_whatever_goes_well_beside_it() -> None:
    """An outage is found at once, and its end, too: nothing is lost."""
    api = FakeApi(12, script={5: [reply(503)] * 3}, latency=1.0)
    fetcher, pages = await walk(api, rate_limit=LIMIT)
    assert len(pages) == 12
    assert [action for _, _, action in actions(fetcher.result())] == ["retry", "retry", "circuit_break"]


async def test_an_outage_of_all_pages_opens_the_circuit_once() -> None:
    """What fails because it was under way when the circuit opened is news from before, and costs no try."""
    api = FakeApi(20, script={page: [reply(503)] for page in range(6, 12)}, latency=1.0)
    fetcher, pages = await walk(api, rate_limit=LIMIT)
    assert len(pages) == 20
    told = [action for _, _, action in actions(fetcher.result())]
    assert told.count("circuit_break") == 1
    assert set(told) == {"retry", "circuit_break"}


async def test_an_outage_is_probed_by_one_request_at_a_time() -> None:
    """While the circuit is half open, the pages that wait for it do not all try their luck."""
    api = EnforcingApi(20, [1.0])
    ill_from, ill_to = 3.0, 40.0
    asked: list[float] = []

    class Ill(EnforcingApi):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if ill_from <= trio.current_time() < ill_to:
                asked.append(trio.current_time())
                await trio.sleep(0.5)
                return reply(503)
            return await super().handle_async_request(request)

    api = Ill(20, [1.0])
    fetcher, pages = await walk(api, rate_limit=LIMIT, breaker=endpoint().breaker.__class__(max_probes=9))
    assert len(pages) == 20
    probes = [moment for moment in asked if moment > min(asked) + 10]
    assert all(after - before >= 15 for before, after in pairwise(probes))
    assert fetcher.result().status == "complete"


@pytest.mark.parametrize("latency", [0.0, 0.1])
async def test_a_dead_api_is_asked_for_one_page_as_often_as_ever(latency: float) -> None:
    """Three tries and two probes: that others could be asked for meanwhile makes no more of them."""
    api = FakeApi(9, script={page: [reply(503)] * 99 for page in range(1, 10)}, latency=latency)
    fetcher, pages = await walk(api, rate_limit=LIMIT)
    assert (pages, [page for _, page in api.asked]) == ([], [1] * 5)
    assert [after - before for before, after in pairwise(api.times[2:])] == pytest.approx([15 + latency] * 2)
    assert fetcher.result().missing_from == 1


async def test_offsets_are_asked_together_once_the_first_page_told_its_size() -> None:
    """A page size that the server caps is found out before anything is asked in steps of it."""
    asked: list[int] = []

    class Capped(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await trio.sleep(1)
            start = int(request.url.params["offset"])
            asked.append(start)
            return ok({"items": [{"id": i} for i in range(start, min(start + 5, 33))], "total": 33})

    how = Paging(style=PagingStyle.OFFSET, size_parameter="limit", size=100, total="total")
    fetcher, pages = await walk(Capped(), paging=how, rate_limit=RateLimit(rps=2))
    assert sum(len(page.records) for page in pages) == 33
    assert {start for start in asked if start % 5} == set()
    assert fetcher.result().status == "complete"


@pytest.mark.parametrize("limit", [RateLimit(concurrency=1), LIMIT], ids=["one by one", "several at once"])
@pytest.mark.parametrize(
    ("more", "sent", "missing"),
    [({}, [(1, False)], ()), ({"total": 12}, [(1, False), (2, True)], (2, 3, 4))],
    ids=["nothing announced", "more announced"],
)
async def test_a_server_that_ignores_the_page_ends_the_same_way_as_one_by_one(
    limit: RateLimit, more: dict[str, Any], sent: list[tuple[int, bool]], missing: tuple[int, ...]
) -> None:
    """A repetition is sent once if it is a loop, and the pages after it are ignored."""

    class Stuck(EnforcingApi):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await super().handle_async_request(request)
            return ok({"items": records(1), **more})

    fetcher, pages = await walk(Stuck(9, [1.0]), rate_limit=limit)
    assert [(page.number, page.trace.repeats) for page in pages] == sent
    assert fetcher.result().pages_missing == missing


def sent_and_refused(
    latencies: Sequence[float], pages: int, rate: float, burst: int, *, total: bool
) -> tuple[int, int]:
    """How many pages come from an API that enforces exactly our rate, and how many requests it refuses."""

    async def main() -> tuple[int, int]:
        api = EnforcingApi(pages, latencies, rate, burst, total=total)
        fetcher, sent = await walk(api, rate_limit=RateLimit(rps=rate, burst=burst))
        assert api.most_under_way <= 8
        assert fetcher.result().status == "complete"
        return len({page.number for page in sent}), api.refused

    return trio.run(main, clock=MockClock(autojump_threshold=0))


@settings(max_examples=60)
@given(
    st.lists(st.floats(0, 3), min_size=1, max_size=6),
    st.integers(0, 25),
    st.sampled_from([0.5, 2, 5, 20]),
    st.integers(1, 10),
    st.booleans(),
)
def test_whatever_the_latencies_all_pages_come_and_none_is_refused(
    latencies: list[float], pages: int, rate: float, burst: int, total: bool
) -> None:
    """Many requests under way keep to the rate that one by one keep to."""
    assert sent_and_refused(latencies, pages, rate, burst, total=total) == (pages, 0)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.booleans())
def test_whatever_fails_everything_is_fetched_or_missing(seed: int, total: bool) -> None:
    """Random faults, latencies and deadlines: each page is sent once at most, and is in the account."""

    async def main() -> None:
        rng = Random(seed)
        answers: list[Any] = [
            reply(500),
            reply(404),
            reply(429),
            reply(503, Retry_After="3"),
            httpx.ReadTimeout(""),
            5.0,
        ]
        script = {page: [rng.choice(answers) for _ in range(rng.randint(0, 3))] for page in range(1, 13)}
        for answers_of in script.values():
            answers_of[:] = [reply(a.status_code) if isinstance(a, httpx.Response) else a for a in answers_of]
        api = FakeApi(12, script=script, latency=rng.choice([0.0, 0.3, 2.0]))
        timeout = rng.choice([3.0, 10.0, 60.0, math.inf])
        fetcher, pages = await walk(
            api, timeout=min(timeout, 1e6), rate_limit=RateLimit(rps=rng.choice([2.0, 5.0, 50.0]))
        )
        fetcher.interrupt("deadline", "over")
        account = fetcher.result()
        came = [page.number for page in pages]
        assert len(set(came)) == len(came) == account.pages_fetched
        missing = set(account.pages_missing)
        assert not missing & set(came)
        known = range(1, (account.missing_from or 13))
        assert set(known) <= set(came) | missing

    trio.run(main, clock=MockClock(autojump_threshold=0))
