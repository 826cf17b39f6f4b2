"""Measure the engines: processing recorded pages, keeping a rate limit, and 10,000 endpoints.

``just bench-engine [--rounds N]``. Recorded pages come from files, so that no server takes a core.
The other servers are separate processes.
"""

import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any

import click
import httpx
import trio
from data import DATA, products_in
from measure import PIPELINE, Contender, Pipeline, fetch, serving, table

from pipeline.config.endpoint import Endpoint, RateLimit
from pipeline.config.resolve import ResolvedEndpoint, resolve
from pipeline.config.settings import Config
from pipeline.engine.processes import Processes
from pipeline.engine.slices import walk
from pipeline.fetch.http.client import Client
from pipeline.runner import Run

ENDPOINTS, PAGES, RECORDS = 8, 600, 100
MANY = 10_000

# The folder of the recording, which the workers inherit.
RECORDING = "BENCH_RECORDING"


@contextmanager
def recording(data: str) -> Iterator[None]:
    """Write the pages of a data set into files while the block runs; the last one is empty."""
    with tempfile.TemporaryDirectory() as folder:
        for page in range(1, PAGES + 2):
            records = DATA[data](page, RECORDS) if page <= PAGES else []
            (Path(folder) / str(page)).write_text(json.dumps({"products": records}))
        os.environ[RECORDING] = folder
        yield


class Recording(httpx.AsyncBaseTransport):
    """A transport that answers with the recorded pages."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the requested page."""
        file = Path(os.environ[RECORDING]) / request.url.params.get("page", "1")
        body = httpx.ByteStream(file.read_bytes())  # noqa: ASYNC240 - from the page cache
        return httpx.Response(200, headers={"content-type": "application/json"}, stream=body)


def connect(endpoint: ResolvedEndpoint) -> Client:
    """Return a client of the recording."""
    return Client(endpoint.url, endpoint.http, ssl_context=SSLContext(PROTOCOL_TLS_CLIENT), transport=Recording())


def walk_recorded(task: Any, is_stopping: Callable[[], bool]) -> Any:
    """Walk a slice over the recording."""
    return walk(task, is_stopping, connect=connect)


class RecordedProcesses(Processes):
    """Processes whose network is the recording."""

    async def call(self, function: Callable[..., Any], argument: Any) -> Any:  # noqa: ARG002 - always the same
        """Walk a slice over the recording."""
        return await super().call(walk_recorded, argument)


def seconds_for(data: str, workers: int) -> float:
    """Return the seconds for the recorded pages of a data set, on ``workers`` processes or on none.

    Raises:
        click.ClickException: if products are missing.
    """
    endpoints = tuple(Endpoint(name=f"api{number}", url="http://mock.test/products") for number in range(ENDPOINTS))
    with tempfile.TemporaryDirectory() as folder:
        output = str(Path(folder) / "s.json")
        config = Config(output=output, timeout=600.0, rate_limit=RateLimit(rps=0.0), endpoints=endpoints)
        engine = RecordedProcesses(workers) if workers else None
        started = time.perf_counter()
        summary = trio.run(Run(config, resolve(config), connect=connect, engine=engine).execute)
        seconds = time.perf_counter() - started
    if summary.summary.total_products != ENDPOINTS * products_in(data, PAGES, RECORDS):
        raise click.ClickException(f"{summary.summary.total_products} products")
    return seconds


class OnEngine(Pipeline, frozen=True):
    """The pipeline on an engine."""

    engine: str = "processes:4"

    def command(self, output: Path, rps: str, urls: Any) -> list[str]:
        """Return the command with the engine."""
        return [*super().command(output, rps, urls), "--engine", self.engine]


def recorded_pages(rounds: int) -> None:
    """Compare no engine, one process and two, in turn."""
    click.echo(f"{ENDPOINTS} endpoints × {PAGES} recorded pages × {RECORDS} records, seconds; medians of {rounds}\n")
    rows = []
    for data in ("plain", "text", "2500"):
        times: dict[int, list[float]] = {0: [], 1: [], 2: []}
        with recording(data):
            for _ in range(rounds):
                for workers, measured in times.items():
                    measured.append(seconds_for(data, workers))
        alone, one, two = (statistics.median(measured) for measured in times.values())
        gains = [statistics.median(a / b for a, b in zip(times[n], times[2], strict=True)) for n in (0, 1)]
        rows.append((data, *(f"{seconds:.2f}" for seconds in (alone, one, two)), *(f"{gain:.2f}" for gain in gains)))
    table(("records", "no engine", "1 process", "2 processes", "× no engine", "× 1 process"), *rows)


def at_a_rate(rounds: int) -> None:
    """Compare the wall time at a rate limit with and without slices."""
    contenders: dict[str, Contender] = {
        "no engine": PIPELINE,
        "processes:1": OnEngine("", "", engine="processes:1"),
        "dask:local:1": OnEngine("", "", engine="dask:local:1"),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    with serving(300, 10) as url:
        for _ in range(rounds):
            for name, contender in contenders.items():
                times[name].append(fetch(contender, "5", [url]).wall)
    click.echo(
        f"\n300 pages at 5 requests a second: wall seconds, start of the processes included; medians of {rounds}\n"
    )
    base = statistics.median(times["no engine"])
    rows = [
        (name, f"{statistics.median(each):.1f}", f"{statistics.median(each) / base:.2f}")
        for name, each in times.items()
    ]
    table(("", "wall s", "× no engine"), *rows)


def many_endpoints() -> None:
    """Measure 10,000 endpoints of two pages."""
    click.echo(f"\n{MANY:,} endpoints × 2 pages × 10 records, no rate limit, all complete\n")
    rows = []
    with serving(2, 10) as url:
        for name, contender in (("no engine", PIPELINE), ("processes:4", OnEngine("", ""))):
            result = fetch(contender, "0", [url] * MANY)
            if result.code or result.products != MANY * 20:
                raise click.ClickException(f"{name}: exit code {result.code}, {result.products} products")
            rows.append((name, f"{result.wall:.0f}", f"{result.cpu:.0f}", f"{result.peak:.0f}"))
    table(("", "wall s", "cpu s", "peak MiB of the largest process"), *rows)


@click.command()
@click.option("--rounds", default=3, help="Runs of each.", show_default=True)
def main(rounds: int) -> None:
    """Measure what the engines gain and cost."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    at_a_rate(1)
    many_endpoints()
    recorded_pages(rounds)


if __name__ == "__main__":
    main()
