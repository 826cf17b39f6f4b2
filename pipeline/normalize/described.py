"""How records are read whose fields are described."""

from collections.abc import Callable, Hashable, Iterable
from decimal import Decimal
from typing import Any

import msgspec

from pipeline.description import Fields
from pipeline.normalize.currency import code_of
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
)
from pipeline.normalize.price import PriceReader
from pipeline.normalize.record import NoIdError, Reading
from pipeline.paths import compile_path

# Decimals, so that filters can compare them; none loses a digit.
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode

_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Candidates = Callable[[Any], Iterable[object]]


class DescribedRecords:
    """Reads records as :class:`Fields` says; what is not named there is found under the usual names."""

    def __init__(self, fields: Fields) -> None:
        self._nulls = frozenset(fields.null_values)
        self._where = fields.id
        self._ids = self._candidates(fields.id, ID_KEYS)
        self._titles = self._candidates(fields.title, TITLE_KEYS)
        self._categories = self._candidates(fields.category, CATEGORY_KEYS)
        self._currencies = self._candidates(fields.currency.path, CURRENCY_KEYS)
        self._const = code_of(fields.currency.const)
        prices = self._candidates(fields.price.path, PRICE_KEYS)
        self._price = PriceReader(fields.price, lambda record: first_price(prices(record)))
        self._extra = {name: compile_path(path) for name, path in fields.extra.items()}

    def identify(self, raw: msgspec.Raw) -> Hashable:
        """A record's identity within its endpoint; of one that has none, all its bytes."""
        try:
            return first_id(self._ids(_decode(raw))) or bytes(raw)
        except _UNDECODABLE:
            return bytes(raw)

    def read(self, raw: msgspec.Raw) -> Reading:
        """A record's fields.

        Raises:
            NoIdError: when it has no id.
            msgspec.DecodeError: when it is no object, or no JSON.
        """
        record = _decode(raw)
        identity = first_id(self._ids(record))
        if identity is None:
            if self._where:
                raise NoIdError(f"nothing usable at `{self._where}`", self._where)
            raise NoIdError(f"none of {', '.join(ID_KEYS)} is usable", "id")
        named = None if self._const else next(filter(None, self._currencies(record)), None)
        currency = self._const or code_of(named)
        money = self._price.read(record, currency)
        if named is not None and currency is None:
            money = msgspec.structs.replace(money, notes=(*money.notes, "unknown_currency"))
        return Reading(
            id=identity,
            title=first_title(self._titles(record)),
            category=first_category(self._categories(record)),
            money=money,
            extra={name: self._not_null(find(record)) for name, find in self._extra.items()},
        )

    def _candidates(self, path: str | None, usual: Iterable[str]) -> Candidates:
        if path:
            find = compile_path(path)
            return lambda record: (self._not_null(find(record)),)
        return lambda record: (self._not_null(record.get(key)) for key in usual)

    def _not_null(self, value: Any) -> Any:
        return None if isinstance(value, str | int | Decimal) and str(value) in self._nulls else value
