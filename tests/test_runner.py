"""The whole pipeline in one process, under a virtual clock: everything but sockets and threads."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
import pytest
import trio
from helpers.running import run_pipeline
from helpers.support import NO_LIMIT, NO_TLS, FakeApi, config, dispatch_inline, forever, ok, records, reply

import pipeline
from pipeline.config.endpoint import RateLimit
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Config, Queue, WorkerPool
from pipeline.errors import ConfigError
from pipeline.fetch.http.client import Client
from pipeline.model.pages import NormalizedPage, Page
from pipeline.normalize.consumer import MAX_BATCH

pytestmark = pytest.mark.virtual_time


async def run(config: Config, apis: dict[str, httpx.AsyncBaseTransport], **options: Any) -> pipeline.Summary:
    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=apis[endpoint.name])

    return await run_pipeline(config, connect=connect, rng=Random(7), **{"dispatch": dispatch_inline, **options})


def sources(summary: pipeline.Summary) -> dict[str, pipeline.SourceReport]:
    return {source.name: source for source in summary.sources}


async def test_three_healthy_apis_give_one_complete_catalogue(tmp_path: Path) -> None:
    """Every page of every API arrives; the file says the same as the returned account."""
    apis = {name: FakeApi(pages=4) for name in ("a", "b", "c")}
    summary = await run(config(tmp_path / "s.json", *apis), apis)
    document = json.loads((tmp_path / "s.json").read_text())
    assert summary.summary.status == document["summary"]["status"] == "complete"
    assert summary.summary.total_products == len(document["products"]) == 3 * 4 * 3
    assert document["summary"]["success_rate"] == 1
    assert [source["name"] for source in document["sources"]] == ["a", "b", "c"]
    assert document["errors"] == []


async def test_two_runs_over_the_same_data_give_the_same_products(tmp_path: Path) -> None:
    """The order does not depend on which API answered first."""
    products = []
    for latencies in ((0.1, 2), (2, 0.1)):
        apis = {"a": FakeApi(latency=latencies[0]), "b": FakeApi(latency=latencies[1])}
        await run(config(tmp_path / "s.json", *apis), apis)
        document = json.loads((tmp_path / "s.json").read_text())
        products.append([{**product, "processed_at": None} for product in document["products"]])
    assert products[0] == products[1]


async def test_a_thousand_endpoints_are_one_run(tmp_path: Path) -> None:
    """However many there are, each is walked to its end, at its own rate and at the same time as all others."""
    apis = {f"api{number}": FakeApi(pages=2, latency=0.1) for number in range(1_000)}
    start = trio.current_time()
    summary = await run(config(tmp_path / "s.json", *apis), apis)
    assert trio.current_time() - start < 1
    assert summary.summary.status == "complete"
    assert summary.summary.total_products == len(apis) * 2 * 3
    assert {name for name, source in sources(summary).items() if source.products == 6} == apis.keys()


class _Counted(FakeApi):
    """An API that counts how many of all its kind are in use, from the first request to the empty page at the end."""

    active: set[int] = set()  # noqa: RUF012 - shared on purpose
    peak = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.active.add(id(self))
        _Counted.peak = max(_Counted.peak, len(self.active))
        response = await super().handle_async_request(request)
        if int(request.url.params.get("page", 1)) > self.pages:
            self.active.discard(id(self))
        return response


async def test_no_more_endpoints_than_configured_are_fetched_at_once(tmp_path: Path) -> None:
    """The others wait for their turn, and all of them are complete in the end."""
    _Counted.active, _Counted.peak = set(), 0
    apis = {f"api{number}": _Counted(pages=2, latency=0.1) for number in range(20)}
    settings = msgspec.structs.replace(config(tmp_path / "s.json", *apis), max_endpoints=3)
    summary = await run(settings, apis)
    assert _Counted.peak == 3
    assert (summary.summary.status, summary.summary.total_products) == ("complete", 20 * 2 * 3)


async def test_the_deadline_reports_the_endpoints_that_never_had_a_turn(tmp_path: Path) -> None:
    """An endpoint that still waits at the deadline is listed as failed, from its first page on."""
    apis = {"slow": FakeApi(latency=20), "waiting": FakeApi()}
    settings = msgspec.structs.replace(config(tmp_path / "s.json", *apis), max_endpoints=1, timeout=10)
    found = sources(await run(settings, apis))
    assert (found["waiting"].status, found["waiting"].missing_from, apis["waiting"].asked) == ("failed", 1, [])
    assert found["waiting"].requests == 0


async def test_one_dead_endpoint_leaves_the_others_whole(tmp_path: Path) -> None:
    """A dead endpoint is listed as failed; the others are complete, and the run is partial."""
    apis = {"a": FakeApi(), "dead": FakeApi(script={1: forever(lambda: httpx.ConnectError("no"))}), "c": FakeApi()}
    summary = await run(config(tmp_path / "s.json", *apis), apis)
    assert summary.summary.status == "partial"
    assert {name: source.status for name, source in sources(summary).items()} == {
        "a": "complete",
        "dead": "failed",
        "c": "complete",
    }
    assert summary.summary.success_rate == round(6 / 7, 4)


async def test_an_endpoint_that_recovers_loses_nothing(tmp_path: Path) -> None:
    """An outage shorter than the breaker's patience costs time, and no page."""
    apis = {"a": FakeApi(script={2: [reply(503)] * 4})}
    summary = await run(config(tmp_path / "s.json", "a"), apis)
    assert sources(summary)["a"].status == "complete"
    assert [e.action for e in summary.errors] == ["retry", "retry", "circuit_break", "circuit_break"]


