"""From a page of raw records to encoded products: what one hop into a worker thread does."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from pipeline.dead_letters import DeadLetter, encode_letter
from pipeline.model import MAX_LISTED_REJECTS, NormalizedPage, Page, Reject, utc_timestamp
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
    rejected = 0
    rejects: list[Reject] = []
    letters: list[bytes] = []
    coercions: Counter[str] = Counter()
    tally = Tally()
    for position, raw in enumerate(page.records, start=1):
        try:
            line, money = _product(page.source, raw, processed_at)
            encoded = _encode(line)
        except Exception as error:  # noqa: BLE001 - no record, however hostile, may cost more than itself
            rejected += 1
            reject = Reject(position, "id" if isinstance(error, _NoIdError) else "$", _reason(error))
            if len(rejects) < MAX_LISTED_REJECTS:
                rejects.append(reject)
            letters.append(encode_letter(DeadLetter.of(page.source, page.number, reject, processed_at, raw)))
            continue
        coercions.update(money.notes)
        tally.add(money.amount, line.currency, line.category)
        ids.append(line.id)
        lines.append(encoded)
    return NormalizedPage(
        source=page.source,
        number=page.number,
        ids=ids,
        lines=b"\n".join(lines),
        tally=tally,
        rejected=rejected,
        rejects=rejects,
        dead_letters=b"\n".join(letters),
        coercions=coercions,
        trace=page.trace,
    )


class _NoIdError(ValueError):
    def __init__(self) -> None:
        super().__init__(f"the record has no id: none of {', '.join(ID_KEYS)} is usable")


def _product(source: str, raw: msgspec.Raw, processed_at: str) -> tuple[_ProductLine, Money]:
    record = _decode_record(raw)
    identity = first_id(_ids(record))
    if identity is None:
        raise _NoIdError
    money = _money(record)
    line = _ProductLine(
        id=f"{source}:{identity}",
        title=first_title(_titles(record)),
        source=source,
        price=None if money.text is None else msgspec.Raw(money.text.encode()),
        currency=money.currency,
        category=first_category(_categories(record)),
        processed_at=processed_at,
    )
    return line, money


def _money(record: Any) -> Money:
    """A record's price and currency, with what had to be decided to read them."""
    named_currency = next(filter(None, _currencies(record)), None)
    record_currency = code_of(named_currency)
    money = read_money(first_price(_prices(record)), record_currency)
    if named_currency is not None and record_currency is None:
        return msgspec.structs.replace(money, notes=(*money.notes, "unknown_currency"))
    return money


def _reason(error: Exception) -> str:
    match error:
        case _NoIdError():
            return str(error)
        case RecursionError():
            return "the record is nested too deeply"
        case msgspec.DecodeError() | UnicodeDecodeError():
            return f"the record cannot be decoded: {error}"
        case _:
            return f"the record cannot be normalized: {type(error).__name__}"
