"""The product of a record, as a script by hand would read it: shared by the peers, for all data sets."""

import html
import re
from typing import Any

_NOT_NUMERIC = re.compile(r"[^\d.,]")


def product_of(name: str, record: Any) -> dict[str, Any] | None:
    """Return a record in the catalogue's shape; None if it has no id or is not an object."""
    if not isinstance(record, dict) or record["id"] is None:
        return None
    price = record["price"]
    return {
        "id": f"{name}:{record['id']}",
        "title": title_of(record["name"]),
        "source": name,
        "price": float(price_of(price)) if isinstance(price, str) else price,
        "currency": None,
        "category": category_of(record["category"]),
    }


def price_of(text: str) -> str:
    """Return a price as a number; the last separator is the decimal mark."""
    digits = _NOT_NUMERIC.sub("", text)
    point = max(digits.rfind("."), digits.rfind(","))
    if point < 0:
        return digits
    return re.sub(r"[.,]", "", digits[:point]) + "." + digits[point + 1 :]


def category_of(value: Any) -> str:
    """Return the first name of a category."""
    while not isinstance(value, str):
        value = value[0] if isinstance(value, list) else value["name"]
    return value.lower()


def title_of(text: str) -> str:
    """Return a title without entities."""
    return html.unescape(text).strip()
