"""Measure a feed: a gzipped CSV of 2,000,000 rows, whose rows have 12 columns and about 240 bytes.

``just bench-feed [--rows N]``. The feed is a file, so that no server is measured. The memory of a run on ten rows, and
that of the ids alone, are measured beside it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import click
import msgspec
from measure import Measure, measure, table
from servers.feed import FIELDS, write

IDS = """
import os
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
before, known, held = resident(), {{}}, object()
for start in range(0, {rows}, 1000):
    known |= dict.fromkeys([f"feed:{{10_000_000 + number}}" for number in range(start, start + 1000)], held)
print(resident() - before)
"""


def run(folder: Path, file: str) -> Measure:
    """Run the pipeline on a feed in ``folder``."""
    endpoint = {"name": "feed", "url": (folder / file).as_uri(), "format": "csv", "fields": FIELDS}
    config = folder / "config.json"
    config.write_bytes(msgspec.json.encode({"endpoints": [endpoint], "output": str(folder / "s.json"), "timeout": 600}))
    measured = measure([sys.executable, "-m", "pipeline", "-c", str(config), "--no-progress"])
    if measured.code:
        raise click.ClickException(f"the run on {file} ended with {measured.code}")
    return measured


@click.command(context_settings={"show_default": True})
@click.option("--rows", default=2_000_000, help="Rows of the feed.")
def main(rows: int) -> None:
    """Print the time and the memory of a run, and of one more on the unchanged feed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(10, folder / "few.csv.gz")
        write(rows, folder / "many.csv.gz")
        idle = run(folder, "few.csv.gz")
        first = run(folder, "many.csv.gz")
        again = run(folder, "many.csv.gz")
    done = subprocess.run([sys.executable, "-c", IDS.format(rows=rows)], capture_output=True, check=True, text=True)
    ids = float(done.stdout)
    table(
        ("", "wall s", "cpu s", "peak MiB", "µs a row"),
        ("ten rows", f"{idle.wall:.2f}", f"{idle.cpu:.2f}", f"{idle.peak:.0f}", ""),
        (
            f"{rows:,} rows",
            f"{first.wall:.1f}",
            f"{first.cpu:.1f}",
            f"{first.peak:.0f}",
            f"{first.wall / rows * 1e6:.1f}",
        ),
        ("unchanged", f"{again.wall:.1f}", f"{again.cpu:.1f}", f"{again.peak:.0f}", f"{again.wall / rows * 1e6:.1f}"),
        ("their ids alone", "", "", f"{ids:.0f}", ""),
        ("beyond both", "", "", f"{first.peak - idle.peak - ids:.0f}", ""),
    )


if __name__ == "__main__":
    main()
