"""Texts and number formats of the report page."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from heapq import nlargest
from typing import Any

from pipeline.formatting import counted, duration
from pipeline.html_report.facts import Facts
from pipeline.model.changes import Changes
from pipeline.model.summary import SourceReport, Status, page_ranges

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
    """Return the number of products that have a price, or ``all with a price``."""
    number_priced = sum(source.priced for source in facts.sources)
    return "all with a price" if number_priced == facts.totals.total_products else f"{number_priced:,} with a price"


def received(facts: Facts) -> str:
    """Return the number of pages fetched, and of how many if some are missing."""
    fetched = sum(source.pages_fetched for source in facts.sources)
    wanted = fetched + sum(len(source.pages_missing) for source in facts.sources)
    if wanted == fetched:
        return counted(fetched, "page")
    at_least = "at least " if any(source.missing_from is not None for source in facts.sources) else ""
    return f"{fetched:,} of {at_least}{counted(wanted, 'page')}"


def changed(changes: Changes) -> str:
    """Return the numbers of products that were added, removed and changed, as far as they are known."""
    if not changes.comparable:
        return "not comparable"
    return ", ".join(f"{changes.total(name):,} {name}" for name in ("added", "removed", "changed"))


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
