"""Record readers that follow a description: of the fields, and of a transform before them."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypedDict

import msgspec

from pipeline.config.currency import code_of
from pipeline.config.presets import FullList
from pipeline.config.record_paths import (
    alternatives,
    compile_path,
    compile_template,
    first_names,
)
from pipeline.config.source import Fields
from pipeline.config.transform import Transform
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
from pipeline.normalize.numerals import WireFloat
from pipeline.normalize.price import PriceReader
from pipeline.normalize.readers import NOTHING_SHARED, NoIdError, ParsedRecord, RecordReader, Shared
from pipeline.normalize.transform import Prepared, apply_transform
from pipeline.normalize.variants import (
    OUTER,
    VARIANT,
    Lineage,
    compile_explode,
    indices_with_shared_ids,
    levels_of,
    variant_id,
    with_variant,
)

# The note about a record whose list may have been cut off by the API.
FULL_LIST = "full_list"

_decode_value = msgspec.json.Decoder(float_hook=WireFloat).decode

Candidates = Callable[[Any], Iterable[object]]


class MappedReader(RecordReader):
    """A reader that finds fields as :class:`Fields` describes, and fields that are not described under default names.

    ``explode`` is the path of a list whose elements are the products. Paths reach an element as ``variant``, and the
    fields of the record under their own names. If there are several levels, ``outer`` is the element around it. A
    record whose list is missing or empty is itself a product. A record in which ``full_list`` has its maximum length is
    noted as ``full_list``.
    """

    def __init__(self, fields: Fields, explode: str | None = None, full_list: FullList | None = None) -> None:
        self._decode = _decoder(_names_read(fields, explode, full_list))
        self._full_list = full_list
        self._nulls = frozenset(fields.null_values)
        self._explode = compile_explode(explode) if explode else None
        self._added_keys = (VARIANT, OUTER)[: len(levels_of(explode))] if explode else ()
        self._id_path = fields.id
        self._id = compile_template(fields.id) if fields.id else None
        self._titles = self._candidates(fields.title, TITLE_KEYS, of_variant=False)
        self._categories = self._candidates(fields.category, CATEGORY_KEYS, of_variant=False)
        self._currencies = self._candidates(fields.currency.path, CURRENCY_KEYS)
        self._fixed_currency = code_of(fields.currency.const)
        prices = self._candidates(fields.price.path, PRICE_KEYS)
        self._price = PriceReader(fields.price, lambda record: first_price(prices(record)))
        self._extra = {name: compile_path(path) for name, path in fields.extra.items()}

    def read(self, raw: msgspec.Raw, shared: Shared = NOTHING_SHARED) -> Sequence[ParsedRecord | NoIdError]:
        """Return the product of a record, or of each of its variants.

        There is a :class:`NoIdError` for each variant without an id. There is also one for each variant that would
        share its id with a different product within another element.

        Raises:
            msgspec.DecodeError: if the record is not a JSON object.
        """
        record = self._decode(raw)
        for path, value in shared.items():
            record[path] = _decode_value(value)
        variants = self._explode(record) if self._explode else ()
        if not variants:
            return (self._noted(self._read(record), record),)
        outcomes = [self._read(with_variant(record, lineage), lineage) for lineage in variants]
        outcomes[0] = self._noted(outcomes[0], record)
        if OUTER not in self._added_keys:
            return outcomes
        ambiguous = indices_with_shared_ids(outcomes, variants)
        remedy = f"tell them apart by `{OUTER}` and `{VARIANT}` in `fields.id`"
        return [
            NoIdError(f"variants in different places would share one; {remedy}", "id")
            if index in ambiguous
            else outcome
            for index, outcome in enumerate(outcomes)
        ]

    def _noted(self, outcome: ParsedRecord | NoIdError, record: dict[str, Any]) -> ParsedRecord | NoIdError:
        if self._full_list is None or isinstance(outcome, NoIdError):
            return outcome
        found = record.get(self._full_list.path)
        if not isinstance(found, list) or len(found) != self._full_list.length:
            return outcome
        money = msgspec.structs.replace(outcome.money, notes=(*outcome.money.notes, FULL_LIST))
        return msgspec.structs.replace(outcome, money=money)

    def _id_of(self, raw: msgspec.Raw) -> str | None:
        return self._identity(self._decode(raw))

    def _read(self, record: dict[str, Any], lineage: Lineage = ()) -> ParsedRecord | NoIdError:
        identity = self._identity(record, lineage)
        if identity is None:
            if self._id_path:
                return NoIdError(f"no usable value at `{self._id_path}`", self._id_path)
            return NoIdError(f"none of {', '.join(ID_KEYS)} is usable", f"{VARIANT}.id" if lineage else "id")
        named = None if self._fixed_currency else next(filter(None, self._currencies(record)), None)
        currency = self._fixed_currency or code_of(named)
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

    def _identity(self, record: dict[str, Any], lineage: Lineage = ()) -> str | None:
        if self._id is not None and (self._explode is None or lineage):
            return first_id((self._not_null(self._id(record)),))
        identity = first_id(map(record.get, ID_KEYS))
        return variant_id(identity, lineage) if lineage and identity else identity

    def _candidates(self, path: str | None, default_names: Sequence[str], *, of_variant: bool = True) -> Candidates:
        """Return a getter of a field's candidates: at its path, or under default names, those of the variant first."""
        if path:
            find = compile_path(path)
            if not self._nulls:
                return lambda record: (find(record),)
            finders = [compile_path(part) for part in alternatives(path)]
            return lambda record: (self._not_null(find(record)) for find in finders)

        within = self._added_keys if of_variant else ()
        if not (within or self._nulls):
            return lambda record: map(record.get, default_names)

        def find_by_name(record: dict[str, Any]) -> Iterator[object]:
            for holder in (*(record.get(key) for key in within), record):
                if isinstance(holder, dict):
                    yield from (self._not_null(holder.get(key)) for key in default_names)

        return find_by_name

    def _not_null(self, value: Any) -> Any:
        return None if self._nulls and isinstance(value, str | int | WireFloat) and str(value) in self._nulls else value


