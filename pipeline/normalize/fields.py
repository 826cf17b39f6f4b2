"""Default names of the fields of a product, and the choice of a value among candidates."""

import html
from collections.abc import Iterable
from functools import lru_cache

ID_KEYS = ("id", "product_id", "item_id", "sku", "productId", "itemId", "uuid", "code")
TITLE_KEYS = ("title", "name", "product_name", "item_name", "productName", "label")
PRICE_KEYS = ("price", "cost", "unit_price", "current_price", "sale_price")
CURRENCY_KEYS = ("currency", "currency_code", "currencyCode", "priceCurrency")
CATEGORY_KEYS = ("category", "categories", "category_name", "product_type", "department")

UNCATEGORIZED = "uncategorized"

# Maximum nesting of lists in which a category is searched.
_MAX_DEPTH = 3

# The maximum length of the names of categories that are kept, in characters.
_SHORT = 64

# Keys under which a category that is an object may have its name.
_NAME_KEYS = ("name", "title", "label", "slug", "categoryName")


# These functions run for each record, and most candidates are missing: loops are faster here than generators.


def first_id(candidates: Iterable[object]) -> str | None:
    """Return the first usable id, trimmed: non-blank text or an integer. ``1`` and ``"1"`` are the same id."""
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
    """Return the first non-blank text, trimmed and with HTML entities decoded; None if there is none."""
    for value in candidates:
        if value is not None and (text := text_of(value)):
            return text
    return None


def first_price(candidates: Iterable[object]) -> object:
    """Return the first candidate that is not empty, readable as a price or not; None if all are empty."""
    for value in candidates:
        if value is not None and not _is_empty(value):
            return value
    return None


def first_category(candidates: Iterable[object]) -> str:
    """Return the name of the first category in lower case: a text, an object with a name, or a list of either.

    ``UNCATEGORIZED`` if no candidate has a name.
    """
    for value in candidates:
        if value is not None and (name := _category(value)):
            return name
    return UNCATEGORIZED


def _is_empty(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, list | dict) and not value


def _category(value: object, depth: int = 0) -> str | None:
    if isinstance(value, str):
        return category_text(value)
    if isinstance(value, list) and depth < _MAX_DEPTH:
        for member in value:
            if name := _category(member, depth + 1):
                return name
        return None
    if isinstance(value, dict):
        for key in _NAME_KEYS:
            if name := category_text(value.get(key)):
                return name
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def category_text(value: object) -> str:
    """Return a text as the name of a category: as :func:`text_of`, in lower case."""
    if isinstance(value, str):  # a catalogue has few categories
        return _short_category(value) if len(value) <= _SHORT else text_of(value).lower()
    return ""


@lru_cache(maxsize=1024)
def _short_category(text: str) -> str:
    return text_of(text).lower()


def text_of(value: object) -> str:
    """Return a text trimmed and with HTML entities decoded; an empty string for any other type."""
    if not isinstance(value, str):
        return ""
    return _decoded(value).strip() if "&" in value else value.strip()


def _decoded(text: str) -> str:
    if text.count("&") == text.count("&amp;"):  # nearly always, and ten times as fast as unescape
        return text.replace("&amp;", "&")
    try:
        return html.unescape(text)
    except ValueError:  # a character reference with more digits than Python converts is kept as text
        return text
