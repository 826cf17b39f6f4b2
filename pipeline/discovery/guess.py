"""Guess the paths of product fields in an unknown API from one page of records."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from pipeline.config.currency import code_of
from pipeline.config.record_paths import compile_path
from pipeline.normalize.fields import (
    CATEGORY_KEYS,
    CURRENCY_KEYS,
    ID_KEYS,
    PRICE_KEYS,
    TITLE_KEYS,
    UNCATEGORIZED,
    first_category,
    first_id,
    first_title,
)
from pipeline.normalize.money import read_money
from pipeline.normalize.numerals import WireFloat

Record = dict[str, Any]
Fits = Callable[[Sequence[Any]], bool]

_decode = msgspec.json.Decoder(dict[str, Any], float_hook=WireFloat).decode

# Number of records that are inspected, and the maximum depth of objects within them.
_SAMPLE_SIZE, _MAX_DEPTH = 50, 3

# Minimum share of the records that must have a field.
_MIN_SHARE = 0.8

_NAMES = {
    "id": r"(^|_)(id|sku|code|uuid|guid|gtin|ean|asin|handle|slug|reference|number)$|(?<=[a-z])(Id|ID|Sku|SKU|Code)$",
    "title": r"title|name|label|heading|caption|designation|bezeichnung|nombre|titre",
    "price": r"price|amount|cost|preis|prix|precio|value",
    "currency": r"curr|waehrung|devise|moneda",
    "category": r"categor|department|product_?type|collection|section|kategorie",
}
# Words in names that match a price but mean another amount, or none.
_OTHER_PRICES = frozenset(
    """
    compare regular list old was msrp rrp discount shipping tax vat min max minimum maximum count percent rating points
    converted
    """.split()
)
_MINOR = re.compile(r"(^|[_.])cents?([A-Z_]|$)|Cents?$|minor|Minor|unit_amount|pence")
# Names of a number beside a price that gives the number of its decimals.
_DECIMALS = re.compile(r"minor_?unit|exponent|decimals|(decimal_?places|fraction_?digits)|precision", re.IGNORECASE)
# Names of lists whose objects are offers of one product.
_VARIANTS = re.compile(r"variant|offer|sku|option|price", re.IGNORECASE)

_NO_CURRENCY = "no currency was found; if it is always the same, set `currency: {const: EUR}`"


class Guess(msgspec.Struct, frozen=True):
    """Paths by field, for fields that default names do not find; ``price`` may be a mapping as in `fields`.

    ``doubts`` lists what is uncertain or was not found.
    """

    fields: dict[str, Any]
    doubts: Sequence[str]


def guess_fields(raws: Sequence[msgspec.Raw]) -> Guess:
    """Guess the paths of fields that default names do not find; records that are not objects are ignored."""
    records = [record for raw in raws[:_SAMPLE_SIZE] if (record := _object(raw)) is not None]
    fields: dict[str, Any] = {}
    doubts: list[str] = []
    for name, keys, fits in _FIELDS:
        if not records or _default_names_suffice(records, keys, fits):
            continue
        if name == "currency" and _prices_name_currency(records, fields):
            continue
        found = list(_candidates(records, name, fits))
        if found:
            fields[name] = found[0]
            others = f"; it could also be {' or '.join(f'`{path}`' for path in found[1:3])}" if found[1:] else ""
            doubts.append(f"`{name}` is read from `{found[0]}`{others}")
        elif name == "price" and (variants := _prices_of_variants(records)):
            fields[name] = {"path": variants, "pick": "min"}
            doubts.append(f"`price` is the lowest of `{variants}`; for one product per variant, set `explode`")
        elif name == "currency":
            doubts.append(_NO_CURRENCY)
        else:
            doubts.append(f"no {name} was found; if there is one, set its path in `fields`")
    if isinstance(path := fields.get("price"), str) and (minor := _minor_units(records, path)):
        fields["price"] = minor
        doubts.append(f"`{path}` appears to be in minor units (1099 for 10.99) and is read as such")
        if "exponent" not in minor and _NO_CURRENCY in doubts:
            minor["exponent"] = 2
            doubts.append("without a currency the number of decimals is unknown; two are assumed")
    return Guess(fields, doubts)


def _minor_units(records: Sequence[Record], path: str) -> dict[str, Any] | None:
    """Return the mapping of a price in minor units, as its name or a number of decimals beside it indicates."""
    above = path.rpartition(".")[0]
    siblings = compile_path(above)(records[0]) if above else records[0]
    for key in siblings if isinstance(siblings, dict) else ():
        if _DECIMALS.search(key) and isinstance(siblings[key], int):
            return {"path": path, "kind": "minor", "exponent": f"{above}.{key}" if above else key}
    return {"path": path, "kind": "minor"} if _MINOR.search(path) else None


def _object(raw: msgspec.Raw) -> Record | None:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _are_ids(values: Sequence[Any]) -> bool:
    texts = [first_id((value,)) for value in values]
    return bool(texts) and None not in texts and len(set(texts)) == len(texts)


def _are_titles(values: Sequence[Any]) -> bool:
    texts = [value for value in values if isinstance(value, str) and first_title((value,))]
    return bool(texts) and len(texts) >= _MIN_SHARE * len(values) and not any("://" in text for text in texts)


def _are_prices(values: Sequence[Any]) -> bool:
    if any(_DECIMALS.search(key) for value in values if isinstance(value, dict) for key in value):
        return False  # the amount in the object is in minor units
    readable = [value for value in values if value is not None and read_money(value, None).amount is not None]
    return bool(readable) and len(readable) >= _MIN_SHARE * sum(value not in (None, "") for value in values)


def _are_currencies(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(value, str) and code_of(value) for value in values)


def _are_categories(values: Sequence[Any]) -> bool:
    return any(not isinstance(value, int) and first_category((value,)) != UNCATEGORIZED for value in values)


# Price precedes currency, because a price may contain its currency.
_FIELDS: Sequence[tuple[str, Sequence[str], Fits]] = (
    ("id", ID_KEYS, _are_ids),
    ("title", TITLE_KEYS, _are_titles),
    ("price", PRICE_KEYS, _are_prices),
    ("currency", CURRENCY_KEYS, _are_currencies),
    ("category", CATEGORY_KEYS, _are_categories),
)


def _default_names_suffice(records: Sequence[Record], keys: Sequence[str], fits: Fits) -> bool:
    first = [next((record[key] for key in keys if record.get(key) not in (None, "", [])), None) for record in records]
    return fits(first) if fits is _are_ids else fits([value for value in first if value is not None])


def _candidates(records: Sequence[Record], name: str, fits: Fits) -> Iterator[str]:
    """Yield dotted paths whose names and values both match a field, the likeliest first."""
    pattern = re.compile(_NAMES[name], re.IGNORECASE if name != "id" else 0)
    paths: dict[str, None] = {}
    for record in records:
        paths |= dict.fromkeys(_paths(record))
    named = [path for path in paths if pattern.search(path.rpartition(".")[2])]
    if name == "price":
        named = [path for path in named if _OTHER_PRICES.isdisjoint(_words(path))]
    fitting = [path for path in named if fits(_values(records, path))]
    # The sort is stable: equals keep the order of the API.
    yield from sorted(fitting, key=lambda path: (path.count("."), not pattern.fullmatch(path.rpartition(".")[2])))


def _words(path: str) -> list[str]:
    """Return the words of a path: ``prices.listPrice`` has prices, list and price."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", path)]


