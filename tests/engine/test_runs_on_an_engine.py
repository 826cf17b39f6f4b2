"""Runs whose walks go from worker to worker: the same catalogue as without an engine."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from itertools import chain, cycle, repeat
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
import trio
from helpers.engines import Threads
from helpers.running import run_pipeline
from helpers.shops import HOME, Shop
from helpers.styles import STYLES
from helpers.support import NO_TLS, FakeApi, forever, reply
from loguru import logger

import pipeline
from mockapi.limit import RateLimit as ServerLimit
from pipeline.config.endpoint import Breaker, Endpoint, Http, RateLimit, Retry
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Config
from pipeline.engine.coordinator import slice_time
from pipeline.fetch.http.client import Client

# Fields that may differ: times, and counts of requests that were repeated.
VOLATILE = ("time", "requests", "retries", "errors", "fetched_at")


class Flaky(httpx.AsyncBaseTransport):
    """A server before another: every third URL fails once, and every fourth is missing for good."""

    def __init__(self, inner: httpx.AsyncBaseTransport, *, gaps: bool = False) -> None:
        self._inner = inner
        self._gaps = gaps
        self._seen: Counter[str] = Counter()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        number = sum(url.encode())
        self._seen[url] += 1
        if number % 3 == 0 and self._seen[url] == 1:
            return reply(503)
        if self._gaps and number % 4 == 0 and url != HOME:
            return reply(500)
        return await self._inner.handle_async_request(request)


def catalogue(output: Path) -> tuple[list[Any], list[Any]]:
    """Return the products and the accounts of the sources, without what may differ."""
    document = json.loads(output.read_bytes())
    products = [{**product, "processed_at": None} for product in document["products"]]
    accounts = [{key: each[key] for key in each if key not in VOLATILE} for each in document["sources"]]
    return products, accounts


def config(output: Path, *endpoints: Endpoint, **changes: Any) -> Config:
    settings: dict[str, Any] = {
        "output": str(output),
        "retry": Retry(base_delay=0.01, max_delay=0.02, max_retries=1),
        "breaker": Breaker(failure_threshold=20, cooldown=0.05),
        "rate_limit": RateLimit(rps=0, concurrency=3),
        "engine": "processes",
        "engine_slice": 0.005,
        "timeout": 50.0,
    }
    return Config(endpoints=endpoints, **{**settings, **changes})


async def run(
    settings: Config,
    apis: dict[str, httpx.AsyncBaseTransport],
    *,
    workers: int = 0,
    deaths: Iterator[bool] | None = None,
) -> tuple[pipeline.Summary, Threads]:
    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=apis[endpoint.name])

    engine = Threads(workers, connect, deaths)
    with trio.fail_after(60):
        summary = await run_pipeline(settings, connect=connect, rng=Random(7), engine=engine if workers else None)
    return summary, engine


def shops(style: str, *, gaps: bool) -> dict[str, httpx.AsyncBaseTransport]:
    server, _ = STYLES[style]
    return {f"shop{number}": Flaky(Shop(server, 9 + number, 2, latency=0), gaps=gaps) for number in range(3)}


@pytest.mark.parametrize("gaps", [False, True], ids=["", "gaps"])
@pytest.mark.parametrize(("style", "workers"), list(zip(STYLES, cycle([1, 2, 4, 8]))))
async def test_the_catalogue_is_that_of_one_process(style: str, workers: int, gaps: bool, tmp_path: Path) -> None:
    """In every paging style, with failures and pages that are missing, products and accounts are the same."""
    endpoints = [Endpoint(name=f"shop{number}", url=HOME, paging=STYLES[style][1]) for number in range(3)]
    alone, shared = tmp_path / "alone.json", tmp_path / "shared.json"
    await run(config(alone, *endpoints), shops(style, gaps=gaps))
    _, engine = await run(config(shared, *endpoints), shops(style, gaps=gaps), workers=workers)
    assert catalogue(shared) == catalogue(alone)
    assert engine.calls >= min(workers, 3)


@pytest.mark.parametrize("seed", range(5))
async def test_the_death_of_workers_costs_time_and_no_product(seed: int, tmp_path: Path) -> None:
    """Every third result is lost with its worker; the walk goes on from the state before."""
    names = [f"api{number}" for number in range(4)]
    endpoints = [Endpoint(name=name, url=HOME) for name in names]
    rng = Random(seed)
    alone, shared = tmp_path / "alone.json", tmp_path / "shared.json"
    await run(config(alone, *endpoints), {name: FakeApi(pages=6) for name in names})
    deaths = iter(lambda: rng.random() < 0.3, None)
    summary, _ = await run(
        config(shared, *endpoints), {name: FakeApi(pages=6) for name in names}, workers=2, deaths=deaths
    )
    assert summary.summary.status == "complete"
    assert catalogue(shared) == catalogue(alone)


async def test_a_group_that_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    """Its sources fail and name the cause; nothing is tried for ever."""
    summary, engine = await run(
        config(tmp_path / "s.json", Endpoint(name="api", url=HOME)), {"api": FakeApi()}, workers=2, deaths=repeat(True)
    )
    assert summary.summary.status == "failed"
    assert engine.calls == 8
    assert "a worker died, 8 times in a row" in summary.errors[-1].error


async def test_a_worker_that_died_leaves_an_empty_bucket(tmp_path: Path) -> None:
    """The requests of the lost slice are unknown: for burst / rate seconds none is sent, and then one at a time."""
    api = FakeApi(pages=3)
    settings = config(tmp_path / "s.json", Endpoint(name="api", url=HOME), rate_limit=RateLimit(rps=20, burst=10))
    started = trio.current_time()
    summary, _ = await run(settings, {"api": api}, workers=1, deaths=chain([True], repeat(False)))
    assert summary.summary.status == "complete"
    assert trio.current_time() - started >= 10 / 20 + 3 / 20


async def test_a_task_that_starts_late_sends_no_request_too_early(tmp_path: Path) -> None:
    """The time that a task waits for its worker is not counted as time without requests."""

    class Enforcing(FakeApi):
        """An API with a clock of its own, since that of a worker may be behind."""

        limit = ServerLimit(30, 5)
        refused = 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if self.limit.refuse(time.monotonic()) is not None:
                self.refused += 1
                return reply(429)
            return await super().handle_async_request(request)

    api = Enforcing(pages=40)
    endpoint = Endpoint(name="api", url=HOME)
    settings = config(tmp_path / "s.json", endpoint, rate_limit=RateLimit(rps=30, burst=5), engine_slice=0.1)

    def connect(_: ResolvedEndpoint) -> Client:
        return Client(HOME, Http(), ssl_context=NO_TLS, transport=api)

    engine = Threads(1, connect)
    engine.delays = chain([0.5], repeat(0.0))
    summary = await run_pipeline(settings, connect=connect, engine=engine)
    assert summary.summary.status == "complete"
    assert api.refused == 0


async def test_a_slice_of_no_time_reads_a_page(tmp_path: Path) -> None:
    """Each slice makes progress, even if its start takes all of its time."""
    server, paging = STYLES["next_url"]
    summary, engine = await run(
        config(tmp_path / "s.json", Endpoint(name="shop", url=HOME, paging=paging), engine_slice=1e-6),
        {"shop": Shop(server, 100, 1, latency=0)},
        workers=1,
    )
    assert summary.sources[0].products == 100
    assert engine.calls <= 101


@pytest.mark.parametrize(("rounds", "seconds"), [(0, 1.0), (4, 16.0), (5, 30.0), (5_000, 30.0)])
def test_the_first_slices_are_short(rounds: int, seconds: float) -> None:
    """Slices take 1, 2, 4 … seconds up to the configured time, also after a thousand of them."""
    assert slice_time(rounds, 30.0) == seconds


async def test_members_of_a_group_stay_together(tmp_path: Path) -> None:
    """Endpoints that share a limit are one unit of work, and keep the limit together."""
    limit = RateLimit(rps=50, burst=1, group="key")
    endpoints = [Endpoint(name=name, url=HOME, rate_limit=limit) for name in ("a", "b", "c")]
    started = trio.current_time()
    summary, _ = await run(
        config(tmp_path / "s.json", *endpoints), {name: FakeApi(pages=4) for name in ("a", "b", "c")}, workers=3
    )
    assert summary.summary.status == "complete"
    assert trio.current_time() - started >= 14 / 50


async def test_the_deadline_keeps_what_the_workers_have(tmp_path: Path) -> None:
    """At the deadline the workers return their pages; the rest is missing, and --resume fetches only that."""
    apis: dict[str, httpx.AsyncBaseTransport] = {"quick": FakeApi(pages=2), "slow": FakeApi(pages=4, script={3: [30]})}
    endpoints = [Endpoint(name=name, url=HOME) for name in apis]
    output = tmp_path / "s.json"
    summary, _ = await run(config(output, *endpoints, timeout=1.5, engine_slice=30.0), apis, workers=2)
    found = {source.name: source for source in summary.sources}
    assert found["quick"].status == "complete"
    assert found["slow"].status == "partial"
    assert found["slow"].pages_fetched >= 2
    assert 3 in found["slow"].pages_missing
    assert "timeout of 1.5 s" in summary.errors[-1].error
    assert summary.journal is not None


async def test_a_feed_is_read_by_the_coordinator(tmp_path: Path) -> None:
    """An endpoint that turns out to be a feed goes back to the coordinator, which streams it."""

    def feed(request: httpx.Request) -> httpx.Response:
        rows = "".join(f"{number},Thing {number},1.50\n" for number in range(25))
        return httpx.Response(200, headers={"Content-Type": "text/csv"}, content=f"id,title,price\n{rows}")

    apis: dict[str, httpx.AsyncBaseTransport] = {"feed": httpx.MockTransport(feed), "api": FakeApi()}
    endpoints = [Endpoint(name=name, url=HOME) for name in apis]
    summary, _ = await run(config(tmp_path / "s.json", *endpoints), apis, workers=2)
    assert {source.name: source.products for source in summary.sources} == {"feed": 25, "api": 9}
    assert summary.summary.status == "complete"


async def test_no_credential_is_sent_to_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks have the references, and marks in place of secrets, even if the API repeats them in its links."""
    monkeypatch.setenv("SHOP_KEY", "very-secret-key")
    server, paging = STYLES["next_url"]
    endpoint = Endpoint(name="shop", url=f"{HOME}&key=${{SHOP_KEY}}", paging=paging)

    class Echoing(Shop):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            body = json.loads(await response.aread())
            if body["paging"].get("next"):
                body["paging"]["next"] += "&key=very-secret-key"
            return httpx.Response(200, json=body)

    summary, engine = await run(
        config(tmp_path / "s.json", endpoint, engine_slice=0.001, ping="https://monitor.test/very-secret-key"),
        {"shop": Echoing(server, 20, 2, latency=0)},
        workers=1,
    )
    assert [(source.products, source.pages_missing) for source in summary.sources] == [(20, ())]
    assert engine.calls > 2
    assert not any(b"very-secret-key" in sent for sent in engine.sent)


async def test_a_dead_endpoint_and_its_log_are_as_without_an_engine(tmp_path: Path) -> None:
    """The failure is in the account with its reason, and the coordinator logs what the worker logged."""
    dead = FakeApi(script={1: forever(lambda: httpx.ConnectError("no"))})
    heard: list[Any] = []
    logger.enable("pipeline")
    logger.add(lambda message: heard.append(message.record), level="ERROR", filter="pipeline.engine.coordinator")
    summary, _ = await run(
        config(tmp_path / "s.json", Endpoint(name="dead", url=HOME), breaker=Breaker(cooldown=0.05)),
        {"dead": dead},
        workers=1,
    )
    assert summary.summary.status == "failed"
    assert {record["extra"]["endpoint"] for record in heard} == {"dead"}