async def test_the_deadline_ends_fetching_not_the_run(tmp_path: Path) -> None:
    """What arrived within the timeout is written, with the truth about the rest."""
    apis = {"slow": FakeApi(pages=99, latency=10), "fast": FakeApi()}
    start = trio.current_time()
    summary = await run(config(tmp_path / "s.json", *apis, timeout=35.0), apis)
    assert trio.current_time() - start == 35
    slow = sources(summary)["slow"]
    assert (slow.status, slow.pages_fetched, slow.missing_from) == ("partial", 3, 4)
    assert summary.errors[-1].action == "deadline"
    assert "timeout" in summary.errors[-1].error
    assert sources(summary)["fast"].status == "complete"


async def test_one_bad_page_of_many_is_skipped_and_listed(tmp_path: Path) -> None:
    """A malformed page is missing by number with its reason; the pages around it are products."""
    apis = {"a": FakeApi(pages=5, script={3: forever(lambda: reply(200, b'{"products": [{"id'))})}
    summary = await run(config(tmp_path / "s.json", "a"), apis)
    report = sources(summary)["a"]
    assert (report.status, report.pages_missing, report.products) == ("partial", (3,), 12)


async def test_overlapping_pages_are_counted_as_duplicates(tmp_path: Path) -> None:
    """Records that come twice while the data shifts are one product each, and counted."""
    apis = {"a": FakeApi(pages=2, script={2: [ok([{"id": 102}, {"id": 200}, {"id": 201}])]})}
    report = sources(await run(config(tmp_path / "s.json", "a"), apis))["a"]
    assert (report.items_fetched, report.products, report.duplicates) == (6, 5, 1)


async def test_the_channel_stays_within_its_bound(tmp_path: Path) -> None:
    """However slow the normalizing, no more pages wait than the queue holds; all arrive in the end."""

    async def slow(batch: Any) -> Any:
        await trio.sleep(1)
        return await dispatch_inline(batch)

    full = {number: [ok(records(number, MAX_BATCH))] for number in range(1, 11)}  # each a batch of its own
    apis = {name: FakeApi(pages=10, script=full) for name in ("a", "b")}
    chosen = config(
        tmp_path / "s.json",
        *apis,
        rate_limit=RateLimit(rps=0),
        queue=Queue(size=5),
        worker_pool=WorkerPool(size=2, batch_size=1),
    )

    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=apis[endpoint.name])

    summary = await run_pipeline(chosen, connect=connect, dispatch=slow)
    assert summary.statistics.peak_pages_waiting == 5
    assert summary.statistics.peak_dispatches_in_flight == 2
    assert [source.items_fetched for source in summary.sources] == [10 * MAX_BATCH, 10 * MAX_BATCH]


