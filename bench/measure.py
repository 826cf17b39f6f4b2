"""Measure contenders as processes, and check their output: shared by the benchmarks."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

HERE = Path(__file__).parent
os.environ["no_proxy"] = "127.0.0.1"  # the server is local; some clients read proxies from the environment
# Installed programs have byte code; without it, compiling the imports would take longer than the start itself.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


class Measure(msgspec.Struct, frozen=True):
    """One process from start to end, children included: times in seconds, peak memory in MiB, exit code."""

    wall: float
    cpu: float
    peak: float
    code: int


class Result(Measure, frozen=True):
    """A measured process and the number of valid products that it wrote."""

    products: int


class Contender(msgspec.Struct, frozen=True):
    """A program to measure: its name in tables, its script in ``peers/``, and the file or folder that it writes."""

    name: str
    script: str
    output: str = "products.json"

    def command(self, output: Path, rps: str, urls: Sequence[str]) -> list[str]:
        """Return the command that fetches ``urls`` as api1, api2 and so on, at ``rps`` requests per second each.

        ``rps`` "0" is no limit.
        """
        return [sys.executable, str(HERE / "peers" / f"{self.script}.py"), str(output), rps, *urls]


class Pipeline(Contender, frozen=True):
    """The pipeline itself, with a description of its records if there are ``fields``."""

    fields: tuple[tuple[str, str], ...] = ()

    def command(self, output: Path, rps: str, urls: Sequence[str]) -> list[str]:
        """Write a configuration file and return the command: a thousand URLs exceed a command line."""
        described = {"fields": dict(self.fields)} if self.fields else {}
        endpoints = [{"name": f"api{number}", "url": url, **described} for number, url in enumerate(urls, start=1)]
        config = {
            "endpoints": endpoints,
            "output": str(output),
            "rate_limit": {"rps": float(rps)},
            "timeout": 600,
            "expect": {"min_products": 0},  # a run without records is a baseline
        }
        file = output.with_suffix(".config")
        file.write_bytes(msgspec.json.encode(config))  # JSON is YAML
        return [sys.executable, "-m", "pipeline", "-c", str(file)]


PIPELINE = Pipeline("pipeline", "")
DESCRIBED = Pipeline(
    "pipeline, described",
    "",
    fields=(("id", "id"), ("title", "name"), ("price", "price"), ("category", "category")),
)
BARE = Contender("bare script", "bare")
AIOHTTP = Contender("aiohttp + orjson", "aiohttp_orjson")
BARE_UNKIND = Contender("bare script", "bare_unkind")
COMMON = Contender("common style", "common")
SINGER = Contender("singer-sdk", "singer_tap", "messages.singer")
DLT = Contender("dlt", "dlt_rest_api", "tables")
SCRAPY = Contender("Scrapy", "scrapy_spider", "products.jsonl")


def measure(command: Sequence[str]) -> Measure:
    """Run a command and return the operating system's figures for it and the children that it waited for.

    The peak is that of the largest process among them.

    Raises:
        click.ClickException: if the peak is unreliable. A process inherits the peak of its parent, so a smaller
            one cannot be seen.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if usage.ru_maxrss <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
        raise click.ClickException(f"its peak memory is unknown, since this process used more: {' '.join(command)}")
    return Measure(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode)


def fetch(contender: Contender, rps: str, urls: Sequence[str]) -> Result:
    """Run a contender in an empty folder and count its valid products."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / contender.output
        measured = measure(contender.command(output, rps, urls))
        counted = subprocess.run(
            [sys.executable, str(HERE / "verify.py"), str(output)], capture_output=True, text=True, check=True
        )
    return Result(*msgspec.structs.astuple(measured), products=int(counted.stdout))


def fetch_all(contender: Contender, urls: Sequence[str], expected: int) -> Result:
    """Run a contender without a rate limit.

    Raises:
        click.ClickException: if products are missing: incomplete work has no comparable figure.
    """
    result = fetch(contender, "0", urls)
    if result.code or result.products != expected:
        raise click.ClickException(
            f"{contender.name}: exit code {result.code}, {result.products} of {expected} products in shape"
        )
    return result


@contextmanager
def serving(pages: int, records: int, data: str = "plain") -> Iterator[str]:
    """Serve pre-rendered pages of a data set while the block runs, and yield their URL."""
    with server([sys.executable, str(HERE / "server.py"), str(pages), str(records), data]) as line:
        yield f"http://127.0.0.1:{int(line)}/products"


@contextmanager
def server(command: Sequence[str]) -> Iterator[str]:
    """Start a server, and yield the first line that it prints when it is ready; stop it after the block."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise click.ClickException(f"the server did not start: {' '.join(command)}")
            yield line
        finally:
            process.terminate()


def median(results: Sequence[Measure], field: str) -> float:
    """Return the median of one field."""
    return statistics.median(getattr(result, field) for result in results)


def table(*rows: Sequence[str]) -> None:
    """Print a Markdown table; the first row is its header."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * width for width in widths]
    for cells in (rows[0], rule, *rows[1:]):
        click.echo("| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |")
