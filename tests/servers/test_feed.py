"""A feed of two million rows (`FEED_ROWS`) from nginx: complete, unchanged, changed, and resumed after kill -9."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from servers.feed import FIELDS, total_of, write
from servers.running import Server, start
from servers.software import ENVIRONMENT, missing

ROWS = int(os.environ.get("FEED_ROWS", "2000000"))
# Measured: 11 MiB beyond the ids and what the program needs for any run.
MOST_MIB = 50


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if reason := missing("nginx-files"):
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("feed")
    with start("nginx-files", folder) as running:
        write(ROWS, folder / "nginx-files" / "feed.csv.gz")
        write(5_000, folder / "nginx-files" / "small.csv")
        yield running


def command(server: Server, folder: Path, file: str = "feed.csv.gz", **keys: Any) -> list[str]:
    endpoint = {"name": "shop", "url": f"{server.url}/{file}", "format": "csv", "fields": FIELDS, **keys}
    settings = ("--no-progress", "--set", f"endpoints={json.dumps([endpoint])}", "-o", str(folder / "s.json"))
    return [sys.executable, "-m", "pipeline", "run", *settings, "-t", "600"]


def measured(arguments: list[str]) -> tuple[int, float]:
    """Run a process to its end; return its exit code and its peak memory in MiB."""
    process = subprocess.Popen(arguments, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss / 1024


def source_of(folder: Path) -> dict[str, Any]:
    """Return the source of a summary, without reading its products."""
    with (folder / "s.json").open() as file:
        head = "".join(iter(file.readline, '"products": [\n'))
    source: dict[str, Any] = json.loads(head.rstrip().removesuffix(",") + "}", parse_float=Decimal)["sources"][0]
    return source


def test_a_large_feed_is_read_in_bounded_memory(server: Server, tmp_path: Path) -> None:
    """All rows are products with exact prices, after one request, and memory holds little more than their ids."""
    code, idle = measured(command(server, tmp_path, "small.csv"))
    assert code == 0
    ids = subprocess.run(
        [sys.executable, "-c", IDS.format(rows=ROWS)], capture_output=True, check=True, text=True, env=ENVIRONMENT
    )
    before = server.requests()
    code, peak = measured(command(server, tmp_path))
    assert code == 0
    source = source_of(tmp_path)
    assert (source["status"], source["products"], source["requests"]) == ("complete", ROWS, 1)
    assert server.requests() == before + 1
    prices = source["prices"]["EUR"]
    assert prices["count"] == ROWS
    assert prices["avg"] == (total_of(ROWS) / ROWS).quantize(prices["avg"])
    assert peak - idle - float(ids.stdout) < MOST_MIB

    old = (tmp_path / "s.json").read_bytes().partition(b'"products": [')[2]
    assert measured(command(server, tmp_path))[0] == 0
    unchanged = source_of(tmp_path)
    assert (unchanged["unchanged"], unchanged["requests"]) == (True, 1)
    assert server.answers()[-1].status == 304
    assert (tmp_path / "s.json").read_bytes().partition(b'"products": [')[2] == old


IDS = """
import os
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
before, known, held = resident(), {{}}, object()
for start in range(0, {rows}, 1000):
    known |= dict.fromkeys([f"shop:{{10_000_000 + number}}" for number in range(start, start + 1000)], held)
print(resident() - before)
"""


def test_a_feed_that_has_changed_is_read_again(server: Server, tmp_path: Path) -> None:
    """A file that is written anew has another validator, and its new rows are the products."""
    path = server.database.with_name("changing.csv")
    for rows in (1_500, 1_700):
        write(rows, path)
        os.utime(path, (rows, rows))
        assert measured(command(server, tmp_path, "changing.csv"))[0] == 0
        assert (source_of(tmp_path)["products"], source_of(tmp_path)["unchanged"]) == (rows, False)


def test_nginx_compresses_on_the_way(server: Server, tmp_path: Path) -> None:
    """A feed that nginx compresses by itself is decompressed, in spite of chunked transfer and a weak validator."""
    assert measured(command(server, tmp_path, "gzipped/small.csv"))[0] == 0
    assert source_of(tmp_path)["products"] == 5_000
    assert measured(command(server, tmp_path, "gzipped/small.csv"))[0] == 0
    assert source_of(tmp_path)["unchanged"]


def test_a_run_that_is_killed_is_resumed_to_the_same_products(server: Server, tmp_path: Path) -> None:
    """After kill -9 in the middle of the feed, --resume gives exactly the rows of the feed."""
    arguments = command(server, tmp_path)
    killed = subprocess.Popen(arguments, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pages, until = tmp_path / "s.journal" / "pages", time.monotonic() + 60
    while not (pages.exists() and pages.stat().st_size > 3_000_000):
        assert time.monotonic() < until
        assert killed.poll() is None
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert measured([*arguments, "--resume"])[0] == 0
    source = source_of(tmp_path)
    assert (source["status"], source["products"], source["duplicates"]) == ("complete", ROWS, 0)
    assert source["prices"]["EUR"]["avg"] == (total_of(ROWS) / ROWS).quantize(source["prices"]["EUR"]["avg"])
