"""`check --estimate` and `check --json`: the forecast is that of the run that follows."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from click.testing import CliRunner
from helpers.discovering import ENVIRONMENT

from mockapi.personas import path as path_of
from mockapi.serve import serving
from mockapi.settings import Settings
from pipeline.cli import main
from pipeline.config.load import Loaded, load
from pipeline.config.presets import preset_names
from pipeline.config.source import PagingStyle
from pipeline.discovery.checked import CheckResult
from pipeline.discovery.first_page import fetch_first_pages
from pipeline.discovery.forecast import RunForecast, forecast_run
from pipeline.output.previous import PreviousSummary
from pipeline.runner import run

LIMIT = {"rps": 3, "burst": 2}

# All that announce their size, in each style of paging; the others are in the tests below.
ANNOUNCING = (
    *("api1", "woocommerce_v3", "woocommerce_store", "magento2", "bigcommerce", "dummyjson", "fakestore", "saleor"),
    *("pages_from_zero", "django_rest", "wordpress", "strapi", "magento2_graphql"),
)


def loaded(file: Path, endpoints: list[dict[str, Any]], **keys: Any) -> Loaded:
    file.write_text(json.dumps({"output": str(file.with_suffix(".json")), "endpoints": endpoints, **keys}))
    return load(file, environ=ENVIRONMENT)


def endpoint(name: str, url: str, **keys: Any) -> dict[str, Any]:
    preset = {"preset": name} if name in preset_names() else {}
    return {"name": name, "url": url + path_of(name), "rate_limit": LIMIT, **preset, **keys}


async def forecast(config: Loaded, earlier: Mapping[str, int] | None = None) -> RunForecast:
    return forecast_run(await fetch_first_pages(config.endpoints), config.config, earlier or {})


async def test_the_run_takes_what_was_forecast(tmp_path: Path) -> None:
    """For each style and shop, the requests are right, and the time is within a tenth of that of the run."""
    differences: dict[str, tuple[Any, Any]] = {}

    async def compare(name: str) -> None:
        settings = Settings(personas=(name,), ports=(0,), pages=15, per_page=7, latency=0.1)
        async with serving(settings) as urls:
            config = loaded(tmp_path / f"{name}.yaml", [endpoint(name, urls[name])])
            (told,) = (await forecast(config)).endpoints
        async with serving(settings) as urls:  # its limits are unused again
            config = loaded(tmp_path / f"{name}.yaml", [endpoint(name, urls[name])])
            (source,) = (await run(config.config, environ=ENVIRONMENT)).sources
        assert source.status == "complete"
        if told.requests != source.requests:
            differences[f"{name}, requests"] = told.requests, source.requests
        if told.seconds != pytest.approx(source.time.wall, rel=0.1, abs=0.1):
            differences[f"{name}, seconds"] = told.seconds, source.time.wall

    names = set(ANNOUNCING)
    for _ in range(3):  # on a busy machine a run may take longer
        differences.clear()
        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(compare, name)
        names = {difference.partition(",")[0] for difference in differences}
    assert differences == {}


async def test_requests_that_follow_each_other_take_their_latencies(tmp_path: Path) -> None:
    """Without a rate limit, the pages of a chain take one latency each."""
    settings = Settings(personas=("saleor",), ports=(0,), pages=8, per_page=7, latency=0.3)
    async with serving(settings) as urls:
        config = loaded(tmp_path / "c.yaml", [endpoint("saleor", urls["saleor"], rate_limit={"rps": 0})])
        told = await forecast(config)
        summary = await run(config.config, environ=ENVIRONMENT)
    assert told.seconds == pytest.approx(summary.sources[0].time.wall, rel=0.1)


async def test_a_group_shares_its_rate(tmp_path: Path) -> None:
    """Two endpoints of a group take the sum of their requests at its rate, which is the forecast."""
    settings = Settings(personas=("django_rest", "wordpress"), ports=(0, 0), pages=8, per_page=7)
    async with serving(settings) as urls:
        shared = {"rate_limit": {**LIMIT, "group": "both"}}
        config = loaded(tmp_path / "c.yaml", [endpoint(name, url, **shared) for name, url in urls.items()])
        told = await forecast(config)
        summary = await run(config.config, environ=ENVIRONMENT)
    assert told.requests == sum(source.requests for source in summary.sources)
    assert told.seconds == pytest.approx(summary.summary.processing_time_seconds, rel=0.1, abs=0.1)
    assert told.seconds > 1.8 * max(each.seconds or 0 for each in told.endpoints)


async def test_a_size_that_is_not_announced_is_that_of_the_last_run(tmp_path: Path) -> None:
    """Without a summary the size is unknown, and the forecast has what fits; after a run it is known."""
    async with serving(Settings(personas=("api3",), ports=(0,), pages=6)) as urls:
        config = loaded(tmp_path / "c.yaml", [endpoint("api3", urls["api3"])], timeout=20)
        first = await forecast(config)
        summary = await run(config.config, environ=ENVIRONMENT)
        then = await forecast(config, PreviousSummary.read(summary.output).requests)
    (unknown,), (known,) = first.endpoints, then.endpoints
    assert (unknown.requests, unknown.seconds, unknown.known_by) == (None, None, None)
    assert unknown.fits == 2 + 20 * 3
    assert (first.is_enough, first.unknown) == (None, ["api3"])
    assert (known.requests, known.known_by) == (summary.sources[0].requests, "last run")
    assert known.seconds == pytest.approx(summary.sources[0].time.wall, rel=0.1, abs=0.1)
    assert then.is_enough


def check(file: Path, *flags: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["check", "-c", str(file), *flags], env=dict(ENVIRONMENT))
    return done.exit_code, done.stdout


async def test_a_deadline_that_is_too_short_gets_a_suggestion(tmp_path: Path) -> None:
    """The text has the requests, the time and a deadline that is enough; a long deadline is called enough."""
    async with serving(Settings(personas=("api1", "api3"), ports=(0, 0), pages=40)) as urls:
        file = tmp_path / "c.yaml"
        loaded(file, [endpoint("api1", urls["api1"], rate_limit={"rps": 0.5, "burst": 1})], timeout=30)
        _, short = await trio.to_thread.run_sync(check, file, "--estimate")
        loaded(file, [endpoint("api1", urls["api1"])], timeout=30)
        _, enough = await trio.to_thread.run_sync(check, file, "--estimate")
        loaded(file, [endpoint(name, url) for name, url in urls.items()], timeout=30)
        _, unknown = await trio.to_thread.run_sync(check, file, "--estimate")
    assert "estimate: 41 requests in 80 s at these rates, if none has to be repeated" in short
    assert "timeout: 30 s is not enough; set `timeout: 3m` (-t 3m)" in short
    assert "timeout: 30 s is enough\n" in enough
    assert "api3 announces no size; 92 requests fit into the timeout" in unknown
    assert "timeout: 30 s is enough for the endpoints that announce their size" in unknown


async def test_the_result_as_json_has_all_of_the_table(tmp_path: Path) -> None:
    """Standard output is one object of the documented shape, whatever the outcome; the exit code is in it."""
    async with serving(Settings(personas=("api1", "cursors"), ports=(0, 0))) as urls:
        file = tmp_path / "c.yaml"
        dead = {"name": "dead", "url": f"{urls['api1']}/nothing", "rate_limit": {"group": "g"}}
        store = f"sqlite:///{tmp_path / 'history.db'}"
        loaded(file, [*(endpoint(name, url) for name, url in urls.items()), dead], store=store)
        code, plain = await trio.to_thread.run_sync(check, file, "--json")
        _, estimated = await trio.to_thread.run_sync(check, file, "--json", "--estimate", "--log-format", "json")
    result = msgspec.json.decode(plain, type=CheckResult)
    assert (code, result.exit_code, result.schema_version, result.estimate) == (3, 3, 1, None)
    one, other, failed = result.endpoints
    assert (one.name, one.status, one.records, one.products, one.priced) == ("api1", "ok", 20, 20, 20)
    assert one.paging is PagingStyle.PAGE
    assert (one.announced_pages, one.problem, one.format) == (7, None, "json")
    assert (other.status, other.paging) == ("ok", PagingStyle.CURSOR)
    assert (failed.status, failed.code) == ("failed", 404)
    assert failed.problem
    assert "check the URL" in failed.problem
    assert "endpoints use 127.0.0.1" in result.notices[0]
    assert result.store == store
    forecast = msgspec.json.decode(estimated, type=CheckResult).estimate
    assert forecast
    assert [each.name for each in forecast.endpoints] == ["api1", "cursors", "dead"]
    assert forecast.unknown == ["cursors", "dead"]
