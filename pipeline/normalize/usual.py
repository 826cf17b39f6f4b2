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
    first_category,
    first_id,
    first_price,
    first_title,
    text_of,
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
_decode_records = msgspec.json.Decoder(list[_Record], float_hook=WireNumber).decode  # type: ignore[valid-type]  # a type made at run time
_decode_identity = msgspec.json.Decoder(_Identity, float_hook=WireNumber).decode

# Each field's likeliest names, looked at before all of them.
_likely: Callable[[Any], tuple[object, ...]] = attrgetter("id", "title", "name", "price", "category")
_ids: Callable[[Any], tuple[object, ...]] = attrgetter(*ID_KEYS)
_titles: Callable[[Any], tuple[object, ...]] = attrgetter(*TITLE_KEYS)
_prices: Callable[[Any], tuple[object, ...]] = attrgetter(*PRICE_KEYS)
_currencies: Callable[[Any], tuple[object, ...]] = attrgetter(*CURRENCY_KEYS)
_NO_CURRENCIES = (None,) * len(CURRENCY_KEYS)
_categories: Callable[[Any], tuple[object, ...]] = attrgetter(*CATEGORY_KEYS)


class UsualRecords(Records):
    """Reads records whose fields have the usual names; decodes nothing else of them."""

    def read(self, raw: msgspec.Raw) -> Sequence[Reading | NoIdError]:
        """A record's fields.

        Raises:
            msgspec.DecodeError: when it is no object, or no JSON.
            NoIdError: when nothing says which product it is.
        """
        return (_reading(_decode_record(raw)),)

    def read_page(self, raws: Sequence[msgspec.Raw]) -> list[Reading]:
        """All that the records of a page become; decoded all at once, which takes half the time.

        Raises:
            Exception: when one of them is amiss.
        """
        records = _decode_records(b"[" + b",".join(raws) + b"]")
        if len(records) != len(raws):
            raise msgspec.DecodeError("a record that is several, or none")
        return [_reading(record) for record in records]

    def _id_of(self, raw: msgspec.Raw) -> str | None:
        return first_id(_ids(_decode_identity(raw)))


def _reading(record: Any) -> Reading:
    likely_id, title, name, price, category = _likely(record)
    currencies = _currencies(record)
    identity = str(likely_id) if type(likely_id) is int else first_id((likely_id,)) or first_id(_ids(record))
    if identity is None:
        raise NoIdError(f"none of {', '.join(ID_KEYS)} is usable", "id")
    if type(price) is not WireNumber:
        price = first_price(_prices(record))
    return Reading(
        id=identity,
        title=text_of(title or name) or first_title(_titles(record)),
        category=text_of(category).lower() or first_category(_categories(record)),
        money=read_money(price) if currencies == _NO_CURRENCIES else _money_in(currencies, price),
    )


def _money_in(currencies: Sequence[object], price: object) -> Money:
    """A price in the first of the currencies that is named, with what had to be decided to read them."""
    named_currency = next(filter(None, currencies), None)
    record_currency = code_of(named_currency)
    money = read_money(price, record_currency)
    if named_currency and record_currency is None:
        return msgspec.structs.replace(money, notes=(*money.notes, "unknown_currency"))
    return money
