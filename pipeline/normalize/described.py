"""How records are read whose fields are described."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from pipeline.currency import code_of
from pipeline.description import Fields
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
from pipeline.normalize.money import WireFloat
from pipeline.normalize.price import PriceReader
from pipeline.normalize.record import NoIdError, Reading, Records
from pipeline.paths import compile_path, compile_template

_decode = msgspec.json.Decoder(dict[str, Any], float_hook=WireFloat).decode

Candidates = Callable[[Any], Iterable[object]]

# Under this name a variant stands beside the fields of the record that it is of.
VARIANT = "variant"


class DescribedRecords(Records):
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

    def read(self, raw: msgspec.Raw) -> Sequence[Reading | NoIdError]:
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

    def _read(self, record: dict[str, Any]) -> Reading | NoIdError:
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
        return Reading(
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
