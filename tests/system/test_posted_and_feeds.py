"""GraphQL shops, a search by POST and feeds over real sockets: products equal the truth, under faults too."""

import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from helpers.discovering import ENVIRONMENT
from helpers.support import NO_TLS

from mockapi.faults import parse_fault
from mockapi.feed import Feed
from mockapi.personas import POSTED, path
from mockapi.serve import serving
from mockapi.settings import Settings
from mockapi.truth import Truth
from pipeline.config.load import load_config
from pipeline.model.summary import Summary
from pipeline.runner import run

PRESETS = ("shopify_graphql", "saleor", "magento2_graphql", "commercetools")
FEEDS = {
    "/google.xml": {"preset": "google_merchant"},
    "/google.tsv.gz": {"preset": "google_merchant", "format": "tsv"},
    "/awin.csv.gz": {"preset": "awin"},
    "/ebay.tsv": {"preset": "ebay_feed", "auth": {"bearer": "mock-token"}},
    "/feed.jsonl": {},
}
SEARCH = {
    "request": {"method": "POST", "json": {"query": "lamp", "page": {"from": 0, "size": 7}}},
    "items": "hits.hits",
    "fields": {"id": "_id", "title": "_source.title", "price": "_source.price", "category": "_source.category"},
}
ENV = {**ENVIRONMENT, "SALEOR_TOKEN": "mock-token", "CTP_CLIENT_ID": "mock-client", "CTP_CLIENT_SECRET": "mock-secret"}


def settings(name: str, *faults: str, pages: int = 4) -> Settings:
    return Settings(
        personas=(name,),
        ports=(0,),
        pages=pages,
        per_page=7,
        rate_limit=10_000.0,
        burst=10_000,
        faults=tuple(map(parse_fault, faults)),
    )


def config_of(name: str, url: str, folder: Path, **keys: Any) -> dict[str, Any]:
    """Return a configuration of one endpoint without waits."""
    if name in PRESETS:
        keys = {"preset": name, **keys}
    if name == "commercetools":
        keys["auth"] = {"bearer": "mock-token"}
    return {
        "output": str(folder / "summary.json"),
        "rate_limit": {"rps": 0},
        "retry": {"base_delay": 0.01, "max_delay": 0.02},
        "breaker": {"cooldown": 0.05},
        "endpoints": [{"name": "shop", "url": url, **keys}],
    }


async def read(name: str, folder: Path, chosen: Settings, url_path: str = "", **keys: Any) -> Summary:
    async with serving(chosen) as urls:
        raw = config_of(name, urls[name] + (url_path or path(name)), folder, **keys)
        return await run(load_config(raw, environ=ENV), environ=ENV)


def truth(name: str, chosen: Settings) -> list[Truth]:
    return {**POSTED, "feed": Feed}[name].truth(chosen.seed, chosen.records)


def assert_true(folder: Path, expected: list[Truth]) -> None:
    """Compare ids, titles, prices, currencies and categories of the products with the truth."""
    products = json.loads((folder / "summary.json").read_text(), parse_float=Decimal, parse_int=Decimal)["products"]
    found = [
        (each["id"].removeprefix("shop:"), each["title"], each["price"], each["currency"], each["category"])
        for each in products
    ]
    wanted = [
        (each.id, each.title, None if each.price is None else Decimal(each.price), each.currency, each.category)
        for each in expected
    ]
    assert found == wanted


@pytest.mark.parametrize("name", [*PRESETS, "search"])
@pytest.mark.parametrize("faults", [(), ("*:2:503x2", "*:3:429=0x1", "*:1:truncatex1", "*:2:htmlx1")])
async def test_a_shop_that_is_asked_by_post_is_read_completely(
    name: str, faults: tuple[str, ...], tmp_path: Path
) -> None:
    """Each GraphQL preset, and a search with `paging: auto`, gives the products of the truth, also under faults."""
    chosen = settings(name, *faults)
    summary = await read(name, tmp_path, chosen, **(SEARCH if name == "search" else {}))
    assert summary.summary.status == "complete", summary.sources[0].gaps
    assert_true(tmp_path, truth(name, chosen))


@pytest.mark.parametrize("name", PRESETS)
async def test_graphql_errors_in_passing_cost_nothing(name: str, tmp_path: Path) -> None:
    """Errors without data are retried, incomplete data are requested again, and the source is complete."""
    chosen = settings(name, "*:1:no-datax1", "*:2:part-datax1", "*:3:no-datax1")
    summary = await read(name, tmp_path, chosen)
    assert summary.summary.status == "complete"
    assert_true(tmp_path, truth(name, chosen))


