"""Shows records as they came beside the products that they become.

What `init` and `check` tell of the APIs that they looked at.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import msgspec

from pipeline.config.source import PagingStyle
from pipeline.discovery.first_page import FirstPage, Looked
from pipeline.discovery.init import Drafted
from pipeline.errors import FetchError
from pipeline.model.pages import NormalizedPage, Page
from pipeline.normalize.normalizer import normalize_page, reader_for
from pipeline.normalize.numerals import WireFloat, encode_wire_float
from pipeline.normalize.readers import RecordReader
from pipeline.ui.columns import columns, fitted, printable

# What of a raw record is shown: as many lines, and of lists and objects within it as many members.
_MOST_LINES, _MOST_MEMBERS = 24, 6

_WHEN = "1970-01-01T00:00:00Z"

_decode = msgspec.json.Decoder(float_hook=WireFloat).decode
_encode = msgspec.json.Encoder(enc_hook=encode_wire_float).encode


def normalized(page: FirstPage, reader: RecordReader, position: int) -> NormalizedPage:
    """What one record of the page becomes, from 0: products, coercions, or a reject."""
    alone = Page(source=page.endpoint.name, number=1, records=page.records[position : position + 1])
    return normalize_page(alone, _WHEN, reader)


def products_table(page: FirstPage, reader: RecordReader, *, most: int, width: int) -> str:
    """The first products of a page, a line each."""
    rows: list[tuple[str, ...]] = [("id", "title", "price", "currency", "category")]
    for product in _products(normalize_page(page.page(), _WHEN, reader))[:most]:
        values = [product["id"].removeprefix(f"{page.endpoint.name}:"), *(product[key] for key in rows[0][1:])]
        rows.append(tuple("-" if value is None else printable(_text(value)) for value in values))
    return columns(rows, width=width, numbers=(2,))


def rejections(page: FirstPage, reader: RecordReader) -> Mapping[str, int]:
    """How many records of the page are rejected, by reason."""
    return Counter(reject.reason for reject in normalize_page(page.page(), _WHEN, reader).rejects)


def side_by_side(page: FirstPage, reader: RecordReader, *, most: int, width: int) -> str:
    """The first records, each beside its products; then what the whole page came to."""
    left = max(20, (width - 3) * 55 // 100)
    right = max(20, width - 3 - left)
    lines = [f"{fitted('as it came', left)} │ normalized"]
    for position in range(min(most, len(page.records))):
        lines.append(f"{'─' * left}─┼─{'─' * right}")
        raw = list(_raw_lines(page, position))
        for one, other in zip_longest(raw, _outcome(normalized(page, reader, position)), fillvalue=""):
            lines.append(f"{fitted(one, left)} │ {fitted(other, right)}".rstrip())
    return "\n".join([*lines, "", _sums(normalize_page(page.page(), _WHEN, reader))])


def _raw_lines(page: FirstPage, position: int) -> Iterator[str]:
    # Before anything is cut off: half a secret would not be found.
    raw = page.endpoint.secrets.redact(bytes(page.records[position]).decode(errors="replace")).encode()
    try:
        text = msgspec.json.format(_encode(_shortened(_decode(raw))), indent=1).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = raw.decode(errors="replace")
    lines = text.splitlines()
    yield from map(printable, lines[:_MOST_LINES])
    if len(lines) > _MOST_LINES:
        yield f"… {len(lines) - _MOST_LINES} lines more"


def _shortened(value: Any, depth: int = 0) -> Any:
    """Without what would take most of the room and tell nothing of the fields."""
    if isinstance(value, str) and len(value) > 100:
        return f"{value[:100]}…"
    if isinstance(value, list):
        rest = [f"… {len(value) - 1} more"] if len(value) > 1 else []
        return [*(_shortened(member, depth + 1) for member in value[:1]), *rest]
    if isinstance(value, dict):
        most = len(value) if depth == 0 else _MOST_MEMBERS
        kept = {key: _shortened(member, depth + 1) for key, member in list(value.items())[:most]}
        return kept | ({"…": f"{len(value) - most} more"} if len(value) > most else {})
    return value


def _products(page: NormalizedPage) -> Sequence[dict[str, Any]]:
    """The products of a page, each number in it as the text that it came as."""
    return [_decode(line) for line in page.lines.split(b"\n")] if page.lines else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else _encode(value).decode()


def _outcome(page: NormalizedPage) -> Iterator[str]:
    for product in _products(page):
        for key, value in product.items():
            if key not in ("source", "processed_at"):
                yield f"{key}: {printable(_encode(value).decode())}"
    for reason, count in page.coercions.items():
        yield f"coercion: {reason}{f' × {count}' if count > 1 else ''}"
    for reject in page.rejects:
        yield f"rejected: {printable(reject.reason)}"


def _sums(page: NormalizedPage) -> str:
    parts = [f"{len(page.ids)} products", f"{page.rejected} rejected"]
    if page.coercions:
        parts.append("coercions: " + ", ".join(f"{reason} {count}" for reason, count in page.coercions.items()))
    priced = sum(prices.count for prices in page.tally.prices().values())
    parts.insert(1, f"{priced} with a price")
    return f"the page: {', '.join(parts)}"


def drafts_text(drafted: Drafted, *, most: int, width: int) -> str:
    """Of each API what it is, its first products, and what is not certain."""
    return "\n\n".join("\n".join(_about(drafted, index, most, width)) for index in range(len(drafted.drafts)))


def check_table(looked: Looked) -> str:
    """A line for each API: whether its first page came, how long that took, what is on it, and how it goes on."""
    rows = [("endpoint", "ok", "ms", "records", "paging", "")]
    for endpoint, outcome in looked:
        if isinstance(outcome, FetchError):
            rows.append((endpoint.name, "no", "-", "-", "-", printable(outcome.text)))
        else:
            hint = "" if outcome.records else "the first page is empty; is the url right?"
            milliseconds = f"{outcome.seconds * 1000:.0f}"
            rows.append((endpoint.name, "yes", milliseconds, str(len(outcome.records)), _style(outcome), hint))
    return columns(rows, numbers=(2, 3))


def _about(drafted: Drafted, index: int, most: int, width: int) -> Iterator[str]:
    draft = drafted.drafts[index]
    page = drafted.pages.get(draft.name)
    about = draft.comments.get("preset")
    recognised = f" · {draft.keys['preset']} ({about})" if about else ""
    count = f" · {len(page.records)} records" if page else ""
    yield f"{draft.name}{recognised}{count}"
    if page and page.records:
        endpoint = drafted.config.endpoints[index]
        reader = reader_for(endpoint.fields, endpoint.explode)
        yield products_table(page, reader, most=most, width=width)
        for reason, times in rejections(page, reader).items():
            yield f"rejected {times}: {printable(reason)}"
    if draft.doubts:
        yield "not certain:"
        yield from (f"  - {drafted.secrets.redact(printable(doubt))}" for doubt in draft.doubts)


def _style(page: FirstPage) -> str:
    how = page.paging
    configured = page.endpoint.paging.style is how.style
    if how.style is PagingStyle.AUTO:
        return "page numbers, as nothing says otherwise"
    return how.style.value if configured else f"{how.style.value} (found)"
