"""Words and numbers of the report: how people write them."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from pipeline.html_report.facts import Facts
from pipeline.model.summary import SourceReport, Status, page_ranges

_ACTIONS = {
    "retry": "tried again",
    "skip": "given up",
    "circuit_break": "circuit opened",
    "deadline": "out of time",
    "stopped": "stopped",
}
_RULES = {
    "ambiguous_separator": "a lone comma or point was read by rule: 1,299 is 1299, 1.299 is 1.299",
    "shared_currency_sign": "a sign that several currencies share was read by rule: $ is USD, ¥ is JPY",
    "currency_conflict": "the price named another currency than the record; the price's own was taken",
    "unreadable_price": "what stood there could not be read as one price; it is left out",
    "negative_price": "a price below zero is none; it is left out",
    "unknown_currency": "what stood there is no currency of ISO 4217; it is left out",
}
_SYMBOLS: Mapping[Status, str] = {"complete": "✓", "partial": "◐", "failed": "✗"}


def counted(count: int, noun: str) -> str:
    """A count with its noun: ``1 page``, ``1,200 pages``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """A length of time, as precise as it is worth: ``85 ms``, ``31.8 s``, ``12 min 5 s``, ``3 h 20 min``."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 119.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def missing(source: SourceReport) -> str:
    """The pages that are missing: ``pages 3, 5-9``, ``page 1 and all behind it``; empty where none is."""
    pages = source.pages_missing
    if not pages:
        return ""
    text = f"page{'' if len(pages) == 1 else 's'} {page_ranges(pages)}"
    return f"{text} and all behind" if source.missing_from is not None else text


def headline(facts: Facts) -> str:
    """The outcome of the run in one line."""
    incomplete = [source for source in facts.sources if source.status != "complete"]
    products, sources = counted(facts.totals.total_products, "product"), counted(len(facts.sources), "source")
    match facts.totals.status:
        case "complete":
            return f"{products} from {sources}, nothing missing"
        case "failed":
            return f"Nothing came from {sources}"
        case "partial":
            return f"{products}, but {len(incomplete):,} of {sources} not complete"


def arrived(facts: Facts) -> str:
    """How many pages came, and of how many where some are missing."""
    fetched = sum(source.pages_fetched for source in facts.sources)
    wanted = fetched + sum(len(source.pages_missing) for source in facts.sources)
    if wanted == fetched:
        return counted(fetched, "page")
    at_least = "at least " if any(source.missing_from is not None for source in facts.sources) else ""
    return f"{fetched:,} of {at_least}{counted(wanted, 'page')}"


def not_arrived(facts: Facts) -> str:
    """How much is missing, in a few words."""
    pages = sum(len(source.pages_missing) for source in facts.sources)
    unknown = any(source.missing_from is not None for source in facts.sources)
    return f"{counted(pages, 'page')}{' or more' if unknown else ''}" if pages else "nothing"


def number(value: float | Decimal) -> str:
    """A number with its thousands apart."""
    return f"{value:,}"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "action": lambda action: _ACTIONS.get(action, action),
    "counted": counted,
    "duration": duration,
    "missing": missing,
    "number": number,
    "rule": lambda rule: _RULES.get(rule, rule.replace("_", " ")),
    "symbol": _SYMBOLS.__getitem__,
}
