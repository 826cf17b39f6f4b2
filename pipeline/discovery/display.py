"""Format the results of `init`, `preview` and `check` for the terminal."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import msgspec

from pipeline.config.presets import load_preset
from pipeline.config.request import BodyFormat
from pipeline.config.source import PagingStyle, PriceKind
from pipeline.discovery.findings import Findings, findings_in, findings_on, problem_on
from pipeline.discovery.first_page import FirstPage, FirstPageResults
from pipeline.discovery.forecast import Forecast, RunForecast
from pipeline.discovery.guessing.price import unit_doubt
from pipeline.discovery.init import DraftResult
from pipeline.discovery.samples import Samples
from pipeline.errors import FetchError
from pipeline.formatting import counted, duration
from pipeline.model.pages import NormalizedPage
from pipeline.normalize.normalizer import normalize_page, reader_for
from pipeline.normalize.numerals import WireFloat, encode_wire_float
from pipeline.normalize.readers import RecordReader
from pipeline.ui.columns import columns, fitted, printable

# Limits on the raw record that is shown: its lines, and the members of objects within it.
_MAX_LINES, _MAX_MEMBERS = 24, 6

_PROCESSED_AT = "1970-01-01T00:00:00Z"

_decode = msgspec.json.Decoder(float_hook=WireFloat).decode
_encode = msgspec.json.Encoder(enc_hook=encode_wire_float).encode


def drafts_text(result: DraftResult, *, most: int, width: int) -> str:
    """Return for each draft its preset, its first ``most`` products, and what to check."""
    return "\n\n".join("\n".join(_about(result, index, most, width)) for index in range(len(result.drafts)))


def check_table(first_pages: FirstPageResults) -> str:
    """Return a table of the first pages by endpoint: success, duration, numbers of records, and paging or problem."""
    rows: list[tuple[str, ...]] = [("endpoint", "ok", "ms", "records", "priced", "conflict", "paging", "")]
    for endpoint, outcome in first_pages:
        if isinstance(outcome, FetchError):
            rows.append((endpoint.name, "no", *["-"] * 5, printable(outcome.text)))
        else:
            found = findings_on(outcome)
            numbers = (len(outcome.records), found.priced, found.conflicting)
            milliseconds, problem = f"{outcome.seconds * 1000:.0f}", problem_on(found)
            is_ok = "no" if problem else "yes"
            rows.append((endpoint.name, is_ok, milliseconds, *map(str, numbers), _style(outcome), problem))
    return columns(rows, numbers=(2, 3, 4, 5))


def forecast_text(forecast: RunForecast) -> str:
    """Return the forecast for a run: a line for each endpoint, the sums, and whether the deadline is enough."""
    rows = [("endpoint", "requests", "records", "time"), *map(_forecast_row, forecast.endpoints)]
    lines = [columns(rows, numbers=(1, 2, 3)), ""]
    known = f"{counted(forecast.requests, 'request')} in {duration(forecast.seconds)} at these rates"
    lines.append(f"estimate: {known}, if none has to be repeated")
    lines += [
        f"{each.name} announces no size; {each.fits:,} requests fit into the timeout"
        for each in forecast.endpoints
        if each.requests is None and each.fits
    ]
    if forecast.suggested_timeout is not None:
        wanted = f"{forecast.suggested_timeout // 60}m"
        lines.append(f"timeout: {duration(forecast.timeout)} is not enough; set `timeout: {wanted}` (-t {wanted})")
    elif forecast.is_enough:
        lines.append(f"timeout: {duration(forecast.timeout)} is enough")
    else:
        lines.append(f"timeout: {duration(forecast.timeout)} is enough for the endpoints that announce their size")
    return "\n".join(lines)


def _forecast_row(each: Forecast) -> tuple[str, ...]:
    if each.seconds is None:
        return each.name, "unknown", "-", "-"
    records = "-" if each.records is None else f"{each.records:,}"
    return each.name, f"{each.requests:,}", records, duration(each.seconds)


def side_by_side(page: FirstPage, reader: RecordReader, *, most: int, width: int) -> str:
    """Return the first ``most`` raw records, each beside its products, and totals of the whole page."""
    left = max(20, (width - 3) * 55 // 100)
    right = max(20, width - 3 - left)
    lines = [f"{fitted('raw', left)} │ normalized"]
    for position in range(min(most, len(page.records))):
        lines.append(f"{'─' * left}─┼─{'─' * right}")
        alone = msgspec.structs.replace(page.page(), records=page.records[position : position + 1])
        outcome = _outcome(normalize_page(alone, _PROCESSED_AT, reader))
        for one, other in zip_longest(_raw_lines(page, position), outcome, fillvalue=""):
            lines.append(f"{fitted(one, left)} │ {fitted(other, right)}".rstrip())
    whole = normalize_page(page.page(), _PROCESSED_AT, reader)
    totals = [*_totals(whole, findings_in(whole, page.endpoint.expect)), *_unit_doubts(page)]
    return "\n".join([*lines, "", *(textwrap.fill(text, width, subsequent_indent="  ") for text in totals)])


def _about(result: DraftResult, index: int, most: int, width: int) -> Iterator[str]:
    draft = result.drafts[index]
    page = result.pages.get(draft.name)
    preset = draft.keys.get("preset") if page else None
    recognised = f" · {preset} ({load_preset(preset).about})" if preset else ""
    count = f" · {len(page.records)} records" if page else ""
    yield f"{draft.name}{recognised}{count}"
    if page and page.records:
        endpoint = result.config.endpoints[index]
        reader = reader_for(endpoint.fields, endpoint.explode)
        normalized = normalize_page(page.page(), _PROCESSED_AT, reader)
        yield _products_table(normalized, most, width)
        for reason, times in Counter(reject.reason for reject in normalized.rejects).items():
            yield f"rejected {times}: {printable(reason)}"
    if draft.doubts:
        yield "please check:"
        yield from (f"  - {result.secrets.redact(printable(doubt))}" for doubt in draft.doubts)


def _products_table(page: NormalizedPage, most: int, width: int) -> str:
    rows: list[tuple[str, ...]] = [("id", "title", "price", "currency", "category")]
    for product in _products(page)[:most]:
        values = [product["id"].removeprefix(f"{page.source}:"), *(product[key] for key in rows[0][1:])]
        rows.append(tuple("-" if value is None else printable(_text(value)) for value in values))
    return columns(rows, width=width, numbers=(2,))


def _raw_lines(page: FirstPage, position: int) -> Iterator[str]:
    # Redact before shortening: a truncated secret would not be found.
    raw = page.endpoint.secrets.redact(bytes(page.records[position]).decode(errors="replace")).encode()
    try:
        text = msgspec.json.format(_encode(_shortened(_decode(raw))), indent=1).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = raw.decode(errors="replace")
    lines = text.splitlines()
    yield from map(printable, lines[:_MAX_LINES])
    if len(lines) > _MAX_LINES:
        yield f"… {len(lines) - _MAX_LINES} more lines"


def _shortened(value: Any, depth: int = 0) -> Any:
    """Shorten long texts, lists and nested objects, which take space without showing more fields."""
    if isinstance(value, str) and len(value) > 100:
        return f"{value[:100]}…"
    if isinstance(value, list):
        rest = [f"… {len(value) - 1} more"] if len(value) > 1 else []
        return [*(_shortened(member, depth + 1) for member in value[:1]), *rest]
    if isinstance(value, dict):
        most = len(value) if depth == 0 else _MAX_MEMBERS
        kept = {key: _shortened(member, depth + 1) for key, member in list(value.items())[:most]}
        return kept | ({"…": f"{len(value) - most} more"} if len(value) > most else {})
    return value


def _products(page: NormalizedPage) -> Sequence[dict[str, Any]]:
    """Decode the products of a page; numbers keep their text."""
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


def _totals(page: NormalizedPage, found: Findings) -> Iterator[str]:
    parts = [
        counted(found.products, "product"),
        f"{found.priced} with a price",
        counted(found.duplicates, "duplicate"),
        f"{found.conflicting} conflicting",
        f"{found.rejected} rejected",
    ]
    if page.coercions:
        parts.append("coercions: " + ", ".join(f"{reason} {count}" for reason, count in page.coercions.items()))
    yield f"the page: {', '.join(parts)}"
    if problem := problem_on(found):
        yield problem


def _unit_doubts(page: FirstPage) -> Iterator[str]:
    """Yield what is uncertain about the unit of the prices, unless it is described."""
    price = page.endpoint.fields.price
    if price.kind is PriceKind.AUTO and price.divisor is None and not page.endpoint.explode:
        doubt = unit_doubt(Samples(page.records), price.path)
        if doubt:
            yield doubt


def _style(page: FirstPage) -> str:
    if page.format is not BodyFormat.JSON:
        return f"{page.format.value} feed"
    style = page.paging.style
    if style is PagingStyle.AUTO:
        return "unknown, tries page=2"
    return style.value if page.endpoint.paging.style is style else f"{style.value} (detected)"
