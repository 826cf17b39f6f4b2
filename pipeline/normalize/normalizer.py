"""Turn pages of raw records into encoded products and rejects: the work of one dispatch to a worker thread."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import chain
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
    made = reader.prepare(page.records)
    products, rejects = _read(page, made, reader)
    try:
        ids, lines = _encode_products(page.source, products, processed_at)
    except Exception:  # noqa: BLE001 - a product that cannot be encoded is a reject too
        products, rejects = _read(page, made, reader, partial(_check_encoding, page.source, processed_at))
        ids, lines = _encode_products(page.source, products, processed_at)
    if made.rejects:
        rejects = sorted([*made.rejects, *rejects], key=attrgetter("position"))
    amounts: defaultdict[str | None, list[Decimal]] = defaultdict(list)
    for product in products:
        money = product.money
        if money.amount is not None:
            amounts[money.currency].append(money.amount)
    return NormalizedPage(
        source=page.source,
        number=page.number,
        ids=ids,
        lines=lines,
        tally=Tally.of(amounts, [product.category for product in products]),
        rejected=len(rejects),
        rejects=rejects[:MAX_LISTED_REJECTS],
        dead_letters=b"\n".join(encode_letter(DeadLetter.of(page, reject, processed_at)) for reject in rejects),
        coercions=Counter(chain.from_iterable(product.money.notes for product in products)),
        trace=page.trace,
        dropped=made.dropped,
    )


def _encode_products(source: str, products: Sequence[ParsedRecord], processed_at: str) -> tuple[list[str], bytes]:
    """Return the ids of the products, and the products as JSON lines."""
    lines = [_line(source, product, processed_at) for product in products]
    return [line.id for line in lines], _encode_lines(lines)[:-1]


def _read(
    page: Page,
    made: Prepared,
    reader: RecordReader,
    check: Callable[[ParsedRecord], None] | None = None,
) -> tuple[list[ParsedRecord], list[Reject]]:
    """Return the products and the rejects of a page; a product for which ``check`` raises is a reject."""
    products: list[ParsedRecord] = []
    rejects: list[Reject] = []
    for position, raw in zip(made.positions, made.records, strict=True):
        try:
            outcomes = reader.read(raw, page.shared)
        except Exception as error:  # noqa: BLE001 - a hostile record must not affect the others
            rejects.append(Reject(position, WHOLE_RECORD, _reason(error)))
            continue
        for outcome in outcomes:
            if isinstance(outcome, NoIdError):
                rejects.append(Reject(position, outcome.field, _reason(outcome)))
                continue
            try:
                if check:
                    check(outcome)
            except Exception as error:  # noqa: BLE001 - see above
                rejects.append(Reject(position, WHOLE_RECORD, _reason(error)))
            else:
                products.append(outcome)
    return products, rejects


def _check_encoding(source: str, processed_at: str, product: ParsedRecord) -> None:
    _encode_products(source, [product], processed_at)


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
