"""The fields of a product, found in a record under their usual names."""

import html
from collections.abc import Iterable
from contextlib import suppress

ID_KEYS = ("id", "product_id", "item_id", "sku", "productId", "itemId", "uuid", "code")
TITLE_KEYS = ("title", "name", "product_name", "item_name", "productName", "label")
PRICE_KEYS = ("price", "cost", "unit_price", "current_price", "sale_price")
CURRENCY_KEYS = ("currency", "currency_code", "currencyCode", "priceCurrency")
CATEGORY_KEYS = ("category", "categories", "category_name", "product_type", "department")

UNCATEGORIZED = "uncategorized"

# How deep in lists a category is looked for.
_MAX_DEPTH = 3

# Under which keys an object that stands for a category has its name.
_NAME_KEYS = ("name", "title", "label", "slug", "categoryName")


# These run for each record, most of whose candidates are not there: loops, since they are faster than generators.


def first_id(candidates: Iterable[object]) -> str | None:
    """The first usable identity: text that is not blank, or a whole number. ``1`` and ``"1"`` are the same."""
    for value in candidates:
        if value is None:
            continue
        if isinstance(value, str):
            if text := value.strip():
                return text
        elif isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None


def first_title(candidates: Iterable[object]) -> str | None:
    """The first text that is not blank, HTML entities decoded and trimmed; None where there is none."""
    for value in candidates:
        if value is not None and (text := text_of(value)):
            return text
    return None


def first_price(candidates: Iterable[object]) -> object:
    """The first price that was given at all, however it is written."""
    for value in candidates:
        if value is not None and not _says_nothing(value):
            return value
    return None


def first_category(candidates: Iterable[object]) -> str:
    """The first category that has a name, lower-cased: a text, an object with a name, or a list of either."""
    for value in candidates:
        if value is not None and (name := _category(value)):
            return name
    return UNCATEGORIZED


def _says_nothing(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, list | dict) and not value


def _category(value: object, depth: int = 0) -> str | None:
    if isinstance(value, str):
        return text_of(value).lower()
    if isinstance(value, list) and depth < _MAX_DEPTH:
        return next(filter(None, (_category(member, depth + 1) for member in value)), None)
    if isinstance(value, dict):
        return next(filter(None, (text_of(value.get(key)).lower() for key in _NAME_KEYS)), None)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def text_of(value: object) -> str:
    """A text, HTML entities decoded and trimmed; empty for anything else."""
    if not isinstance(value, str):
        return ""
    if "&" in value:
        if value.count("&") == value.count("&amp;"):  # nearly always, and ten times as fast
            value = value.replace("&amp;", "&")
        else:
            with suppress(ValueError):  # a character reference with more digits than Python reads stays as it is
                value = html.unescape(value)
    return value.strip()
