"""How an endpoint stands while it is walked, under a virtual clock."""

from random import Random
from typing import Any

import httpx
import msgspec
import pytest
import trio
from helpers.support import NO_LIMIT, FakeApi, client, endpoint, forever, records, reply, walk

from pipeline.config.source import Paging, PagingStyle
from pipeline.fetch.fetcher import Fetcher
from pipeline.model.pages import AnnouncedTotals, EndpointProfile, Page, Progress
from pipeline.model.status import EndpointStatus, RunStatus
from pipeline.normalize.normalizer import DEFAULT_READER

pytestmark = pytest.mark.virtual_time


async def seen(api: httpx.AsyncBaseTransport, *moments: float, **changes: Any) -> list[EndpointStatus]:
    """An endpoint's status at so many seconds from the start of its walk."""
    resumed = changes.pop("resumed", Progress())
    chosen = endpoint(**{"rate_limit": NO_LIMIT, **changes})
    fetcher = Fetcher(chosen, client(api), rng=Random(1), identify=DEFAULT_READER.identify, resumed=resumed)
    send, _receive = trio.open_memory_channel[Page](1_000)
    statuses = []
    async with trio.open_nursery() as nursery:
        start = trio.current_time()
        nursery.start_soon(fetcher.run, send)
        for moment in moments:
            await trio.sleep_until(start + moment)
            statuses.append(fetcher.status())
        nursery.cancel_scope.cancel()
    return statuses


def first_page(**headers: str) -> httpx.Response:
    return reply(200, msgspec.json.encode(records(1)), **headers)


async def test_a_status_counts_what_has_come() -> None:
    """Pages, records and requests so far; how many pages there are is known when the walk has come to their end."""
    start, middle, end = await seen(FakeApi(pages=3, latency=1), 0, 2.5, 9)
    assert start == EndpointStatus("shop")
    assert middle == EndpointStatus("shop", pages=2, records=6, requests=3)
    assert end == EndpointStatus("shop", pages=3, pages_wanted=3, records=9, requests=4, ended="complete")


async def test_totals_are_those_that_the_api_announces() -> None:
    """Known from the first page on, in pages and in records."""
    api = FakeApi(pages=3, latency=1, script={1: [first_page(X_Total_Count="9")]})
    before, after = await seen(api, 0.5, 1.5)
    assert (before.pages_wanted, before.records_announced) == (None, None)
    assert (after.pages_wanted, after.records_announced) == (3, 9)


async def test_a_total_that_was_exceeded_is_no_total() -> None:
    """Where more pages came than were announced, nobody knows how many there are, until the end."""
    api = FakeApi(pages=3, latency=1, script={1: [first_page(X_Total_Pages="1")]})
    statuses = await seen(api, 1.5, 2.5, 9)
    assert [status.pages_wanted for status in statuses] == [1, None, 3]


async def test_an_open_circuit_tells_when_it_will_be_probed() -> None:
    """Closed, open, half-open while the probe is under way, open again, given up in the end."""
    api = FakeApi(script={1: forever(lambda: reply(503))}, latency=1)
    statuses = await seen(api, 4, 5, 20, 21, 37)
    assert [(status.circuit, status.probe_in) for status in statuses] == [
        ("closed", None),
        ("open", 14.5),
        ("half-open", None),
        ("open", 14.5),
        ("given up", None),
    ]
    assert [status.ended for status in statuses] == [None, None, None, None, "failed"]


async def test_a_pause_that_the_api_asks_for_is_told() -> None:
    """`Retry-After` holds up the whole endpoint, and so long is left of it."""
    api = FakeApi(script={2: [reply(429, Retry_After="7")]})
    statuses = await seen(api, 0.5, 6.5, 8)
    assert [(status.paused_for, status.retries) for status in statuses] == [(6.5, 0), (0.5, 0), (0, 1)]


async def test_a_quota_that_is_used_up_is_a_pause() -> None:
    """As soon as all is asked for that an answer allowed, and until there is more."""
    quota = {"RateLimit_Limit": "9", "RateLimit_Remaining": "1", "RateLimit_Reset": "10"}
    statuses = await seen(FakeApi(latency=1, script={1: [first_page(**quota)]}), 0.5, 1.5, 5, 12)
    assert [status.paused_for for status in statuses] == [0, 9.5, 6, 0]


@pytest.mark.parametrize(
    ("script", "ended"),
    [
        ({}, "complete"),
        ({2: forever(lambda: reply(404))}, "partial"),
        ({1: forever(lambda: reply(503))}, "failed"),
    ],
)
async def test_a_status_tells_how_the_walk_ended(script: Any, ended: str) -> None:
    """In the words of the summary."""
    fetcher, _ = await walk(FakeApi(pages=3, script=script))
    assert fetcher.status().ended == ended == fetcher.result().status


async def test_pages_of_an_earlier_run_count_and_its_records_do_not() -> None:
    """A resumed walk begins with the pages it has; all records that were announced are not to be expected."""
    profile = EndpointProfile(Paging(style=PagingStyle.PAGE), announced=AnnouncedTotals(records=9, pages=3))
    resumed = Progress(have=frozenset({1, 2}), profile=profile)
    before, after = await seen(FakeApi(pages=3, latency=1), 0.5, 9, resumed=resumed)
    assert before == EndpointStatus("shop", pages=2, pages_wanted=3, requests=1)
    assert (after.pages, after.records, after.records_announced) == (3, 3, None)


def test_a_run_is_the_sum_of_its_endpoints() -> None:
    """Pages and records are added up; how many pages there are is unknown as long as it is of one endpoint."""
    under_way = EndpointStatus("a", pages=2, pages_wanted=5, records=40)
    unknown = EndpointStatus("b", pages=3, records=7)
    dead = EndpointStatus("c", ended="failed")
    run = RunStatus([under_way, dead], elapsed=70, timeout=60)
    assert (run.pages, run.pages_in_all, run.records, run.ended, run.seconds_left) == (2, 5, 40, 1, 0)
    assert RunStatus([under_way, unknown], elapsed=1, timeout=60).pages_in_all is None