def _values(records: Sequence[Record], path: str) -> list[Any]:
    find = compile_path(path)
    found = [find(record) for record in records]
    present = [value for value in found if value is not None]
    return present if len(present) >= _MIN_SHARE * len(records) else []


def _paths(record: Record, above: str = "", depth: int = _MAX_DEPTH) -> Iterator[str]:
    for key, value in record.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
            continue
        yield f"{above}{key}"
        if isinstance(value, dict) and depth > 1:
            yield from _paths(value, f"{above}{key}.", depth - 1)


def _prices_of_variants(records: Sequence[Record]) -> str | None:
    """Return the path of the prices in a list of variants; None if there is no such list."""
    for key in dict.fromkeys(key for record in records for key in record if _VARIANTS.search(key)):
        lists = [record[key] for record in records if isinstance(record.get(key), list)]
        inner = [element for elements in lists for element in elements if isinstance(element, dict)]
        if len(lists) >= _MIN_SHARE * len(records) and inner:
            found = next(_candidates(inner, "price", _are_prices), None)
            if found:
                return f"{key}[].{found}"
    return None


def _prices_name_currency(records: Sequence[Record], fields: dict[str, Any]) -> bool:
    path = fields.get("price")
    find = compile_path(path) if isinstance(path, str) else None
    for record in records:
        value = find(record) if find else next((record[key] for key in PRICE_KEYS if key in record), None)
        if read_money(value, None).currency:
            return True
    return False
