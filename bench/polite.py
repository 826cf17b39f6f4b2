"""Measures how close to the bound a walk comes that an API limits: 40 pages at 5 requests a second, 5 at once.

``just bench-polite [--rounds N]``. The server enforces the limit and counts its refusals; the bound is the time that
the limit takes, and one latency: (40 - 5) / 5 + latency. Whether there is a page 41 is asked besides.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import trio

from mockapi.probe import fetch_stats
from mockapi.serve import serving
from mockapi.settings import Settings

HERE = Path(__file__).parent
PAGES, RPS, BURST = 40, 5, 5
LATENCIES = (0.05, 0.3, 1.0)


async def measure(command: list[str], latency: float) -> tuple[float, int]:
    """The wall time of a command, its start included, and how many of its requests were refused."""
    settings = Settings(
        pages=PAGES, latency=latency, rate_limit=RPS, burst=BURST, personas=("api1",), ports=(0,), per_page=100
    )
    async with serving(settings) as urls:
        started = time.perf_counter()
        url = f"{urls['api1']}/products"
        await trio.run_process(
            [part.replace("URL", url) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wall = time.perf_counter() - started
        return wall, (await fetch_stats(urls["api1"])).statuses.get("429", 0)


@click.command()
@click.option("--rounds", default=3, help="Runs of each.")
def main(rounds: int) -> None:
    """Measure the pipeline beside a script in the common style, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        endpoints = json.dumps([{"name": "api1", "url": "URL"}])
        commands = {
            "pipeline": [
                *(sys.executable, "-m", "pipeline"),
                *(f"--set={setting}" for setting in (f"endpoints={endpoints}", f"output={folder}/pipeline.json")),
            ],
            "common style": [sys.executable, str(HERE / "common.py"), f"{folder}/common.json", str(RPS), "URL"],
        }
        click.echo(f"{'':14}{'latency s':>10}{'wall s':>9}{'bound s':>9}{'x bound':>9}{'429s':>6}")
        for latency in LATENCIES:
            results: dict[str, list[tuple[float, int]]] = {name: [] for name in commands}
            for _ in range(rounds):
                for name, command in commands.items():
                    results[name].append(trio.run(measure, command, latency))
            bound = (PAGES - BURST) / RPS + latency
            for name, measured in results.items():
                wall = statistics.median(wall for wall, _ in measured)
                refused = sum(refused for _, refused in measured)
                click.echo(f"{name:14}{latency:10}{wall:9.2f}{bound:9.2f}{wall / bound:9.3f}{refused:6}")


if __name__ == "__main__":
    main()
