"""Real workers, killed at random instants: nothing is lost, and no server sees more requests than its limit allows."""

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import psutil
import pytest
import trio
from helpers.processes import products, run_whole, start
from helpers.running import run_pipeline

from mockapi.probe import fetch_stats
from mockapi.serve import serving
from mockapi.settings import Settings
from pipeline.config.endpoint import Endpoint, RateLimit, Retry
from pipeline.config.settings import Config
from pipeline.engine.opening import open_engine

# `just torture` kills 100 workers and 20 coordinators of each engine.
WORKER_KILLS = int(os.environ.get("ENGINE_KILLS", "3"))
COORDINATOR_KILLS = max(1, WORKER_KILLS // 5)
RATE = 10.0
ENGINES = ("processes:2", "dask:local:2")


def workers() -> Sequence[psutil.Process]:
    """Return the worker processes of this process; those of Dask are children of its nannies in this process."""
    return [each for each in psutil.Process().children(recursive=True) if "--multiprocessing-fork" in each.cmdline()]


def test_the_marker_of_a_worker_is_its_command() -> None:
    """A spawned process is recognised by its command line; the resource tracker is not a worker."""
    process = multiprocessing.get_context("spawn").Process(target=signal.pause)
    process.start()
    try:
        assert [each.pid for each in workers()] == [process.pid]
    finally:
        process.kill()
        process.join()


@pytest.mark.parametrize("engine", ENGINES)
async def test_killed_workers_cost_no_product_and_no_refusal(engine: str, tmp_path: Path) -> None:
    """Workers are killed again and again; the catalogue is whole, and the server never refuses a request."""
    rng = Random(2026)
    # A Dask worker takes a second to start. A group is given up after eight deaths without a result between them.
    pauses = (2.5, 4.0) if engine.startswith("dask") else (0.6, 1.2)
    pages = int(RATE * (max(pauses) * WORKER_KILLS + 2))  # the run outlasts the kills
    mocks = Settings(ports=(0, 0, 0), pages=pages, rate_limit=RATE, burst=5)
    killed = 0
    async with serving(mocks) as urls:
        config = Config(
            output=str(tmp_path / "s.json"),
            timeout=1800.0,
            rate_limit=RateLimit(rps=RATE, burst=5),
            retry=Retry(base_delay=0.05),
            engine_slice=1.0,
            endpoints=tuple(Endpoint(name=name, url=f"{url}/products") for name, url in urls.items()),
        )

        async def kill() -> None:
            nonlocal killed
            while not (await fetch_stats(urls["api1"])).requests:
                await trio.sleep(0.05)
            while killed < WORKER_KILLS:
                await trio.sleep(rng.uniform(*pauses))
                if alive := workers():
                    rng.choice(alive).kill()
                    killed += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(kill)
            summary = await run_pipeline(config, engine=open_engine(engine))
            nursery.cancel_scope.cancel()
        assert killed == WORKER_KILLS
        assert summary.summary.status == "complete", summary.errors
        assert summary.summary.total_products == 3 * mocks.pages * 20
        for url in urls.values():
            assert 429 not in (await fetch_stats(url)).statuses


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_killed_coordinator_is_resumed(engine: str, tmp_path: Path) -> None:
    """After SIGKILL its workers end too, and the resumed run ends with the same products."""
    rng = Random(7)
    async with serving(Settings(ports=(0, 0, 0), pages=10, latency=0.05)) as urls:
        undisturbed = await run_whole(urls, tmp_path / "undisturbed.json")
        for index in range(COORDINATOR_KILLS):
            folder = tmp_path / str(index)
            folder.mkdir()
            flags = ("--set", f"engine={engine}", "--set", "engine_slice=0.3")
            process = await start(urls, folder / "s.json", *flags)
            children = psutil.Process(process.pid).children(recursive=True)
            await trio.sleep(rng.uniform(0, 1))
            process.kill()
            await process.wait()
            with trio.fail_after(10):
                while any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in children):
                    await trio.sleep(0.05)
            assert await run_whole(urls, folder / "s.json", "--resume", *flags) == undisturbed


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_signal_keeps_what_the_workers_have(engine: str, tmp_path: Path) -> None:
    """SIGINT to the whole process group, as a terminal sends it: exit code 130, a summary, and a way on."""
    output = tmp_path / "s.json"
    async with serving(Settings(ports=(0, 0, 0), pages=30, latency=0.1)) as urls:
        endpoints = json.dumps([{"name": name, "url": f"{url}/products"} for name, url in urls.items()])
        settings = [f"endpoints={endpoints}", f"output={output}", f"engine={engine}", "rate_limit.rps=5"]
        command = [sys.executable, "-m", "pipeline", *(part for each in settings for part in ("--set", each))]
        process = await trio.lowlevel.open_process(command, start_new_session=True)
        with trio.fail_after(40):
            while min([(await fetch_stats(url)).requests for url in urls.values()]) < 8:
                await trio.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        with trio.fail_after(10):
            assert await process.wait() == 130
        document = json.loads(output.read_bytes())
        assert document["summary"]["total_products"] > 0
        assert {source["status"] for source in document["sources"]} <= {"partial", "complete", "failed"}
        await run_whole(urls, output, "--resume")
    assert len(products(output)) == 3 * 30 * 20