def _names_read(fields: Fields, explode: str | None, full_list: FullList | None) -> frozenset[str] | None:
    """Return the members of a record that may be read; None if all may be."""
    names = {VARIANT, OUTER}
    for path, usual in (
        (None if explode else fields.id, ID_KEYS),  # the id of a variant begins with that of its record
        (fields.title, TITLE_KEYS),
        (fields.category, CATEGORY_KEYS),
        (fields.price.path, PRICE_KEYS),
        (fields.currency.path, CURRENCY_KEYS),
    ):
        names.update(usual if path is None else ())
    if full_list:
        names.add(full_list.path)
    read = [first_names(path) for path in (*fields.paths, *levels_of(explode or "")[:1])]
    return None if None in read else frozenset(names).union(*filter(None, read))


@lru_cache(maxsize=1024)
def _decoder(names: frozenset[str] | None) -> Callable[[msgspec.Raw], dict[str, Any]]:
    """Return a function that decodes the members of these names, of all if None; it skips the others."""
    if names is None:
        return msgspec.json.Decoder(dict[str, Any], float_hook=WireFloat).decode
    members: Any = TypedDict("members", dict.fromkeys(sorted(names), Any), total=False)  # type: ignore[misc]  # its keys are data
    decoder: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(members, float_hook=WireFloat)
    return decoder.decode


class TransformingReader(RecordReader):
    """A reader that applies a transform to the records of a page, and reads the results with another reader.

    The identity of a record is that before the transform.
    """

    def __init__(self, reader: RecordReader, transform: Transform) -> None:
        self._reader = reader
        self._transform = transform

    def prepare(self, raws: Sequence[msgspec.Raw]) -> Prepared:
        """Return the records that the transform makes of those of a page."""
        return apply_transform(self._transform, raws)

    def identify(self, raw: msgspec.Raw) -> Hashable:
        """Return the identity that the other reader finds in a record as it arrived."""
        return self._reader.identify(raw)

    def read(self, raw: msgspec.Raw, shared: Shared = NOTHING_SHARED) -> Sequence[ParsedRecord | NoIdError]:
        """Return the products that the other reader finds in a record that the transform has made."""
        return self._reader.read(raw, shared)
