"""Record readers: decode the raw records of an endpoint and find the fields of their products.

:class:`DefaultReader` finds fields under default names. The readers in ``mapped_readers.py`` follow a description.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any

import msgspec

from pipeline.config.currency import code_of
from pipeline.normalize.fields import (
    CATEGORY_KEYS,
    CURRENCY_KEYS,
    ID_KEYS,
    PRICE_KEYS,
    TITLE_KEYS,
    category_text,
    first_category,
    first_id,
    first_price,
    first_title,
    text_of,
)
from pipeline.normalize.money import Money, read_money
from pipeline.normalize.numerals import WireNumber
from pipeline.normalize.transform import Prepared


class ParsedRecord(msgspec.Struct, frozen=True, gc=False):
    """The fields of a product: id within the endpoint, title, category, price with currency, and extra fields."""

    id: str
    title: str | None
    category: str
    money: Money
    extra: Mapping[str, Any] = {}


# Values from the body around the records, by their paths.
Shared = Mapping[str, msgspec.Raw]
NOTHING_SHARED: Shared = MappingProxyType({})


class RecordReader:
    """Base class of readers for the records of one endpoint."""

    def identify(self, raw: msgspec.Raw) -> Hashable:
        """Return a record's identity within its endpoint: its id, or all its bytes if it has none."""
        try:
            return self._id_of(raw) or bytes(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return bytes(raw)

    def prepare(self, raws: Sequence[msgspec.Raw]) -> Prepared:
        """Return the records to read instead of those of a page."""
        return Prepared(raws, range(1, len(raws) + 1))

    def read(self, raw: msgspec.Raw, shared: Shared = NOTHING_SHARED) -> "Sequence[ParsedRecord | NoIdError]":
        """Return the products of a record, and an error for each of its variants that is rejected.

        ``shared`` has the values from the rest of the body, by their paths. Any exception rejects the record as a
        whole.
        """
        raise NotImplementedError

    def _id_of(self, raw: msgspec.Raw) -> str | None:
        raise NotImplementedError


class NoIdError(ValueError):
    """A record or variant without a usable id. ``field`` is the path at which the id was expected."""

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(f"the record has no id: {reason}")
        self.field = field


# Only these fields are decoded; the rest of a record is skipped. They are untyped because APIs differ in types: a value
# of an unexpected type loses that field, not the record.
_Record = msgspec.defstruct(
    "_Record",
    [(key, Any, None) for key in (*ID_KEYS, *TITLE_KEYS, *PRICE_KEYS, *CURRENCY_KEYS, *CATEGORY_KEYS)],
    gc=False,
)
_Identity = msgspec.defstruct("_Identity", [(key, Any, None) for key in ID_KEYS])

_decode_record = msgspec.json.Decoder(_Record, float_hook=WireNumber).decode
_decode_identity = msgspec.json.Decoder(_Identity, float_hook=WireNumber).decode

# The most frequent names of each field, tried before all others.
_likely: Callable[[Any], tuple[object, ...]] = attrgetter("id", "title", "name", "price", "category")
_ids: Callable[[Any], tuple[object, ...]] = attrgetter(*ID_KEYS)
_titles: Callable[[Any], tuple[object, ...]] = attrgetter(*TITLE_KEYS)
_prices: Callable[[Any], tuple[object, ...]] = attrgetter(*PRICE_KEYS)
_currencies: Callable[[Any], tuple[object, ...]] = attrgetter(*CURRENCY_KEYS)
_NO_CURRENCIES = (None,) * len(CURRENCY_KEYS)
_categories: Callable[[Any], tuple[object, ...]] = attrgetter(*CATEGORY_KEYS)


class DefaultReader(RecordReader):
    """A reader for records whose fields have default names; it decodes no other fields."""

    def read(
        self,
        raw: msgspec.Raw,
        shared: Shared = NOTHING_SHARED,  # noqa: ARG002 - no field is described
    ) -> Sequence[ParsedRecord | NoIdError]:
        """Return the product of a record, or a :class:`NoIdError`.

        Raises:
            msgspec.DecodeError: if the record is not a JSON object.
        """
        return (_parse(_decode_record(raw)),)

    def _id_of(self, raw: msgspec.Raw) -> str | None:
        return first_id(_ids(_decode_identity(raw)))


def _parse(record: Any) -> ParsedRecord | NoIdError:
    likely_id, title, name, price, category = _likely(record)
    currencies = _currencies(record)
    identity = str(likely_id) if type(likely_id) is int else first_id((likely_id,)) or first_id(_ids(record))
    if identity is None:
        return NoIdError(f"none of {', '.join(ID_KEYS)} is usable", "id")
    if type(price) is not WireNumber and not (type(price) is str and price.strip()):
        price = first_price(_prices(record))
    return ParsedRecord(
        id=identity,
        title=text_of(title or name) or first_title(_titles(record)),
        category=category_text(category) or first_category(_categories(record)),
        money=read_money(price) if currencies == _NO_CURRENCIES else _money_in(currencies, price),
    )


def _money_in(currencies: Sequence[object], price: object) -> Money:
    """Read a price in the first currency that is named; an unknown currency is noted."""
    named_currency = next(filter(None, currencies), None)
    record_currency = code_of(named_currency)
    money = read_money(price, record_currency)
    if named_currency and record_currency is None:
        return msgspec.structs.replace(money, notes=(*money.notes, "unknown_currency"))
    return money
