"""Texts and number formats of the report page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from heapq import nlargest
from typing import Any

from pipeline.formatting import counted, duration
from pipeline.html_report.facts import Facts
from pipeline.model.changes import Changes
from pipeline.model.summary import SourceReport, Status, page_ranges
from pipeline.model.tally import UNKNOWN_CURRENCY, PriceRange

_ACTIONS = {
    "retry": "retried",
    "skip": "skipped",
    "circuit_break": "circuit opened",
    "deadline": "deadline reached",
    "stopped": "stopped",
}
_RULES = {
    "ambiguous_separator": "a single comma or point was interpreted: 1,299 is 1299, 1.299 is 1.299 (1299 in yen)",
    "shared_currency_sign": "a sign shared by several currencies was interpreted: $ is USD, ¥ is JPY",
    "currency_conflict": "the price named another currency than the record; the price's currency was used",
    "unreadable_price": "the value could not be read as a single price; left out",
    "negative_price": "the price was below zero; left out",
    "unknown_currency": "the currency is not in ISO 4217; left out",
}
_MOST_MOVES, _LONGEST_TITLE = 3, 60
_MOST_CURRENCIES = 3
_SECTIONS = {
    "Catalogue": {
        "sources": "sources",
        "missing": "missing pages",
        "expectations": "not as expected",
        "changes": "changes",
        "coverage": "fields",
        "prices": "prices",
        "categories": "categories",
        "conflicts": "duplicates with different prices",
        "samples": "sample products",
        "rejects": "rejected records",
        "coercions": "interpreted values",
    },
    "Operation": {
        "time": "time spent",
        "requests": "requests over time",
        "latency": "response times",
        "failures": "failures",
        "origin": "this run",
        "configuration": "configuration",
    },
}
_SYMBOLS: Mapping[Status, str] = {"complete": "✓", "partial": "◐", "failed": "✗"}


def headline(facts: Facts) -> str:
    """Return the result of the run in one line."""
    incomplete = sum(source.status != "complete" for source in facts.sources)
    products, sources = counted(facts.totals.total_products, "product"), counted(len(facts.sources), "source")
    match facts.totals.status:
        case "complete":
            return f"{products} from {sources}, nothing missing"
        case "failed":
            return f"No products from {sources}"
        case "partial":
            is_missing = "incomplete" if any(source.gaps for source in facts.sources) else ""
            is_odd = "not as expected" if facts.problems else ""
            return f"{products}, {incomplete:,} of {sources} {' or '.join(filter(None, (is_missing, is_odd)))}"


def priced(facts: Facts) -> str:
    """Return the number of products that have a price, and their share if some have none."""
    number_priced, products = sum(source.priced for source in facts.sources), facts.totals.total_products
    return "all" if number_priced == products else f"{number_priced:,} ({share(number_priced, products)})"


def price_ranges(facts: Facts) -> Iterator[str]:
    """Yield the number of priced products and the range of their prices, for the most frequent currencies."""
    ranges: dict[str, list[PriceRange]] = {}
    for source in facts.sources:
        for currency, prices in source.prices.items():
            ranges.setdefault(currency, []).append(prices)
    most = nlargest(_MOST_CURRENCIES, ranges.items(), key=lambda item: sum(found.count for found in item[1]))
    for currency, found in most:
        count, low, high = sum(r.count for r in found), min(r.min for r in found), max(r.max for r in found)
        name = "an unknown currency" if currency == UNKNOWN_CURRENCY else currency
        yield f"{count:,} in {name}: {low:,} to {high:,}"
    if rest := len(ranges) - len(most):
        yield f"and {counted(rest, 'more currency', 'more currencies')}"


def price(amount: Decimal | None, currency: str | None) -> str:
    """Return a price with its currency, or ``none``."""
    return "none" if amount is None else f"{amount:,} {currency or ''}".rstrip()


def share(part: int, whole: int) -> str:
    """Return a share in percent, rounded so that only ``whole`` of ``whole`` is 100 % and only nothing is 0 %."""
    percent = 100 * part / whole if whole else 0.0
    if 0 < part < whole:
        percent = min(max(percent, 0.1), 99.9)
    return f"{percent:.1f}".removesuffix(".0") + " %"


def contents(facts: Facts) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
    """Return the anchors and titles of the sections that a report has: those of the catalogue, and those of the run."""
    is_shown = {
        "expectations": facts.problems,
        "changes": facts.changed,
        "coverage": any(found.products for found in facts.coverage.values()),
        "prices": facts.histograms,
        "categories": facts.categories,
        "conflicts": any(source.conflicting for source in facts.sources),
        "samples": facts.samples,
        "coercions": facts.coercions,
        "latency": any(source.traffic.latencies for source in facts.drawn),
        "failures": facts.failures,
    }
    return [
        (title, [(anchor, label) for anchor, label in sections.items() if is_shown.get(anchor, True)])
        for title, sections in _SECTIONS.items()
    ]


def received(facts: Facts) -> str:
    """Return the number of pages fetched, and of how many if some are missing."""
    fetched = sum(source.pages_fetched for source in facts.sources)
    wanted = fetched + sum(len(source.pages_missing) for source in facts.sources)
    if wanted == fetched:
        return counted(fetched, "page")
    at_least = "at least " if any(source.missing_from is not None for source in facts.sources) else ""
    return f"{fetched:,} of {at_least}{counted(wanted, 'page')}"


def changed(changes: Changes) -> str:
    """Return the numbers of products that were added, removed and changed, without those that no source knows."""
    known = [
        f"{changes.total(name):,} {name}"
        for name in ("added", "removed", "changed")
        if any(getattr(source, name) is not None for source in changes.sources)
    ]
    return ", ".join(known) or "not comparable"


def price_moves(changes: Changes) -> Iterator[str]:
    """Yield a line about the changed prices, and one for each of the biggest moves."""
    up, down = (sum(getattr(each, name) for each in changes.moves.values()) for name in ("up", "down"))
    if up or down:
        yield f"{counted(up, 'price')} up, {down:,} down"
    for move in nlargest(_MOST_MOVES, (move for each in changes.moves.values() for move in each.biggest)):
        name = (move.title or move.id)[:_LONGEST_TITLE]
        yield f"{name}: {move.old} → {move.new} {move.currency or ''} ({move.percent:+} %)"


def missing(facts: Facts) -> str:
    """Return the number of missing pages, or ``nothing``."""
    pages = sum(len(source.pages_missing) for source in facts.sources)
    unknown = any(source.missing_from is not None for source in facts.sources)
    return f"{counted(pages, 'page')}{' or more' if unknown else ''}" if pages else "nothing"


def missing_pages(source: SourceReport) -> str:
    """Return the missing pages of a source: ``pages 3, 5-9``, ``page 1 and all after it``; empty if there are none."""
    pages = source.pages_missing
    if not pages:
        return ""
    text = f"page{'' if len(pages) == 1 else 's'} {page_ranges(pages)}"
    return f"{text} and all after it" if source.missing_from is not None else text


def number(value: float | Decimal) -> str:
    """Return a number with thousands separators."""
    return f"{value:,}"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "action": lambda action: _ACTIONS.get(action, action),
    "counted": counted,
    "duration": duration,
    "missing_pages": missing_pages,
    "number": number,
    "rule": lambda rule: _RULES.get(rule, rule.replace("_", " ")),
    "symbol": _SYMBOLS.__getitem__,
}
