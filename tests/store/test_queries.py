"""The queries of docs/STORE.md, in both databases, on a history of eight nights."""

import re
from collections.abc import Sequence
from decimal import Decimal

import pytest
from helpers.databases import fetch
from store.nights import Night, Offer, write

from docs.documents import ROOT

DOCUMENT = (ROOT / "docs" / "STORE.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)


def offer(price: str | None, gtin: str | None = None, currency: str = "EUR") -> Offer:
    return Offer("Lamp", price, currency, {"gtin": gtin} if gtin else None)


def plain(rows: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Return rows with prices as decimals and days of November, which both databases write in their own way."""
    return [tuple(_plain(value) for value in row) for row in rows]


def _plain(value: object) -> object:
    text = str(value)
    if re.match(r"2026-11-\d\d[T ]", text):
        return int(text[8:10])
    return Decimal(text) if re.fullmatch(r"\d+\.\d+", text) else value


@pytest.fixture
def history(url: str) -> str:
    """Eight nights: the lamp becomes cheaper twice, the table dearer, the chair leaves, the stool changes currency."""
    for number in range(8):
        one = {
            "lamp": offer(["10.00", "10.00", "9.00", "9.00", "8.50", "8.50", "8.50", "8.50"][number], "111"),
            "table": offer("100.00" if number < 4 else "120.00", "222"),
            "stool": offer("9.00" if number < 5 else "8.00", "333", "EUR" if number < 5 else "USD"),
            "new": offer(None),
        }
        if number < 6:
            one["chair"] = offer("5.00", "444")
        two = {"lamp": offer("8.75", "111"), "table": offer("99.50", "222")}
        status = {"two": "partial"} if number == 7 else {}
        write(url, Night({"one": one, "two": two}, number, status))
    return url


def test_every_query_of_the_document_is_tested() -> None:
    """The document has these queries."""
    assert len(QUERIES) == len(WANTED)


CHEAPEST = [
    ("111", "EUR", Decimal("8.50"), "one:lamp", "Lamp"),
    ("222", "EUR", Decimal("99.50"), "two:table", "Lamp"),
    ("333", "USD", Decimal("8.00"), "one:stool", "Lamp"),
]
DROPS = [("one:lamp", "Lamp", Decimal("10.00"), Decimal("8.50"), "EUR", Decimal("15.0"))]
VANISHED = [("one:chair", "Lamp", Decimal("5.00"), "EUR", 6, 7)]
LOWEST = [
    ("one:chair", Decimal("5.00"), "EUR", 1),
    ("one:lamp", Decimal("8.50"), "EUR", 5),
    ("one:stool", Decimal("9.00"), "EUR", 1),
    ("one:stool", Decimal("8.00"), "USD", 6),
    ("one:table", Decimal("100.00"), "EUR", 1),
    ("two:lamp", Decimal("8.75"), "EUR", 1),
    ("two:table", Decimal("99.50"), "EUR", 1),
]
INCOMPLETE = [("two", 8, 7)]
WANTED = [CHEAPEST, DROPS, VANISHED, LOWEST, INCOMPLETE]


@pytest.mark.parametrize("number", range(len(WANTED)))
def test_a_query_of_the_document_finds_what_it_says(history: str, number: int) -> None:
    """Each query has the same, right answer in both databases."""
    assert plain(fetch(history, QUERIES[number])) == WANTED[number]
