"""How records are read that nobody described: their fields under the usual names."""

from collections.abc import Callable, Sequence
from operator import attrgetter
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
    first_price,
    first_title,
)
from pipeline.normalize.money import Money, WireNumber, read_money
from pipeline.normalize.record import NoIdError, Reading, Records

# Only these fields are decoded, the rest of a record is skipped. Untyped, since APIs differ in their types: a value of
# an unexpected type costs that field, not the record.
_Record = msgspec.defstruct(
    "_Record",
    [(key, Any, None) for key in (*ID_KEYS, *TITLE_KEYS, *PRICE_KEYS, *CURRENCY_KEYS, *CATEGORY_KEYS)],
    gc=False,
)
_Identity = msgspec.defstruct("_Identity", [(key, Any, None) for key in ID_KEYS])

_decode_record = msgspec.json.Decoder(_Record, float_hook=WireNumber).decode
_decode_identity = msgspec.json.Decoder(_Identity, float_hook=WireNumber).decode

# Each field's likeliest names, looked at before all of them.
_likely: Callable[[Any], tuple[object, ...]] = attrgetter("id", "title", "name", "price", "category")
_ids: Callable[[Any], tuple[object, ...]] = attrgetter(*ID_KEYS)
_titles: Callable[[Any], tuple[object, ...]] = attrgetter(*TITLE_KEYS)
_prices: Callable[[Any], tuple[object, ...]] = attrgetter(*PRICE_KEYS)
_currencies: Callable[[Any], tuple[object, ...]] = attrgetter(*CURRENCY_KEYS)
_categories: Callable[[Any], tuple[object, ...]] = attrgetter(*CATEGORY_KEYS)


class UsualRecords(Records):
    """Reads records whose fields have the usual names; decodes nothing else of them."""

    def read(self, raw: msgspec.Raw) -> Sequence[Reading | NoIdError]:
        """A record's fields.

        Raises:
            msgspec.DecodeError: when it is no object, or no JSON.
        """
        record = _decode_record(raw)
        likely_id, title, name, price, category = _likely(record)
        identity = first_id((likely_id,)) or first_id(_ids(record))
        if identity is None:
            return (NoIdError(f"none of {', '.join(ID_KEYS)} is usable", "id"),)
        known_title = first_title((title, name)) or first_title(_titles(record))
        known_category = first_category((category,))
        if known_category is UNCATEGORIZED:
            known_category = first_category(_categories(record))
        return (Reading(identity, known_title, known_category, _money(record, price)),)

    def _id_of(self, raw: msgspec.Raw) -> str | None:
        return first_id(_ids(_decode_identity(raw)))


def _money(record: Any, price: object) -> Money:
    """A record's price, which is likely the one given, and currency, with what had to be decided to read them."""
    named_currency = None
    for named_currency in _currencies(record):
        if named_currency:
            break
    record_currency = code_of(named_currency) if named_currency else None
    money = read_money(price if type(price) is WireNumber else first_price(_prices(record)), record_currency)
    if named_currency and record_currency is None:
        return msgspec.structs.replace(money, notes=(*money.notes, "unknown_currency"))
    return money
