"""What the benchmarks share: who takes part, how a process is measured, and what its output is checked by."""

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
os.environ["no_proxy"] = "127.0.0.1"  # for whoever asks the environment
# With byte code from the second start on, as where they are used: compiling what is imported takes longer than a start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


class Measure(msgspec.Struct, frozen=True):
    """A process from start to end, its children included: seconds, mebibytes, exit code."""

    wall: float
    cpu: float
    peak: float
    code: int


class Result(Measure, frozen=True):
    """What somebody took for a catalogue, and the products of it that are in shape."""

    products: int


class Contender(msgspec.Struct, frozen=True):
    """One that takes part: the name of its script in ``peers/``, and the name of what it writes."""

    name: str
    script: str
    output: str = "products.json"

    def command(self, output: Path, rps: str, urls: Sequence[str]) -> list[str]:
        """Fetch these endpoints, api1, api2 and so on, with so many requests a second each; 0 is no limit."""
        return [sys.executable, str(HERE / "peers" / f"{self.script}.py"), str(output), rps, *urls]


class Pipeline(Contender, frozen=True):
    """The pipeline itself."""

    def command(self, output: Path, rps: str, urls: Sequence[str]) -> list[str]:
        """The same, from a file: a thousand endpoints are too long for a command line."""
        endpoints = [{"name": f"api{number}", "url": url} for number, url in enumerate(urls, start=1)]
        config = {"endpoints": endpoints, "output": str(output), "rate_limit": {"rps": float(rps)}, "timeout": 600}
        file = output.with_suffix(".config")
        file.write_bytes(msgspec.json.encode(config))  # which is YAML, too
        return [sys.executable, "-m", "pipeline", "-c", str(file)]


PIPELINE = Pipeline("pipeline", "")
BARE = Contender("bare script", "bare")
AIOHTTP = Contender("aiohttp + orjson", "aiohttp_orjson")
COMMON = Contender("common style", "common")
SINGER = Contender("singer-sdk", "singer_tap", "messages.singer")
DLT = Contender("dlt", "dlt_rest_api", "tables")
SCRAPY = Contender("Scrapy", "scrapy_spider", "products.jsonl")


def measure(command: Sequence[str]) -> Measure:
    """Run a command to its end, by the operating system's own account of it and the children that it waited for.

    The peak is that of the largest process among them.

    Raises:
        click.ClickException: when the peak is not certain: a process begins with the peak of the one that starts it.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if usage.ru_maxrss <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
        raise click.ClickException(f"took no more memory than what measures it: {' '.join(command)}")
    return Measure(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode)


def fetch(contender: Contender, rps: str, urls: Sequence[str]) -> Result:
    """Let somebody fetch these endpoints into an empty folder, and count what came."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / contender.output
        measured = measure(contender.command(output, rps, urls))
        counted = subprocess.run(
            [sys.executable, str(HERE / "verify.py"), str(output)], capture_output=True, text=True, check=True
        )
    return Result(*msgspec.structs.astuple(measured), products=int(counted.stdout))


def fetch_all(contender: Contender, urls: Sequence[str], expected: int) -> Result:
    """The same without a rate limit.

    Raises:
        click.ClickException: when not all products came: there is no figure for work that was not done.
    """
    result = fetch(contender, "0", urls)
    if result.code or result.products != expected:
        raise click.ClickException(
            f"{contender.name}: exit code {result.code}, {result.products} of {expected} products in shape"
        )
    return result


@contextmanager
def serving(pages: int, records: int) -> Iterator[str]:
    """The URL of pre-rendered pages, while the block runs."""
    with server([sys.executable, str(HERE / "server.py"), str(pages), str(records)]) as line:
        yield f"http://127.0.0.1:{int(line)}/products"


@contextmanager
def server(command: Sequence[str]) -> Iterator[str]:
    """The first line that a server prints, which is when it is ready; it is ended with the block."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise click.ClickException(f"this server did not start: {' '.join(command)}")
            yield line
        finally:
            process.terminate()


def median(results: Sequence[Measure], field: str) -> float:
    """Of one of their figures."""
    return statistics.median(getattr(result, field) for result in results)


def table(*rows: Sequence[str]) -> None:
    """Print a table in Markdown, the first row being its heads."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * width for width in widths]
    for cells in (rows[0], rule, *rows[1:]):
        click.echo("| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |")
