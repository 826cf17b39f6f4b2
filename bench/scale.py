"""Measure how the pipeline scales: time per record and memory by size, a thousand endpoints, start-up.

``just bench-scale [--rounds N]``. There is no rate limit, and the server is a separate process. The cost of a run
without records is subtracted before the cost per record is computed.
"""

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack

import click
from measure import PIPELINE, Measure, fetch_all, median, serving, table

RECORDS = 100
# Runs per round for each number of records. Short runs consist mostly of start-up, so they need more.
REPEATS = {10_000: 5, 100_000: 2, 1_000_000: 1}
ENDPOINTS, PAGES_EACH = 1_000, 3
STARTS = 11
PROGRAM = (sys.executable, "-m", "pipeline", "--version")
LIBRARIES = (sys.executable, "-c", "import click, trio, httpx, msgspec")


def records(rounds: int) -> None:
    """Measure one endpoint with each number of records, each time after a run without records."""
    pairs: dict[int, list[tuple[Measure, Measure]]] = {size: [] for size in REPEATS}
    with ExitStack() as stack:
        urls = {size: stack.enter_context(serving(size // RECORDS, RECORDS)) for size in (0, *REPEATS)}
        for _ in range(rounds):
            for size, repeats in REPEATS.items():
                for _ in range(repeats):
                    pairs[size].append((fetch_all(PIPELINE, [urls[0]], 0), fetch_all(PIPELINE, [urls[size]], size)))

    def microseconds(size: int, field: str) -> float:
        each = ((getattr(full, field) - getattr(idle, field)) / size for idle, full in pairs[size])
        return statistics.median(each) * 1e6

    click.echo(f"One endpoint, pages of {RECORDS} records; medians, start and end of the process taken off\n")
    heads = ("records", "wall s", "µs a record", "cpu µs a record", "peak MiB", "runs")
    rows = []
    for size in REPEATS:
        full = [full for _, full in pairs[size]]
        figures = (microseconds(size, "wall"), microseconds(size, "cpu"))
        wall, peak = median(full, "wall"), median(full, "peak")
        rows.append(
            (f"{size:,}", f"{wall:.2f}", *(f"{figure:.1f}" for figure in figures), f"{peak:.0f}", f"{len(full)}")
        )
    table(heads, *rows)


def endpoints(rounds: int) -> None:
    """Measure a run with a thousand endpoints."""
    expected = ENDPOINTS * PAGES_EACH * RECORDS
    with serving(PAGES_EACH, RECORDS) as url:
        results = [fetch_all(PIPELINE, [url] * ENDPOINTS, expected) for _ in range(rounds)]
    click.echo(
        f"\n{ENDPOINTS:,} endpoints × {PAGES_EACH} pages × {RECORDS} records, all complete: "
        f"{median(results, 'wall'):.1f} s, cpu {median(results, 'cpu'):.1f} s, peak {median(results, 'peak'):.0f} MiB"
    )


def start_up() -> None:
    """Compare ``--version`` with importing only the libraries that the program needs."""
    pairs = [(_seconds(PROGRAM), _seconds(LIBRARIES)) for _ in range(STARTS + 1)][1:]
    program, libraries = map(statistics.median, zip(*pairs, strict=True))
    click.echo(
        f"\nStart-up: `--version` {program * 1000:.0f} ms, importing its libraries {libraries * 1000:.0f} ms: "
        f"× {program / libraries:.2f}; medians of {STARTS}"
    )


def _seconds(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


@click.command()
@click.option("--rounds", default=3, help="Runs of each.", show_default=True)
def main(rounds: int) -> None:
    """Measure the cost of a record, of an endpoint and of a start."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a thousand connections exceed the usual soft limit
    records(rounds)
    endpoints(rounds)
    start_up()


if __name__ == "__main__":
    main()
