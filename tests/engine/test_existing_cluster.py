"""A Dask cluster that was there before the run: it is used, left as it was, and freed from the work of the dead."""

import logging
from collections.abc import Iterator
from pathlib import Path

import dask
import pytest
import trio
from distributed import Client, LocalCluster
from helpers.processes import run_whole, start

from mockapi.probe import fetch_stats
from mockapi.serve import serving
from mockapi.settings import Settings
from pipeline.engine.dask import Dask
from pipeline.errors import ConfigError

MOCKS = Settings(ports=(0, 0, 0), pages=20, latency=0.1)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Start a cluster with two workers, and return the address of its scheduler."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL
    ) as cluster:
        yield cluster.scheduler_address.removeprefix("tcp://")


async def test_a_run_leaves_the_cluster_as_it_was(scheduler: str, tmp_path: Path) -> None:
    """The catalogue is that of one process; afterwards the scheduler holds no results, and its workers are there."""
    async with serving(MOCKS) as urls:
        alone = await run_whole(urls, tmp_path / "alone.json")
        assert await run_whole(urls, tmp_path / "shared.json", "--engine", f"dask://{scheduler}") == alone
    with Client(f"tcp://{scheduler}") as client:
        assert sum(client.nthreads().values()) == 2
        assert not any(client.has_what().values())


async def test_the_tasks_of_a_killed_coordinator_end(scheduler: str, tmp_path: Path) -> None:
    """Within a second or two no request is sent any more, although the slice would last for a minute."""
    flags = ("--engine", f"dask://{scheduler}", "--set", "engine_slice=60", "--set", "timeout=120")
    async with serving(Settings(ports=(0, 0, 0), pages=2_000, latency=0.1)) as urls:
        process = await start(urls, tmp_path / "s.json", *flags)
        await trio.sleep(4)  # into a slice of several seconds
        process.kill()
        await process.wait()
        await trio.sleep(2)
        seen = [(await fetch_stats(url)).requests for url in urls.values()]
        await trio.sleep(1)
        assert [(await fetch_stats(url)).requests for url in urls.values()] == seen
        assert min(seen) > 0


async def test_a_scheduler_that_is_not_there_is_a_mistake_in_the_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error names the address and what to check."""
    monkeypatch.setattr("pipeline.engine.dask._CONNECTING", 0.3)
    missing = r"engine: no Dask worker of the scheduler 127\.0\.0\.1:9 can be reached"
    with dask.config.set({"distributed.comm.timeouts.connect": "300ms"}), pytest.raises(ConfigError, match=missing):
        async with Dask("127.0.0.1:9", workers=1):
            pass
