"""Turn pages of raw records into encoded products and rejects: the work of one dispatch to a worker thread."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from types import MappingProxyType
from typing import Any

import msgspec

from pipeline.config.presets import FullList
from pipeline.config.source import NO_FIELDS, Fields
from pipeline.config.transform import Transform
from pipeline.model.dead_letters import DeadLetter, encode_letter
from pipeline.model.pages import MAX_LISTED_REJECTS, WHOLE_RECORD, LostPage, NormalizedPage, Page, Reject, utc_timestamp
from pipeline.model.tally import Tally
from pipeline.normalize.mapped_readers import MappedReader, TransformingReader
from pipeline.normalize.numerals import encode_wire_float
from pipeline.normalize.readers import DefaultReader, NoIdError, ParsedRecord, RecordReader
from pipeline.normalize.transform import Prepared


class _ProductLine(msgspec.Struct, omit_defaults=True, gc=False):
    """A Product for encoding: its price is the text of a JSON number."""

    id: str
    title: str | None
    source: str
    price: msgspec.Raw | None
    currency: str | None
    category: str
    processed_at: str
    extra: Mapping[str, Any] = {}


_encode_lines = msgspec.json.Encoder(enc_hook=encode_wire_float).encode_lines

DEFAULT_READER = DefaultReader()

# The first characters of JSON values that are neither objects nor lists.
_SCALARS = frozenset(b'"-0123456789tfn')


def reader_for(
    fields: Fields,
    explode: str | None = None,
    transform: Transform | None = None,
    full_list: FullList | None = None,
) -> RecordReader:
    """Return the reader for an endpoint with these fields.

    With ``explode``, each element of that list is a product. ``transform`` changes the records before they are read.
    ``full_list`` is a list that the API cuts off.
    """
    if fields == NO_FIELDS and explode is None and full_list is None:
        reader: RecordReader = DEFAULT_READER
    else:
        reader = MappedReader(fields, explode, full_list)
    return TransformingReader(reader, transform) if transform else reader


def normalize_batch(
    pages: Sequence[Page], readers: Mapping[str, RecordReader] = MappingProxyType({})
) -> list[NormalizedPage]:
    """Normalize several pages with one timestamp.

    ``readers`` maps sources to their readers; a source without one uses the default reader.
    """
    processed_at = utc_timestamp()
    return [normalize_page(page, processed_at, readers.get(page.source, DEFAULT_READER)) for page in pages]


def normalize_separately(
    pages: Sequence[Page], readers: Mapping[str, RecordReader] = MappingProxyType({})
) -> list[NormalizedPage | LostPage]:
    """Normalize pages as :func:`normalize_batch` does; a page that raises an exception is lost, and no other."""
    processed_at = utc_timestamp()
    outcomes: list[NormalizedPage | LostPage] = []
    for page in pages:
        try:
            outcomes.append(normalize_page(page, processed_at, readers.get(page.source, DEFAULT_READER)))
        except Exception as error:  # noqa: BLE001 - a mistake in this program must not affect the other pages
            outcomes.append(LostPage(page.source, page.number, page.trace, error))
    return outcomes


def normalize_page(page: Page, processed_at: str, reader: RecordReader = DEFAULT_READER) -> NormalizedPage:
    """Turn each record of a page into encoded products or rejects; no content of a record makes this raise."""
    made = _without_scalars(reader.prepare(page.records), page, reader)
    try:
        products, rejects = _without_errors(reader.read_page(made.records, page.shared), made)
        ids, lines = _encode_products(page.source, products, processed_at)
    except Exception:  # noqa: BLE001 - a hostile record must not affect the others
        products, rejects = _read_one_by_one(page, made, reader)
        try:
            ids, lines = _encode_products(page.source, products, processed_at)
        except Exception:  # noqa: BLE001 - a product that cannot be encoded is a reject too
            products, rejects = _read_one_by_one(page, made, reader, processed_at)
            ids, lines = _encode_products(page.source, products, processed_at)
    if made.rejects:
        rejects = sorted([*made.rejects, *rejects], key=attrgetter("position"))
    amounts: defaultdict[str | None, list[Decimal]] = defaultdict(list)
    coercions: Counter[str] = Counter()
    for product in products:
        money = product.money
        if money.amount is not None:
            amounts[money.currency].append(money.amount)
        if money.notes:
            coercions.update(money.notes)
    return NormalizedPage(
        source=page.source,
        number=page.number,
        ids=ids,
        lines=lines,
        tally=Tally.of(amounts, [product.category for product in products]),
        rejected=len(rejects),
        rejects=rejects[:MAX_LISTED_REJECTS],
        dead_letters=b"\n".join(encode_letter(DeadLetter.of(page, reject, processed_at)) for reject in rejects),
        coercions=coercions,
        trace=page.trace,
        dropped=made.dropped,
    )


def _encode_products(source: str, products: Sequence[ParsedRecord], processed_at: str) -> tuple[list[str], bytes]:
    """Return the ids of the products, and the products as JSON lines."""
    lines = [_line(source, product, processed_at) for product in products]
    return [line.id for line in lines], _encode_lines(lines)[:-1]


def _without_scalars(made: Prepared, page: Page, reader: RecordReader) -> Prepared:
    """Return what a page is made of with the records that are texts, numbers or the like among its rejects.

    The others can then be decoded together.
    """
    scalars = [index for index, raw in enumerate(made.records) if _is_scalar(raw)]
    if not scalars:
        return made
    rejects = list(made.rejects)
    for index in scalars:
        outcome = next(iter(_read_record(made.records[index], page.shared, reader)), None)
        if not isinstance(outcome, Exception):  # the reader makes something of it
            return made
        rejects.append(Reject(made.positions[index], WHOLE_RECORD, _reason(outcome)))
    left_out = frozenset(scalars)
    kept = [index for index in range(len(made.records)) if index not in left_out]
    return Prepared(
        [made.records[index] for index in kept], [made.positions[index] for index in kept], rejects, made.dropped
    )


def _without_errors(
    outcomes: Sequence[ParsedRecord | NoIdError], made: Prepared
) -> tuple[Sequence[ParsedRecord], list[Reject]]:
    """Return the products among the outcomes of a page, and a reject for each record without an id."""
    products = [outcome for outcome in outcomes if isinstance(outcome, ParsedRecord)]
    if len(products) == len(outcomes):
        return products, []
    pairs = zip(made.positions, outcomes, strict=True)
    return products, [
        Reject(position, outcome.field, _reason(outcome))
        for position, outcome in pairs
        if isinstance(outcome, NoIdError)
    ]


def _is_scalar(raw: msgspec.Raw) -> bool:
    first = memoryview(raw)
    return first.nbytes > 0 and first[0] in _SCALARS


def _read_one_by_one(
    page: Page, made: Prepared, reader: RecordReader, processed_at: str | None = None
) -> tuple[list[ParsedRecord], list[Reject]]:
    """Return the products and the rejects of a page in which at least one record fails.

    With ``processed_at``, a product that cannot be encoded is a reject.
    """
    products: list[ParsedRecord] = []
    rejects: list[Reject] = []
    for position, raw in zip(made.positions, made.records, strict=True):
        for outcome in _read_record(raw, page.shared, reader):
            try:
                if isinstance(outcome, Exception):
                    raise outcome  # noqa: TRY301 - handled like an error raised by encoding
                if processed_at:
                    _encode_products(page.source, [outcome], processed_at)
            except Exception as error:  # noqa: BLE001 - see above
                rejects.append(
                    Reject(position, error.field if isinstance(error, NoIdError) else WHOLE_RECORD, _reason(error))
                )
            else:
                products.append(outcome)
    return products, rejects


def _read_record(
    raw: msgspec.Raw, shared: Mapping[str, msgspec.Raw], reader: RecordReader
) -> Sequence[ParsedRecord | Exception]:
    try:
        return reader.read(raw, shared)
    except Exception as error:  # noqa: BLE001 - see above
        return (error,)


def _line(source: str, product: ParsedRecord, processed_at: str) -> _ProductLine:
    money = product.money
    return _ProductLine(
        id=f"{source}:{product.id}",
        title=product.title,
        source=source,
        price=None if money.text is None else msgspec.Raw(money.text),
        currency=money.currency,
        category=product.category,
        processed_at=processed_at,
        extra=product.extra,
    )


def _reason(error: Exception) -> str:
    match error:
        case NoIdError():
            return str(error)
        case RecursionError():
            return "the record is nested too deeply"
        case msgspec.DecodeError() | UnicodeDecodeError():
            return f"the record cannot be decoded: {error}"
        case _:
            return f"the record cannot be normalized: {type(error).__name__}"
