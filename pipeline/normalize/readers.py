"""What is read from a record, however its fields are found.

How records are read that nobody described: their fields under the usual names.

How records are read whose fields are described.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from pipeline.config.source import Fields
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
from pipeline.normalize.money import Money, WireFloat, WireNumber, read_money
from pipeline.normalize.price import PriceReader
from pipeline.record_paths import compile_path, compile_template


class ParsedRecord(msgspec.Struct, frozen=True, gc=False):
    """A record's fields: its id within the endpoint, title, category, price with currency, and what was asked for."""

    id: str
    title: str | None
    category: str
    money: Money
    extra: Mapping[str, Any] = {}


class RecordReader:
    """Reads the records of one endpoint."""

    def identify(self, raw: msgspec.Raw) -> Hashable:
        """A record's identity within its endpoint; of one that has none, all its bytes."""
        try:
            return self._id_of(raw) or bytes(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return bytes(raw)

    def read(self, raw: msgspec.Raw) -> "Sequence[ParsedRecord | NoIdError]":
        """What the record becomes: products, and rejects; any exception makes it a reject as a whole."""
        raise NotImplementedError

    def read_page(self, raws: Sequence[msgspec.Raw]) -> list[ParsedRecord]:
        """All that the records of a page become, in their order.

        Raises:
            Exception: when one of them is amiss, whatever :meth:`read` raises or returns of it.
        """
        readings: list[ParsedRecord] = []
        for raw in raws:
            for outcome in self.read(raw):
                if isinstance(outcome, NoIdError):
                    raise outcome
                readings.append(outcome)
        return readings

    def _id_of(self, raw: msgspec.Raw) -> str | None:
        raise NotImplementedError


class NoIdError(ValueError):
    """A record that is no product: nothing says which one. ``field`` is where the id was looked for."""

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(f"the record has no id: {reason}")
        self.field = field


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


class DefaultReader(RecordReader):
    """Reads records whose fields have the usual names; decodes nothing else of them."""

    def read(self, raw: msgspec.Raw) -> Sequence[ParsedRecord | NoIdError]:
        """A record's fields.

        Raises:
            msgspec.DecodeError: when it is no object, or no JSON.
            NoIdError: when nothing says which product it is.
        """
        return (_reading(_decode_record(raw)),)

    def read_page(self, raws: Sequence[msgspec.Raw]) -> list[ParsedRecord]:
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


def _reading(record: Any) -> ParsedRecord:
    likely_id, title, name, price, category = _likely(record)
    currencies = _currencies(record)
    identity = str(likely_id) if type(likely_id) is int else first_id((likely_id,)) or first_id(_ids(record))
    if identity is None:
        raise NoIdError(f"none of {', '.join(ID_KEYS)} is usable", "id")
    if type(price) is not WireNumber:
        price = first_price(_prices(record))
    return ParsedRecord(
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


_decode = msgspec.json.Decoder(dict[str, Any], float_hook=WireFloat).decode

Candidates = Callable[[Any], Iterable[object]]

# Under this name a variant stands beside the fields of the record that it is of.
VARIANT = "variant"


class MappedReader(RecordReader):
    """Reads records as :class:`Fields` says; what is not named there is found under the usual names.

    With ``explode``, the path of a list, each of its elements is a product: paths reach it as ``variant``, and the
    record around it as ever. A record without any is a product itself.
    """

    def __init__(self, fields: Fields, explode: str | None = None) -> None:
        self._nulls = frozenset(fields.null_values)
        self._explode = compile_path(explode) if explode else None
        self._id_path = fields.id
        self._id = compile_template(fields.id) if fields.id else None
        self._titles = self._candidates(fields.title, TITLE_KEYS, of_variant=False)
        self._categories = self._candidates(fields.category, CATEGORY_KEYS, of_variant=False)
        self._currencies = self._candidates(fields.currency.path, CURRENCY_KEYS)
        self._const = code_of(fields.currency.const)
        prices = self._candidates(fields.price.path, PRICE_KEYS)
        self._price = PriceReader(fields.price, lambda record: first_price(prices(record)))
        self._extra = {name: compile_path(path) for name, path in fields.extra.items()}

    def read(self, raw: msgspec.Raw) -> Sequence[ParsedRecord | NoIdError]:
        """A record's fields, or those of each of its variants.

        Raises:
            msgspec.DecodeError: when it is no object, or no JSON.
        """
        record = _decode(raw)
        variants = self._explode(record) if self._explode else None
        if not isinstance(variants, list) or not variants:
            return (self._read(record),)
        return [self._read({**record, VARIANT: variant}) for variant in variants]

    def _id_of(self, raw: msgspec.Raw) -> str | None:
        return self._identity(_decode(raw))

    def _read(self, record: dict[str, Any]) -> ParsedRecord | NoIdError:
        identity = self._identity(record)
        if identity is None:
            if self._id_path:
                return NoIdError(f"nothing usable at `{self._id_path}`", self._id_path)
            return NoIdError(f"none of {', '.join(ID_KEYS)} is usable", f"{VARIANT}.id" if VARIANT in record else "id")
        named = None if self._const else next(filter(None, self._currencies(record)), None)
        currency = self._const or code_of(named)
        money = self._price.read(record, currency)
        if named is not None and currency is None:
            money = msgspec.structs.replace(money, notes=(*money.notes, "unknown_currency"))
        return ParsedRecord(
            id=identity,
            title=first_title(self._titles(record)),
            category=first_category(self._categories(record)),
            money=money,
            extra={name: self._not_null(find(record)) for name, find in self._extra.items()},
        )

    def _identity(self, record: dict[str, Any]) -> str | None:
        if self._id is not None and (self._explode is None or VARIANT in record):
            return first_id((self._not_null(self._id(record)),))
        identity = first_id(map(record.get, ID_KEYS))
        variant = record.get(VARIANT) if self._explode else None
        if variant is None or identity is None:
            return identity
        within = first_id(map(variant.get, ID_KEYS)) if isinstance(variant, dict) else None
        return within and f"{identity}:{within}"

    def _candidates(self, path: str | None, usual: Sequence[str], *, of_variant: bool = True) -> Candidates:
        """The values that a field may have: at its path, or under its usual names, first those of the variant."""
        if path:
            find = compile_path(path)
            return lambda record: (self._not_null(find(record)),)

        def look(record: dict[str, Any]) -> Iterator[object]:
            variant = record.get(VARIANT) if self._explode and of_variant else None
            for holder in (variant, record):
                if isinstance(holder, dict):
                    yield from (self._not_null(holder.get(key)) for key in usual)

        return look

    def _not_null(self, value: Any) -> Any:
        return None if isinstance(value, str | int | WireFloat) and str(value) in self._nulls else value
