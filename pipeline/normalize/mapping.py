"""From a page of raw records to encoded products: what one hop into a worker thread does."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from pipeline.model import NormalizedPage, Page, Reject, utc_timestamp
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
from pipeline.normalize.money import Money, WireNumber, read_money
from pipeline.tally import Tally

# Only these fields are decoded, the rest of a record is skipped. Untyped, since APIs differ in their types: a value of
# an unexpected type costs that field, not the record.
_Record = msgspec.defstruct(
    "_Record",
    [(key, Any, None) for key in (*ID_KEYS, *TITLE_KEYS, *PRICE_KEYS, *CURRENCY_KEYS, *CATEGORY_KEYS)],
)
_Identity = msgspec.defstruct("_Identity", [(key, Any, None) for key in ID_KEYS])

_decode_record = msgspec.json.Decoder(_Record, float_hook=WireNumber).decode
_decode_identity = msgspec.json.Decoder(_Identity, float_hook=WireNumber).decode


class _ProductLine(msgspec.Struct):
    """A Product as it is written: its price is the text of a JSON number."""

    id: str
    title: str | None
    source: str
    price: msgspec.Raw | None
    currency: str | None
    category: str
    processed_at: str


_encode = msgspec.json.Encoder().encode

_ids: Callable[[Any], tuple[object, ...]] = attrgetter(*ID_KEYS)
_titles: Callable[[Any], tuple[object, ...]] = attrgetter(*TITLE_KEYS)
_prices: Callable[[Any], tuple[object, ...]] = attrgetter(*PRICE_KEYS)
_currencies: Callable[[Any], tuple[object, ...]] = attrgetter(*CURRENCY_KEYS)
_categories: Callable[[Any], tuple[object, ...]] = attrgetter(*CATEGORY_KEYS)

_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def identify(record: msgspec.Raw) -> Hashable:
    """A record's identity within its endpoint; of one that has none, all its bytes."""
    try:
        return first_id(_ids(_decode_identity(record))) or bytes(record)
    except _UNDECODABLE:
        return bytes(record)


def normalize_batch(pages: Sequence[Page]) -> list[NormalizedPage]:
    """Normalize several pages in one go."""
    processed_at = utc_timestamp()
    return [normalize_page(page, processed_at) for page in pages]


def normalize_page(page: Page, processed_at: str) -> NormalizedPage:
    """Turn each record of a page into an encoded product or a reject; whatever the records are, this succeeds."""
    ids: list[str] = []
    lines: list[bytes] = []
    rejects: list[Reject] = []
    coercions: Counter[str] = Counter()
    tally = Tally()
    for position, raw in enumerate(page.records, start=1):
        try:
            record = _decode_record(raw)
        except _UNDECODABLE as error:
            rejects.append(Reject(position, _why_undecodable(error)))
            continue
        identity = first_id(_ids(record))
        if identity is None:
            rejects.append(Reject(position, f"the record has no id: none of {', '.join(ID_KEYS)} is usable"))
            continue
        money = _money(record, coercions)
        line = _ProductLine(
            id=f"{page.source}:{identity}",
            title=first_title(_titles(record)),
            source=page.source,
            price=None if money.text is None else msgspec.Raw(money.text.encode()),
            currency=money.currency,
            category=first_category(_categories(record)),
            processed_at=processed_at,
        )
        tally.add(money.amount, line.currency, line.category)
        ids.append(line.id)
        lines.append(_encode(line))
    return NormalizedPage(
        source=page.source,
        number=page.number,
        ids=ids,
        lines=b"\n".join(lines),
        tally=tally,
        rejects=rejects,
        coercions=coercions,
    )


def _money(record: Any, coercions: Counter[str]) -> Money:
    """A record's price and currency; counts what had to be decided to read them."""
    named_currency = next(filter(None, _currencies(record)), None)
    record_currency = code_of(named_currency)
    if named_currency is not None and record_currency is None:
        coercions["unknown_currency"] += 1
    money = read_money(first_price(_prices(record)), record_currency)
    coercions.update(money.notes)
    return money


def _why_undecodable(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "the record is nested too deeply"
    return f"the record cannot be decoded: {error}"
