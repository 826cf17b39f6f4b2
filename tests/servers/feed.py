"""A large feed made from a number of rows: ``python -m servers.feed ROWS FILE``. The same rows are made each time."""

import csv
import gzip
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

COLUMNS = (
    *("aw_product_id", "product_name", "search_price", "currency", "merchant_category", "merchant_name"),
    *("aw_deep_link", "merchant_image_url", "description", "ean", "brand_name", "in_stock"),
)
FIELDS = {
    "id": "aw_product_id",
    "title": "product_name",
    "category": "merchant_category",
    "price": "search_price",
    "currency": "currency",
}
_THINGS = ("Lamp", "Chair", "Table", 'Screen 27"', "Kettle", "Müsli Bowl", "Shelf, oak", "Desk")


def price_of(number: int) -> Decimal:
    """Return the price of a row."""
    return Decimal(100 + number * 7919 % 99_900).scaleb(-2)


def total_of(rows: int) -> Decimal:
    """Return the sum of all prices."""
    return sum((price_of(number) for number in range(rows)), Decimal(0))


def rows(count: int) -> Iterator[tuple[str, ...]]:
    """Yield the rows."""
    for number in range(count):
        thing = _THINGS[number % len(_THINGS)]
        yield (
            str(10_000_000 + number),
            f"{thing} no. {number}",
            str(price_of(number)),
            "EUR",
            f"Home > {thing}",
            "Mock & Co",
            f"https://shop.example/p/{number}?campaign=7&ref=feed",
            f"https://img.example/{number % 1000}/{number}.jpg",
            f"A {thing.lower()} with fast delivery and two years of warranty; item {number % 97}",
            str(4_000_000_000_000 + number),
            "Brand",
            "1",
        )


def write(count: int, path: Path) -> None:
    """Write the feed, compressed if the name ends in ``.gz``."""
    with ExitStack() as stack:
        if path.suffix == ".gz":
            compressed = stack.enter_context(gzip.open(path, "wt", compresslevel=1, newline="", encoding="utf-8"))
            writer = csv.writer(compressed)
        else:
            writer = csv.writer(stack.enter_context(path.open("w", newline="", encoding="utf-8")))
        writer.writerow(COLUMNS)
        writer.writerows(rows(count))


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]))
