"""The pipeline in processes against mocks, for tests that stop them at random instants."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import trio

from mockapi.probe import fetch_stats

# Without coverage: a killed process reports none, and starting is most of its time.
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}


def command(urls: Mapping[str, str], output: Path, *flags: str) -> list[str]:
    endpoints = json.dumps([{"name": name, "url": f"{url}/products"} for name, url in urls.items()])
    settings = [f"endpoints={endpoints}", f"output={output}", "rate_limit.rps=0", "log.level=ERROR"]
    return [sys.executable, "-m", "pipeline", *(part for each in settings for part in ("--set", each)), *flags]


async def run_whole(urls: Mapping[str, str], output: Path, *flags: str) -> list[bytes]:
    with trio.fail_after(60):
        await trio.run_process(command(urls, output, *flags), env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    return products(output)


def products(output: Path) -> list[bytes]:
    """Return the lines of the products in the file, without `processed_at`."""
    document: dict[str, Any] = json.loads(output.read_bytes())
    assert document["summary"]["status"] == "complete"
    lines = output.read_bytes().partition(b'"products": [\n')[2].partition(b"],\n")[0].splitlines()
    return [line.partition(b'"processed_at"')[0] for line in lines]


async def start(urls: Mapping[str, str], output: Path, *flags: str) -> trio.Process:
    """Start a run, and wait until it has made its first request or has ended."""
    seen = (await fetch_stats(urls["api1"])).requests
    process = await trio.lowlevel.open_process(
        command(urls, output, *flags), env=ENVIRONMENT, stdout=subprocess.DEVNULL
    )
    with trio.fail_after(30):
        while (await fetch_stats(urls["api1"])).requests == seen and process.poll() is None:
            await trio.sleep(0.005)
    return process
