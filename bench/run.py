"""Measures the pipeline beside two scripts in one run, in turn, and prints medians and their ratios to the bare one.

``just bench [--pages N] [--records N] [--rounds N]``. The rate limit is lifted; the server is a process of its own.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import msgspec

HERE = Path(__file__).parent


class Measure(msgspec.Struct, frozen=True):
    """One process from start to end: seconds and mebibytes."""

    wall: float
    cpu: float
    peak: float


def measure(command: list[str]) -> Measure:
    """Run a command to its end, by the operating system's own account of it."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise click.ClickException(f"exit code {process.returncode}: {' '.join(command)}")
    return Measure(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


@click.command()
@click.option("--pages", default=300, help="Pages of each of three endpoints.")
@click.option("--records", default=100, help="Records a page.")
@click.option("--rounds", default=3, help="Runs of each, after one to warm up.")
def main(pages: int, records: int, rounds: int) -> None:
    """Measure the pipeline beside the bare script and one in the common style."""
    server_command = [sys.executable, str(HERE / "server.py"), str(pages), str(records)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(server_command, stdout=subprocess.PIPE, text=True) as server,
    ):
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}/products"
            names = ["api1", "api2", "api3"]
            endpoints = json.dumps([{"name": name, "url": url} for name in names])
            settings = [f"endpoints={endpoints}", f"output={folder}/pipeline.json", "rate_limit.rps=0", "timeout=600"]
            commands = {
                "pipeline": [sys.executable, "-m", "pipeline", *(f"--set={setting}" for setting in settings)],
                "bare": [sys.executable, str(HERE / "bare.py"), f"{folder}/bare.json", *[url] * len(names)],
                "common": [sys.executable, str(HERE / "common.py"), f"{folder}/common.json", "0", *[url] * len(names)],
            }
            measures: dict[str, list[Measure]] = {name: [] for name in commands}
            for number in range(rounds + 1):
                for name, command in commands.items():
                    result = measure(command)
                    if number > 0:
                        measures[name].append(result)
        finally:
            server.terminate()
    report(measures, pages, records)


def report(measures: dict[str, list[Measure]], pages: int, records: int) -> None:
    """Print a table of medians, and of the ratios to the bare script, round by round."""
    click.echo(f"3 endpoints x {pages} pages x {records} records, no rate limit, medians of {len(measures['bare'])}")
    click.echo(f"{'':10}{'wall s':>10}{'cpu s':>10}{'peak MiB':>10}")
    for name, results in measures.items():
        values = [statistics.median(getattr(result, field) for result in results) for field in ("wall", "cpu", "peak")]
        click.echo(f"{name:10}" + "".join(f"{value:10.2f}" for value in values))
    for name in measures.keys() - {"bare"}:
        pairs = list(zip(measures[name], measures["bare"], strict=True))
        ratios = [
            statistics.median(getattr(one, field) / getattr(bare, field) for one, bare in pairs)
            for field in ("wall", "cpu", "peak")
        ]
        click.echo(f"{name:10}" + "".join(f"{ratio:9.2f}x" for ratio in ratios))


if __name__ == "__main__":
    main()
