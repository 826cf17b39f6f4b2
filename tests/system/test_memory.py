"""Memory use: products are on disk, and only the set of ids grows with their number."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Fetches a number of pages of a hundred records in its own process, and prints products and peak memory in MiB.
SCRIPT = """
import re, sys
from pathlib import Path
import httpx, msgspec, trio
from helpers.running import run_pipeline
from helpers.support import NO_LIMIT, NO_TLS, config, reply
from pipeline.fetch.http.client import Client

PAGES, OUTPUT = int(sys.argv[1]), sys.argv[2]

class Api(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request):
        await trio.lowlevel.checkpoint()
        page = int(request.url.params["page"])
        if page > PAGES:
            return reply(204)
        return reply(200, msgspec.json.encode([
            {"id": page * 100 + i, "name": f"Ivory Kettle {page}-{i}", "price": 12.34 + i, "category": "Home"}
            for i in range(100)
        ]))

def connect(endpoint):
    return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=Api())

async def main():
    return await run_pipeline(config(OUTPUT, "shop", rate_limit=NO_LIMIT, timeout=300.0), connect=connect)

summary = trio.run(main)
# Not ru_maxrss, which in a child starts at its parent's value.
peak = re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())
print(summary.summary.total_products, int(peak[1]) // 1024)
"""


def peak_of(pages: int, folder: Path) -> tuple[int, int]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(pages), str(folder / "s.json")],
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    products, peak = map(int, done.stdout.split())
    return products, peak


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_memory_grows_by_the_ids_alone(tmp_path: Path) -> None:
    """A million products need less than 200 MB; each costs less memory than its 140 bytes on disk."""
    few, least = peak_of(200, tmp_path)
    many, peak = peak_of(10_000, tmp_path)
    assert (few, many) == (20_000, 1_000_000)
    assert (tmp_path / "s.json").stat().st_size / many > 140
    assert (peak - least) * 1024 * 1024 / (many - few) < 130
    assert peak < 200
