"""Guesses where an unknown API has the fields of its products, from one page of records."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from pipeline.currency import code_of
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
from pipeline.record_paths import compile_path

Record = dict[str, Any]
Fits = Callable[[Sequence[Any]], bool]

_decode = msgspec.json.Decoder(dict[str, Any], float_hook=WireFloat).decode

# As many records are looked at, and objects within them so deep.
_LOOKED_AT, _MAX_DEPTH = 50, 3

# So many of the records have to have a field for it to be the one.
_SHARE = 0.8

_NAMES = {
    "id": r"(^|_)(id|sku|code|uuid|guid|gtin|ean|asin|handle|slug|reference|number)$|(?<=[a-z])(Id|ID|Sku|SKU|Code)$",
    "title": r"title|name|label|heading|caption|designation|bezeichnung|nombre|titre",
    "price": r"price|amount|cost|preis|prix|precio|value",
    "currency": r"curr|waehrung|devise|moneda",
    "category": r"categor|department|product_?type|collection|section|kategorie",
}
# What sounds like a price and is another one, or none.
_OTHER_PRICES = frozenset(
    """
    compare regular list old was msrp rrp discount shipping tax vat min max minimum maximum count percent rating points
    converted
    """.split()
)
_MINOR = re.compile(r"(^|[_.])cents?([A-Z_]|$)|Cents?$|minor|Minor|unit_amount|pence")
# A number beside a price that says how many of its digits are decimals.
_DECIMALS = re.compile(r"minor_?unit|exponent|decimals|(decimal_?places|fraction_?digits)|precision", re.IGNORECASE)
# Lists of objects that are offers of one product.
_VARIANTS = re.compile(r"variant|offer|sku|option|price", re.IGNORECASE)


_NO_CURRENCY = "no currency is said; if it is always the same, set `currency: {const: EUR}`"


class Guess(msgspec.Struct, frozen=True):
    """Paths of the fields that the usual names do not give, by field; ``price`` may be a mapping as in `fields`.

    ``doubts`` says what is not certain, or was not found.
    """

    fields: dict[str, Any]
    doubts: Sequence[str]


def guess_fields(raws: Sequence[msgspec.Raw]) -> Guess:
    """What `fields` would have to say, for records that are objects; nothing where the usual names do."""
    records = [record for raw in raws[:_LOOKED_AT] if (record := _object(raw)) is not None]
    fields: dict[str, Any] = {}
    doubts: list[str] = []
    for name, usual, fits in _SEARCHED:
        if not records or _usual_names_do(records, usual, fits):
            continue
        if name != "currency" or not _prices_say_currency(records, fields):
            found = list(_candidates(records, name, fits))
            if found:
                fields[name] = found[0]
                others = f"; it might be {' or '.join(f'`{path}`' for path in found[1:3])}" if found[1:] else ""
                doubts.append(f"`{name}` is taken from `{found[0]}`{others}")
            elif name == "price" and (variants := _prices_of_variants(records)):
                fields[name] = {"path": variants, "pick": "min"}
                doubts.append(f"`price` is the lowest of `{variants}`; for a product per variant, see `explode`")
            elif name == "currency":
                doubts.append(_NO_CURRENCY)
            else:
                doubts.append(f"no {name} was found; if there is one, name it in `fields`")
    if isinstance(path := fields.get("price"), str) and (minor := _smallest_unit(records, path)):
        fields["price"] = minor
        doubts.append(f"`{path}` seems to be in the smallest unit (1099 for 10.99), so it is read as such")
        if "exponent" not in minor and _NO_CURRENCY in doubts:
            minor["exponent"] = 2
            doubts.append("as there is no currency to tell how many digits are decimals, two are taken")
    return Guess(fields, doubts)


def _smallest_unit(records: Sequence[Record], path: str) -> dict[str, Any] | None:
    """How a price is read that its name, or a number of decimals beside it, says to be in the smallest unit."""
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
    return bool(texts) and len(texts) >= _SHARE * len(values) and not any("://" in text for text in texts)


def _are_prices(values: Sequence[Any]) -> bool:
    if any(_DECIMALS.search(key) for value in values if isinstance(value, dict) for key in value):
        return False  # the amount in it is not what it seems
    readable = [value for value in values if value is not None and read_money(value, None).amount is not None]
    return bool(readable) and len(readable) >= _SHARE * sum(value not in (None, "") for value in values)


def _are_currencies(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(value, str) and code_of(value) for value in values)


def _are_categories(values: Sequence[Any]) -> bool:
    return any(not isinstance(value, int) and first_category((value,)) != UNCATEGORIZED for value in values)


# The price is there before the currency is missed.
_SEARCHED: Sequence[tuple[str, Sequence[str], Fits]] = (
    ("id", ID_KEYS, _are_ids),
    ("title", TITLE_KEYS, _are_titles),
    ("price", PRICE_KEYS, _are_prices),
    ("currency", CURRENCY_KEYS, _are_currencies),
    ("category", CATEGORY_KEYS, _are_categories),
)


def _usual_names_do(records: Sequence[Record], usual: Sequence[str], fits: Fits) -> bool:
    first = [next((record[key] for key in usual if record.get(key) not in (None, "", [])), None) for record in records]
    return fits(first) if fits is _are_ids else fits([value for value in first if value is not None])


def _candidates(records: Sequence[Record], name: str, fits: Fits) -> Iterator[str]:
    """Dotted paths whose names and values both speak for a field, the likeliest first."""
    pattern = re.compile(_NAMES[name], re.IGNORECASE if name != "id" else 0)
    paths: dict[str, None] = {}
    for record in records:
        paths |= dict.fromkeys(_paths(record))
    named = [path for path in paths if pattern.search(path.rpartition(".")[2])]
    if name == "price":
        named = [path for path in named if _OTHER_PRICES.isdisjoint(_words(path))]
    fitting = [path for path in named if fits(_values(records, path))]
    # Stable: among equals the order in which the API has them.
    yield from sorted(fitting, key=lambda path: (path.count("."), not pattern.fullmatch(path.rpartition(".")[2])))


def _words(path: str) -> list[str]:
    """What a path is made of: ``prices.listPrice`` has prices, list and price."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", path)]


def _values(records: Sequence[Record], path: str) -> list[Any]:
    find = compile_path(path)
    found = [find(record) for record in records]
    there = [value for value in found if value is not None]
    return there if len(there) >= _SHARE * len(records) else []


def _paths(record: Record, above: str = "", depth: int = _MAX_DEPTH) -> Iterator[str]:
    for key, value in record.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
            continue
        yield f"{above}{key}"
        if isinstance(value, dict) and depth > 1:
            yield from _paths(value, f"{above}{key}.", depth - 1)


def _prices_of_variants(records: Sequence[Record]) -> str | None:
    """The path of all prices within a list of variants."""
    for key in dict.fromkeys(key for record in records for key in record if _VARIANTS.search(key)):
        lists = [record[key] for record in records if isinstance(record.get(key), list)]
        inner = [element for elements in lists for element in elements if isinstance(element, dict)]
        if len(lists) >= _SHARE * len(records) and inner:
            found = next(_candidates(inner, "price", _are_prices), None)
            if found:
                return f"{key}[].{found}"
    return None


def _prices_say_currency(records: Sequence[Record], fields: dict[str, Any]) -> bool:
    path = fields.get("price")
    find = compile_path(path) if isinstance(path, str) else None
    for record in records:
        value = find(record) if find else next((record[key] for key in PRICE_KEYS if key in record), None)
        if read_money(value, None).currency:
            return True
    return False