async def test_who_watches_sees_how_the_run_stands(tmp_path: Path) -> None:
    """A snapshot of all endpoints whenever it is asked for, until the run is over."""
    seen: list[pipeline.RunStatus] = []

    async def watch(poll: Callable[[], pipeline.RunStatus]) -> None:
        while True:
            seen.append(poll())
            await trio.sleep(0.75)

    async def slow(batch: Any) -> Any:
        await trio.sleep(1.5)
        return await dispatch_inline(batch)

    apis = {"a": FakeApi(pages=2, latency=0.5), "b": FakeApi(pages=0, latency=5)}
    await run(config(tmp_path / "s.json", *apis, timeout=2.0), apis, watch=watch, dispatch=slow)
    assert [(status.elapsed, status.seconds_left, status.fetching) for status in seen] == [
        (0, 2, True),
        (0.75, 1.25, True),
        (1.5, 0.5, True),
        (2.25, 0, False),
    ]
    assert [(status.pages, status.records) for status in seen] == [(0, 0), (1, 3), (2, 6), (2, 6)]
    assert [endpoint.source for endpoint in seen[-1].endpoints] == ["a", "b"]


async def test_no_endpoint_is_a_mistake() -> None:
    """A configuration without endpoints is refused before anything happens."""
    with pytest.raises(ConfigError, match="endpoints"):
        await pipeline.run(Config())


async def test_an_unwritable_output_is_found_before_fetching(tmp_path: Path) -> None:
    """Nobody is asked for anything when there is no place for the answer."""
    apis = {"a": FakeApi()}
    with pytest.raises(ConfigError, match="output"):
        await run(config(tmp_path, "a"), apis)
    assert not apis["a"].asked


async def test_time_of_each_source_adds_up_to_no_more_than_the_run(tmp_path: Path) -> None:
    """The file says of each source where its time went; slow normalizing shows as such once the walk is over."""
    apis = {"slow": FakeApi(pages=4, latency=2), "limited": FakeApi(pages=8)}

    async def slow_hop(batch: Sequence[Page]) -> list[NormalizedPage]:
        await trio.sleep(5)
        return await dispatch_inline(batch)

    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=apis[endpoint.name])

    limit = RateLimit(rps=2, burst=1, concurrency=1)
    await run_pipeline(config(tmp_path / "s.json", *apis, rate_limit=limit), connect=connect, dispatch=slow_hop)
    document = json.loads((tmp_path / "s.json").read_text())
    for source in document["sources"]:
        parts = {**source["time"]}
        wall, said = parts.pop("wall"), parts.pop("bottleneck")
        assert sum(parts.values()) == pytest.approx(wall, abs=1e-9)
        assert wall <= document["summary"]["processing_time_seconds"]
        assert source["name"] != "slow" or (parts["network"], said[:26]) == (10.0, "77 % waiting for the API; ")
        assert parts["normalizing"] >= 3


async def test_full_channel_is_told_apart(tmp_path: Path) -> None:
    """Where consumers make no room, that is where the time goes."""
    apis = {"a": FakeApi(pages=9)}

    async def slow_hop(batch: Sequence[Page]) -> list[NormalizedPage]:
        await trio.sleep(3)
        return await dispatch_inline(batch)

    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=apis[endpoint.name])

    changes = {"queue": Queue(size=1), "worker_pool": WorkerPool(size=1, batch_size=1), "rate_limit": NO_LIMIT}
    summary = await run_pipeline(config(tmp_path / "s.json", "a", **changes), connect=connect, dispatch=slow_hop)
    time = summary.sources[0].time
    assert time.channel > time.wall / 2
    assert time.bottleneck == f"{time.channel / time.wall:.0%} waiting for room in the channel".replace("%", " %")
