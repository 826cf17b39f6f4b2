"""The fields of unkind records, as a script by hand would read them."""

import html
import re
from typing import Any

_NOT_NUMERIC = re.compile(r"[^\d.,]")


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
