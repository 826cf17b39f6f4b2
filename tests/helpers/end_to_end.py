"""Runs of the whole program as a process against mocks."""

import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio

from mockapi.faults import parse_fault
from mockapi.serve import serving
from mockapi.settings import Settings

# For tests that are not about waiting.
BRISK = ("rate_limit.rps=200", "retry.base_delay=0.05", "breaker.cooldown=0.3")


class Outcome(msgspec.Struct):
    """The exit code, output and summary of a run."""

    code: int
    stdout: str
    stderr: str
    document: dict[str, Any] | None

    def source(self, name: str) -> dict[str, Any]:
        assert self.document is not None
        return next(source for source in self.document["sources"] if source["name"] == name)

    def products(self) -> list[dict[str, Any]]:
        assert self.document is not None
        return [{**product, "processed_at": None} for product in self.document["products"]]


@asynccontextmanager
async def mocks(*faults: str, **settings: Any) -> AsyncIterator[Mapping[str, str]]:
    chosen = Settings(ports=(0, 0, 0), faults=[parse_fault(fault) for fault in faults], **settings)
    async with serving(chosen) as urls:
        yield urls


def command(urls: Mapping[str, str], output: Path, settings: Sequence[str], flags: Sequence[str]) -> list[str]:
    endpoints = [{"name": name, "url": f"{url}/products"} for name, url in urls.items()]
    every = [f"endpoints={json.dumps(endpoints)}", f"output={output}", *settings]
    return [sys.executable, "-m", "pipeline", *(part for each in every for part in ("--set", each)), *flags]


async def run(urls: Mapping[str, str], output: Path, *settings: str, flags: Sequence[str] = ()) -> Outcome:
    with trio.fail_after(60):
        done = await trio.run_process(
            command(urls, output, settings, flags), capture_stdout=True, capture_stderr=True, check=False
        )
    return outcome(done.returncode, done.stdout, done.stderr, output)


def outcome(code: int, stdout: bytes, stderr: bytes, output: Path) -> Outcome:
    document = json.loads(output.read_bytes()) if output.exists() else None
    return Outcome(code, stdout.decode(), stderr.decode(), document)
