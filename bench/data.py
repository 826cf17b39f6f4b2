"""The records of the benchmarks: kind ones, and ones as unkind as those of real APIs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

# Of the records of an unkind page, one is a duplicate and one is bad.
SPOILT = 2

Record = dict[str, Any] | str


def plain(page: int, records: int) -> Sequence[Record]:
    """Return records with prices as numbers and categories as texts, all of them new."""
    return [
        {
            "id": (page - 1) * records + index,
            "name": f"Ivory Kettle &amp; Lid {page}-{index}",
            "price": round(1 + index * 1.37, 2),
            "category": ("Home", "Office", "Garden")[index % 3],
            "brand": "Acme",
            "description": "A kettle as one would want it. " * 3,
            "stock": index,
        }
        for index in range(records)
    ]


def unkind(size: int) -> Callable[[int, int], Sequence[Record]]:
    """Return a function for pages of records of about ``size`` bytes, with prices as people write them.

    Categories are objects, lists or texts, titles have entities. The last but one record of a page is the first one
    again. The last one has no id, or is not an object.
    """

    def page_of(page: int, records: int) -> Sequence[Record]:
        fresh = [_unkind((page - 1) * records + index, size) for index in range(records - SPOILT)]
        bad = "not a product" if page % 2 else {**fresh[-1], "id": None}
        return [*fresh, *fresh[:1], bad]

    return page_of


def _unkind(number: int, size: int) -> dict[str, Any]:
    cents = 100 + number * 137 % 400_000
    whole, rest = divmod(cents, 100)
    english, german = f"{whole:,}.{rest:02}", f"{whole:,}".replace(",", ".") + f",{rest:02}"
    price = (f"${english}", f"{german} €", f"£{english}", f"EUR {german}")[number % 4]
    name = ("Home & Kitchen", "Office", "Garden")[number % 3]
    category = ({"id": number % 3, "name": name}, [name, "All"], [{"name": name}], name)[number % 4]
    record: dict[str, Any] = {
        "id": number,
        "name": f"Caf&eacute; Kettle &amp; Lid n&deg; {number}",
        "price": price,
        "category": category,
        "brand": {"name": "Acme"},
        "tags": ["kettle", "ivory"],
    }
    missing = size - 230
    if missing > 0:
        record["description"] = "<p>A kettle as one would want it.</p> " * (missing // 2 // 38)
        record["attributes"] = [
            {"name": f"attribute {index}", "value": index * 1.5, "unit": None} for index in range(missing // 2 // 52)
        ]
    return record


DATA: Mapping[str, Callable[[int, int], Sequence[Record]]] = {
    "plain": plain,
    "text": unkind(250),
    "2500": unkind(2_500),
    "15000": unkind(15_000),
}


def products_in(data: str, pages: int, records: int) -> int:
    """Return the number of products in the pages of a data set."""
    return pages * (records if data == "plain" else records - SPOILT)
