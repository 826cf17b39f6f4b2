"""From a page of raw records to encoded products: what one hop into a worker thread does."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from pipeline.config.source import NO_FIELDS, Fields
from pipeline.model.dead_letters import DeadLetter, encode_letter
from pipeline.model.pages import MAX_LISTED_REJECTS, NormalizedPage, Page, Reject, utc_timestamp
from pipeline.model.tally import Tally
from pipeline.normalize.money import as_it_came
from pipeline.normalize.readers import DefaultReader, MappedReader, NoIdError, ParsedRecord, RecordReader


class _ProductLine(msgspec.Struct, omit_defaults=True, gc=False):
    """A Product as it is written: its price is the text of a JSON number."""

    id: str
    title: str | None
    source: str
    price: msgspec.Raw | None
    currency: str | None
    category: str
    processed_at: str
    extra: Mapping[str, Any] = {}


_encode_lines = msgspec.json.Encoder(enc_hook=as_it_came).encode_lines

DEFAULT_READER = DefaultReader()


def reader_for(fields: Fields, explode: str | None = None) -> RecordReader:
    """What reads the records of an endpoint with such fields, each a product, or each element of the list in it."""
    return DEFAULT_READER if fields == NO_FIELDS and explode is None else MappedReader(fields, explode)


def normalize_batch(
    pages: Sequence[Page], readers: Mapping[str, RecordReader] = MappingProxyType({})
) -> list[NormalizedPage]:
    """Normalize several pages in one go; ``readers`` has a reader of each source, the usual ones by default."""
    processed_at = utc_timestamp()
    return [normalize_page(page, processed_at, readers.get(page.source, DEFAULT_READER)) for page in pages]


def normalize_page(page: Page, processed_at: str, reader: RecordReader = DEFAULT_READER) -> NormalizedPage:
    """Turn each record of a page into an encoded product or a reject; whatever the records are, this succeeds."""
    rejects: list[Reject] = []
    try:
        readings = reader.read_page(page.records)
        ids, lines = _written(page.source, readings, processed_at)
    except Exception:  # noqa: BLE001 - no record, however hostile, may cost more than itself
        readings, rejects = _sorted_out(page, processed_at, reader)
        ids, lines = _written(page.source, readings, processed_at)
    amounts: defaultdict[str | None, list[Decimal]] = defaultdict(list)
    coercions: Counter[str] = Counter()
    for reading in readings:
        money = reading.money
        if money.amount is not None:
            amounts[money.currency].append(money.amount)
        if money.notes:
            coercions.update(money.notes)
    return NormalizedPage(
        source=page.source,
        number=page.number,
        ids=ids,
        lines=lines,
        tally=Tally.of(amounts, [reading.category for reading in readings]),
        rejected=len(rejects),
        rejects=rejects[:MAX_LISTED_REJECTS],
        dead_letters=b"\n".join(_letter(page, reject, processed_at) for reject in rejects),
        coercions=coercions,
        trace=page.trace,
    )


def _written(source: str, readings: Sequence[ParsedRecord], processed_at: str) -> tuple[list[str], bytes]:
    """The ids of products, and the products, a line each."""
    products = [_line(source, reading, processed_at) for reading in readings]
    return [product.id for product in products], _encode_lines(products)[:-1]


def _sorted_out(page: Page, processed_at: str, reader: RecordReader) -> tuple[list[ParsedRecord], list[Reject]]:
    """What is read from a page record by record, and what is rejected of it."""
    readings: list[ParsedRecord] = []
    rejects: list[Reject] = []
    for position, raw in enumerate(page.records, start=1):
        for outcome in _outcomes(raw, reader):
            try:
                if isinstance(outcome, Exception):
                    raise outcome  # noqa: TRY301 - as if it had come up while encoding
                _written(page.source, [outcome], processed_at)
            except Exception as error:  # noqa: BLE001 - see above
                rejects.append(Reject(position, error.field if isinstance(error, NoIdError) else "$", _reason(error)))
            else:
                readings.append(outcome)
    return readings, rejects


def _outcomes(raw: msgspec.Raw, reader: RecordReader) -> Sequence[ParsedRecord | Exception]:
    try:
        return reader.read(raw)
    except Exception as error:  # noqa: BLE001 - see above
        return (error,)


def _letter(page: Page, reject: Reject, processed_at: str) -> bytes:
    raw = page.records[reject.position - 1]
    return encode_letter(DeadLetter.of(page.source, page.number, reject, processed_at, raw))


def _line(source: str, reading: ParsedRecord, processed_at: str) -> _ProductLine:
    money = reading.money
    return _ProductLine(
        id=f"{source}:{reading.id}",
        title=reading.title,
        source=source,
        price=None if money.text is None else msgspec.Raw(money.text),
        currency=money.currency,
        category=reading.category,
        processed_at=processed_at,
        extra=reading.extra,
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
