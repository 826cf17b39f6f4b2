"""Measure the pipeline, a bare script and the peers in turn: medians, and ratios to the bare script.

``just bench [--data plain|text|2500|15000] [--pages N] [--records N] [--rounds N] [--peer-rounds N]``. There is no rate
limit, and the server is a separate process. A contender that misses products ends the benchmark. The records of all
data sets but ``plain`` are unkind (see ``data.py``).
"""

import statistics

import click
from data import DATA, products_in
from measure import (
    AIOHTTP,
    BARE,
    BARE_UNKIND,
    COMMON,
    DESCRIBED,
    DLT,
    PIPELINE,
    SCRAPY,
    SINGER,
    Measure,
    fetch_all,
    median,
    serving,
    table,
)

ENDPOINTS = 3
PEERS = (AIOHTTP, COMMON, SINGER, DLT, SCRAPY)
FIELDS = ("wall", "cpu", "peak")


def ratio(results: list[Measure], bare: list[Measure], field: str) -> float:
    """Return the median of the ratios, taken round by round."""
    pairs = zip(results, bare, strict=False)  # only the rounds that both have
    return statistics.median(getattr(one, field) / getattr(other, field) for one, other in pairs)


@click.command()
@click.option("--data", type=click.Choice(list(DATA)), default="plain", help="Kind of records.", show_default=True)
@click.option("--pages", default=1_000, help="Pages of each of three endpoints.", show_default=True)
@click.option("--records", default=100, help="Records a page.", show_default=True)
@click.option("--rounds", default=3, help="Runs of each, after a short one to warm up.", show_default=True)
@click.option("--peer-rounds", type=int, help="Runs of each peer, which are slower.  [default: as --rounds]")
def main(data: str, pages: int, records: int, rounds: int, peer_rounds: int | None) -> None:
    """Measure the time to fetch, normalize and write all products without a rate limit."""
    bare = BARE if data == "plain" else BARE_UNKIND
    contenders = {bare: rounds, PIPELINE: rounds, DESCRIBED: rounds} | dict.fromkeys(
        PEERS, min(peer_rounds or rounds, rounds)
    )
    with serving(2, records, data) as url:
        for contender in contenders:
            fetch_all(contender, [url] * ENDPOINTS, ENDPOINTS * products_in(data, 2, records))
    results: dict[str, list[Measure]] = {contender.name: [] for contender in contenders}
    with serving(pages, records, data) as url:
        for number in range(rounds):
            for contender, runs in contenders.items():
                if number < runs:
                    result = fetch_all(contender, [url] * ENDPOINTS, ENDPOINTS * products_in(data, pages, records))
                    results[contender.name].append(result)

    click.echo(
        f"{ENDPOINTS} endpoints × {pages:,} pages × {records} {data} records, no rate limit; × is to the bare script\n"
    )
    table(
        ("", "wall s", "cpu s", "peak MiB", "× wall", "× cpu", "× peak", "runs"),
        *(
            (
                name,
                *(f"{median(measured, field):.2f}" for field in ("wall", "cpu")),
                f"{median(measured, 'peak'):.0f}",
                *(f"{ratio(measured, results[bare.name], field):.2f}" for field in FIELDS),
                str(len(measured)),
            )
            for name, measured in results.items()
        ),
    )


if __name__ == "__main__":
    main()
