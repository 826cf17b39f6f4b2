"""Compare the time to fetch a rate-limited API with its lower bound: 40 pages, 5 requests per second, burst of 5.

``just bench-polite [--rounds N] [--peer-rounds N]``. The server enforces the limit and counts the requests that it
refused. The bound is the time that the limit takes, plus one latency: (40 - 5) / 5 + latency. It leaves out the request
for page 41, which confirms the end.
"""

import json
import sys
import urllib.request

import click
from measure import AIOHTTP, COMMON, DLT, PIPELINE, SCRAPY, SINGER, Contender, Result, fetch, median, server, table
from msgspec.structs import replace

PAGES, RECORDS, RPS, BURST = 40, 100, 5, 5
LATENCIES = (0.05, 0.3, 1.0)
AUTOTHROTTLE = replace(SCRAPY, name="Scrapy, AutoThrottle")
PEERS = (AIOHTTP, COMMON, SINGER, DLT, SCRAPY, AUTOTHROTTLE)


def fetch_politely(contender: Contender, latency: float) -> tuple[Result, int]:
    """Run a contender against a new server; return its result and the number of refused requests."""
    flags = {"pages": PAGES, "per-page": RECORDS, "rate-limit": RPS, "burst": BURST, "latency": latency, "ports": 0}
    command = [sys.executable, "-m", "mockapi", "--persona=api1", *(f"--{flag}={flags[flag]}" for flag in flags)]
    with server(command) as line:
        url = line.split()[-1]
        result = fetch(contender, f"{RPS}:auto" if contender is AUTOTHROTTLE else str(RPS), [url])
        with urllib.request.urlopen(url.replace("/products", "/stats")) as stats:
            return result, json.load(stats)["statuses"].get("429", 0)


def row(name: str, latency: float, measured: list[tuple[Result, int]]) -> tuple[str, ...]:
    """Return a table row: medians, but the fewest products and the most refusals."""
    results = [result for result, _ in measured]
    wall, bound = median(results, "wall"), (PAGES - BURST) / RPS + latency
    return (
        name,
        f"{latency:g}",
        f"{wall:.2f}",
        f"{bound:.2f}",
        f"{bound / wall:.0%}",
        f"{wall / bound:.2f}",
        f"{median(results, 'cpu'):.2f}",
        f"{median(results, 'peak'):.0f}",
        f"{max(refused for _, refused in measured)}",
        f"{min(result.products for result in results):,} of {PAGES * RECORDS:,}",
        str(len(results)),
    )


@click.command()
@click.option("--rounds", default=3, help="Runs of the pipeline.", show_default=True)
@click.option("--peer-rounds", default=1, help="Runs of each peer; they take minutes.", show_default=True)
def main(rounds: int, peer_rounds: int) -> None:
    """Measure the pipeline and its peers in turn."""
    contenders = {PIPELINE: rounds} | dict.fromkeys(PEERS, peer_rounds)
    results: dict[tuple[float, str], list[tuple[Result, int]]] = {}
    for number in range(max(rounds, peer_rounds)):
        for latency in LATENCIES:
            for contender, runs in contenders.items():
                if number < runs:
                    result = fetch_politely(contender, latency)
                    results.setdefault((latency, contender.name), []).append(result)

    click.echo(f"{PAGES} pages × {RECORDS} records, {RPS} requests a second and {BURST} at once\n")
    table(
        ("", "latency s", "wall s", "bound s", "share", "× bound", "cpu s", "peak MiB", "429s", "products", "runs"),
        *(row(name, latency, measured) for (latency, name), measured in results.items()),
    )


if __name__ == "__main__":
    main()
