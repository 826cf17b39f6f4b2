"""The examples of docs/ that read a catalogue with DuckDB, pandas and Polars."""

import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
import trio
from helpers.databases import fetch

from docs.documents import ROOT
from mockapi.serve import serving
from mockapi.settings import Settings
from servers.software import ENVIRONMENT, PYTHON, installed

READERS = ("duckdb", "pandas", "polars", "pyarrow", "sqlalchemy")
SUFFIXES = ("jsonl", "csv", "parquet")
NAMES = ("api1", "api3")


def examples(document: str) -> list[str]:
    """Return the blocks of Python in a document that read files of a run."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / document).read_text(), re.DOTALL)
    return [block for block in blocks if "out/" in block]


async def two_nights(folder: Path) -> None:
    """Run the program on two nights of moving mocks, with all outputs that the examples read."""
    for night in (0, 5):
        ports = tuple(8201 + index for index in range(len(NAMES)))
        async with serving(Settings(personas=NAMES, ports=ports, night=night)) as urls:
            endpoints = [{"name": name, "url": f"{url}/products"} for name, url in urls.items()]
            for suffix in SUFFIXES if night else SUFFIXES[:1]:
                settings = ("--set", f"endpoints={json.dumps(endpoints)}", "--set", "rate_limit.rps=0", "--no-progress")
                outputs = ("--products", f"out/products.{suffix}", "--store", "sqlite:///out/catalogue.db")
                changes = ("--changes",) if suffix == SUFFIXES[0] else ()
                command = [sys.executable, "-m", "pipeline", "run", *settings, *outputs, *changes]
                await trio.run_process(command, cwd=folder, env=ENVIRONMENT, capture_stdout=True, capture_stderr=True)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not PYTHON:
        pytest.skip("`just test-servers` runs this test")
    if absent := set(READERS) - installed():
        pytest.skip(f"the examples need {', '.join(sorted(absent))}")
    folder = tmp_path_factory.mktemp("readers")
    trio.run(two_nights, folder)
    return folder / "out"


def printed(example: str, outputs: Path) -> Decimal:
    """Run an example beside the outputs, and return the number that it prints."""
    command = [PYTHON, "-W", "error", "-c", example]
    return Decimal(subprocess.run(command, cwd=outputs.parent, capture_output=True, check=True, text=True).stdout)


def test_all_readers_find_the_exact_prices_of_the_files(outputs: Path) -> None:
    """The sum of all prices is exact in each format, and with each reader."""
    summary = json.loads((outputs / "summary.json").read_text(), parse_float=Decimal, parse_int=Decimal)
    total = sum(product["price"] for product in summary["products"])
    sums = [printed(example, outputs) for example in examples("LOAD.md")]
    assert len(sums) == 5
    assert set(sums) == {total}


def test_the_readers_find_the_exact_prices_of_the_store(outputs: Path) -> None:
    """pandas finds the lowest price of each product, and Polars all that are offered now."""
    url = f"sqlite:///{outputs}/catalogue.db"
    lowest: dict[object, Decimal] = {}
    for product, price in fetch(url, "SELECT product, price FROM prices"):
        lowest[product] = min(lowest.get(product, Decimal(str(price))), Decimal(str(price)))
    offered = [Decimal(str(price)) for (price,) in fetch(url, "SELECT price FROM products WHERE removed_at IS NULL")]
    assert len(lowest) > len(offered)
    pandas, polars = examples("STORE.md")
    assert printed(pandas, outputs) == sum(lowest.values())
    assert printed(polars, outputs) == sum(offered)


def test_duckdb_reads_the_log(outputs: Path) -> None:
    """The query of OPERATE.md finds the end of each run in a log of two of them, with its exit code."""
    (query,) = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "OPERATE.md").read_text(), re.DOTALL)
    for rps in ("0", "-1"):
        endpoint = "endpoints=[{name: a, url: 'http://127.0.0.1:9/'}]"
        flags = ("--log-format", "json", "--set", endpoint, "-r", rps, "--set", "breaker.max_probes=1", "-o", "x.json")
        brisk = ("--set", "breaker.cooldown=0.1", "--set", "retry.base_delay=0.05")
        with (outputs.parent / "run.log").open("ab") as log:
            subprocess.run(
                [sys.executable, "-m", "pipeline", *flags, *brisk], cwd=outputs.parent, stderr=log, check=False
            )
    example = f"import duckdb\nprint(*[row[2] for row in duckdb.sql({query!r}.rstrip().rstrip(';')).fetchall()])"
    command = [PYTHON, "-W", "error", "-c", example]
    found = subprocess.run(command, cwd=outputs.parent, capture_output=True, check=True, text=True).stdout
    assert found == "1 2\n"


def test_duckdb_reads_the_changes(outputs: Path) -> None:
    """DuckDB finds each price that fell."""
    (example,) = examples("CHANGES.md")
    changes = [json.loads(line) for line in (outputs / "changes.jsonl").read_text().splitlines()]
    fallen = [each for each in changes if each.get("change") == "price" and (each["percent"] or 0) < 0]
    assert len(fallen) > 5
    assert printed(example, outputs) == len(fallen)
