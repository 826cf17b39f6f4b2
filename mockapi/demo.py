"""The resilience demonstration: the pipeline on its default settings against mocks with faults.

The evidence comes from the other side: from what the servers saw, and from the summary that was written.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import click
import msgspec

from mockapi.command import run_command
from mockapi.faults import parse_fault
from mockapi.probe import fetch_stats
from mockapi.serve import serving
from mockapi.settings import Settings
from mockapi.stats import StatsReport

SUMMARY = Path("out/summary.json")
PAGES = 25
RPS = BURST = 5
COOLDOWN = 15.0
INTERRUPTED = (130, 143)

STORY = f"""\
Three product APIs, {PAGES} pages each, fetched on the default settings:
  api1 answers 429 three times on page 3
  api2 fails with 503 three times on page 8, then recovers
  api3 is dead: it breaks every connection
It takes about half a minute: an open circuit leaves an API alone for {COOLDOWN:g} s.
"""
FAULTS = ("api1:3:429x3", "api2:8:503x3", "api3:*:reset")


class Evidence(msgspec.Struct, frozen=True):
    """One promise, what was seen of it, and whether that keeps it."""

    promise: str
    seen: str
    kept: bool


async def demonstrate() -> int:
    """Run the demonstration and print its evidence; the exit code is 0 when every promise was kept."""
    click.echo(STORY)
    settings = Settings(pages=PAGES, ports=(0, 0, 0), faults=[parse_fault(fault) for fault in FAULTS])
    async with serving(settings) as urls:
        command = [sys.executable, "-m", "pipeline", "--output", str(SUMMARY)]
        for name, url in urls.items():
            command += ["--set", f"endpoints.{name}.url={url}/products"]
        code = await run_command(command, _environment())
        stats = {name: await fetch_stats(url) for name, url in urls.items()}
    if code in INTERRUPTED:
        click.echo("\nInterrupted: nothing is proved.")
        return code
    evidence = [*_from_servers(stats), *_from_summary(code)]
    click.echo("\nEvidence (from what the servers saw, and from the summary):")
    for item in evidence:
        click.echo(f"  {'✓' if item.kept else '✗'} {item.promise}\n      {item.seen}")
    kept = sum(item.kept for item in evidence)
    click.echo(f"\n{kept} of {len(evidence)} promises kept.")
    return 0 if kept == len(evidence) else 1


def _environment() -> Mapping[str, str]:
    """Ours, without settings of the pipeline: the demonstration shows its defaults."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PIPELINE_")}


def _from_servers(stats: Mapping[str, StatsReport]) -> Iterator[Evidence]:
    for name in ("api1", "api2"):
        times = [seen.at for seen in stats[name].log]
        yield Evidence(
            f"{name}: never more than {BURST} + {RPS}·t requests in any t seconds",
            f"{len(times)} requests in {times[-1]:.1f} s, the busiest second saw {stats[name].peak_per_second}",
            keeps_rate(times, RPS, BURST),
        )
    waits = _gaps(stats["api1"], page=3)
    yield Evidence(
        "api1: backoff of 0.5, 1 and 2 s, plus up to 10 %",
        f"page 3 was asked for again after {_listed(waits)} s",
        len(waits) == 3 and all(d <= wait < 1.1 * d + 0.3 for wait, d in zip(waits, (0.5, 1, 2), strict=True)),
    )
    waits = _gaps(stats["api2"], page=8)
    yield Evidence(
        f"api2: circuit open for {COOLDOWN:g} s after 3 failures, then one probe, and recovered",
        f"page 8 was asked for again after {_listed(waits)} s, and then it came",
        len(waits) == 3 and COOLDOWN <= waits[-1] < COOLDOWN + 1 and stats["api2"].log[-1].status in (200, 204),
    )
    waits = _gaps(stats["api3"], page=1)
    yield Evidence(
        f"api3: left alone for {COOLDOWN:g} s before each of two probes, then given up",
        f"5 requests in all expected, {stats['api3'].requests} seen, {_listed(waits)} s apart",
        len(waits) == 4 and all(COOLDOWN <= wait < COOLDOWN + 1 for wait in waits[2:]),
    )


def _from_summary(code: int) -> Iterator[Evidence]:
    summary = msgspec.json.decode(SUMMARY.read_bytes()) if SUMMARY.exists() else {"sources": [], "products": []}
    sources = {source["name"]: source for source in summary["sources"]}
    for name in ("api1", "api2"):
        source = sources.get(name, {})
        yield Evidence(
            f"{name}: complete, nothing lost to the faults",
            f"{source.get('pages_fetched')} of {PAGES} pages, {source.get('products')} of {PAGES * 20} products",
            source.get("status") == "complete" and source.get("products") == PAGES * 20,
        )
    yield Evidence(
        "api3: its failure is told, and does not touch the others",
        f"status {sources.get('api3', {}).get('status')}, exit code {code} (3 is partial)",
        sources.get("api3", {}).get("status") == "failed" and code == 3,
    )


def keeps_rate(times: Sequence[float], rate: float, burst: int) -> bool:
    """Whether ascending ``times`` have at most ``burst + rate * t`` in any closed window of ``t`` seconds.

    Times are given to a tenth of a millisecond, so that much is allowed for.
    """
    return all(
        count <= burst + rate * (end - start + 2e-4)
        for i, start in enumerate(times)
        for count, end in enumerate(times[i:], start=1)
    )


def _gaps(stats: StatsReport, page: int) -> list[float]:
    times = [seen.at for seen in stats.log if seen.page == page]
    return [later - earlier for earlier, later in pairwise(times)]


def _listed(seconds: Sequence[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in seconds) or "no"