@pytest.mark.parametrize("name", PRESETS[:3])  # the last id of an incomplete page leads to another page
async def test_data_that_stay_incomplete_are_kept_and_reported(name: str, tmp_path: Path) -> None:
    """The records that came of an incomplete page are products; the page counts as missing."""
    chosen = settings(name, "*:2:part-data")
    summary = await read(name, tmp_path, chosen)
    (source,) = summary.sources
    assert (source.status, list(source.pages_missing)) == ("partial", [2])
    assert "Access denied for the last node." in source.gaps[0].reason
    every = truth(name, chosen)
    assert_true(tmp_path, [*every[:13], *every[14:]])


async def test_shopifys_points_are_used_without_a_refusal(tmp_path: Path) -> None:
    """At least 90 % of the points that the bucket offers are used, and no query is throttled."""
    chosen = Settings(personas=("shopify_graphql",), ports=(0,), pages=6, per_page=200, rate_limit=1e4, burst=10_000)
    async with serving(chosen) as urls, httpx.AsyncClient(verify=NO_TLS, trust_env=False) as client:
        url = urls["shopify_graphql"]
        raw = config_of("shopify_graphql", url, tmp_path)
        summary = await run(load_config(raw, environ=ENV), environ=ENV)
        points = (await client.get(f"{url}/points")).json()
    assert summary.summary.status == "complete"
    assert_true(tmp_path, truth("shopify_graphql", chosen))
    assert points["refused"] == 0
    assert points["used"] > 1_000
    assert points["used"] >= 0.9 * points["offered"]


@pytest.mark.parametrize("url_path", FEEDS)
@pytest.mark.parametrize("faults", [(), ("*:1:503x1",)])
async def test_a_feed_is_read_completely(url_path: str, faults: tuple[str, ...], tmp_path: Path) -> None:
    """Each format gives the products of the truth, in its preset or by default names."""
    chosen = settings("feed", *(faults if url_path == "/google.xml" else ()), pages=400)
    summary = await read("feed", tmp_path, chosen, url_path, **FEEDS[url_path])
    assert summary.summary.status == "complete", summary.sources[0].gaps
    assert_true(tmp_path, truth("feed", chosen))


@pytest.mark.parametrize("fault", ["truncate", "malformed"])
async def test_a_feed_that_is_cut_off_is_never_complete(fault: str, tmp_path: Path) -> None:
    """A body that is shorter than announced, and one that ends within an element, are partial or failed."""
    chosen = settings("feed", f"*:1:{fault}", pages=20)
    summary = await read("feed", tmp_path, chosen, preset="google_merchant", format="xml")
    assert summary.summary.status != "complete"
    assert summary.errors


@pytest.mark.parametrize("name", ["shopify_graphql", "feed"])
def test_a_run_that_is_killed_is_resumed_to_the_same_products(name: str, tmp_path: Path) -> None:
    """After kill -9 in the middle, --resume gives the products of an undisturbed run."""
    chosen = settings(name, "*:*:latency=0.05", pages=700 if name == "feed" else 40)

    async def scenario() -> None:
        async with serving(chosen) as urls:
            # The trickle makes the feed long enough to be killed in the middle.
            keys: dict[str, Any] = {"preset": "awin"} if name == "feed" else {}
            url = urls[name] + ("/awin.csv" if name == "feed" else path(name))
            config = tmp_path / "config.yaml"
            config.write_text(json.dumps(config_of(name, url, tmp_path, **keys)))
            command = [sys.executable, "-m", "pipeline", "-c", str(config), "--no-progress"]
            environ = {**os.environ, **ENV}
            killed = await trio.lowlevel.open_process(command, env=environ, stderr=subprocess.DEVNULL)
            pages = tmp_path / "summary.journal" / "pages"
            with trio.fail_after(20):
                while not (pages.exists() and pages.read_bytes().count(b'"entry":"page"') >= 2):
                    await trio.sleep(0.005)
            killed.send_signal(signal.SIGKILL)
            await killed.wait()
            done = await trio.run_process([*command, "--resume"], env=environ, check=False, capture_stdout=True)
            assert done.returncode == 0, done.stdout

    trio.run(scenario)
    assert_true(tmp_path, truth(name, chosen))
