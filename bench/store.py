"""Measure the store: a million products of which 1 % changed, in SQLite and in PostgreSQL.

``just bench-store [--products N]``. Each night is stored by a process of its own from generated lines, so that nothing
is fetched. The PostgreSQL server is that of the operating system, with its own settings, on the same machine.
"""

import sys
import tempfile
from pathlib import Path

import click
from helpers.databases import new_database, postgresql, unavailable
from measure import measure, table

# Lines as a summary has them, of about 500 bytes; each night another hundredth has another price.
NIGHT = """
import sys
from pipeline.config.store import resolve_store
from pipeline.model.summary import Totals
from pipeline.output.snapshots import SnapshotSource
from pipeline.store.opening import open_store

url, products, night = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
TEXT = "Élégante Teekanne mit Sieb, 台灯 &amp; Zubehör " * 5

class Night:
    sources = [SnapshotSource("shop", "complete", products, 0, "d")]

    def rejects(self, source):
        return iter(())

    def lines(self):
        for number in range(products):
            cents = 1000 + number % 90_000 + (17 if night and number % 100 == night else 0)
            yield (
                f'{{"id":"shop:SKU-{number * 7919 % 9_999_991:07}","title":"{TEXT[:120]}{number}","source":"shop",'
                f'"price":{cents // 100}.{cents % 100:02},"currency":"EUR","category":"kitchen > tea > {number % 400}",'
                f'"processed_at":"2026-11-21T10:00:01Z","extra":{{"gtin":"{number:013}","url":"https://shop.example/p/{number}",'
                f'"description":"{TEXT}"}}}}'
            ).encode()

place = resolve_store(url, {})
store = open_store(place)
store.prepare()
started_at = f"2026-11-2{night}T02:00:00Z"
totals = Totals("complete", products, 1.0, 1.0, ["shop"], {}, started_at, run=f"run-{night}", version="0")
print(store.write(totals, Night()))
"""


def nights(url: str, products: int) -> list[tuple[str, ...]]:
    """Store three nights, and return a row of numbers for each."""
    rows = []
    for night in range(3):
        done = measure([sys.executable, "-c", NIGHT, url, str(products), str(night)])
        if done.code:
            raise click.ClickException(f"storing in {url} ended with {done.code}")
        name = url.partition(":")[0]
        which = "all new" if night == 0 else "1 % changed"
        rows.append((name, f"{night + 1}: {which}", f"{done.wall:.1f}", f"{done.cpu:.1f}", f"{done.peak:.0f}"))
    return rows


@click.command(context_settings={"show_default": True})
@click.option("--products", default=1_000_000, help="Products of each night.")
def main(products: int) -> None:
    """Print the time and the memory of three nights in each database."""
    with tempfile.TemporaryDirectory() as folder:
        rows = nights(f"sqlite:///{Path(folder) / 'catalogue.db'}", products)
    if reason := unavailable():
        click.echo(reason, err=True)
    else:
        with postgresql() as server:
            rows += nights(new_database(server), products)
    table(("database", f"night of {products:,}", "wall s", "cpu s", "peak MiB"), *rows)


if __name__ == "__main__":
    main()
