"""Measure the pipeline, a bare script and the peers in turn: medians, and ratios to the bare script.

``just bench [--pages N] [--records N] [--rounds N] [--peer-rounds N]``. There is no rate limit, and the server is a
separate process. A contender that misses products ends the benchmark.
"""

import statistics

import click
from measure import AIOHTTP, BARE, COMMON, DLT, PIPELINE, SCRAPY, SINGER, Measure, fetch_all, median, serving, table

ENDPOINTS = 3
PEERS = (AIOHTTP, COMMON, SINGER, DLT, SCRAPY)
FIELDS = ("wall", "cpu", "peak")


def ratio(results: list[Measure], bare: list[Measure], field: str) -> float:
    """Return the median of the ratios, taken round by round."""
    pairs = zip(results, bare, strict=False)  # only the rounds that both have
    return statistics.median(getattr(one, field) / getattr(other, field) for one, other in pairs)


@click.command()
@click.option("--pages", default=1_000, help="Pages of each of three endpoints.", show_default=True)
@click.option("--records", default=100, help="Records a page.", show_default=True)
@click.option("--rounds", default=3, help="Runs of each, after a short one to warm up.", show_default=True)
@click.option("--peer-rounds", type=int, help="Runs of each peer, which are slower.  [default: as --rounds]")
def main(pages: int, records: int, rounds: int, peer_rounds: int | None) -> None:
    """Measure the time to fetch, normalize and write all products without a rate limit."""
    contenders = {BARE: rounds, PIPELINE: rounds} | dict.fromkeys(PEERS, min(peer_rounds or rounds, rounds))
    with serving(2, records) as url:
        for contender in contenders:
            fetch_all(contender, [url] * ENDPOINTS, ENDPOINTS * 2 * records)
    results: dict[str, list[Measure]] = {contender.name: [] for contender in contenders}
    with serving(pages, records) as url:
        for number in range(rounds):
            for contender, runs in contenders.items():
                if number < runs:
                    result = fetch_all(contender, [url] * ENDPOINTS, ENDPOINTS * pages * records)
                    results[contender.name].append(result)

    click.echo(f"{ENDPOINTS} endpoints × {pages:,} pages × {records} records, no rate limit; × is to the bare script\n")
    table(
        ("", "wall s", "cpu s", "peak MiB", "× wall", "× cpu", "× peak", "runs"),
        *(
            (
                name,
                *(f"{median(measured, field):.2f}" for field in ("wall", "cpu")),
                f"{median(measured, 'peak'):.0f}",
                *(f"{ratio(measured, results[BARE.name], field):.2f}" for field in FIELDS),
                str(len(measured)),
            )
            for name, measured in results.items()
        ),
    )


if __name__ == "__main__":
    main()
