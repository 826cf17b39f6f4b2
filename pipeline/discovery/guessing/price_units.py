"""Find evidence for the unit of prices that are whole numbers: major units, or minor ones such as cents."""

import re
from collections.abc import Sequence
from typing import Any, Literal

from pipeline.config.currency import WRITTEN_WHOLE, code_of, minor_digits
from pipeline.discovery.guessing.price_names import MONEY
from pipeline.discovery.samples import MIN_SHARE, SamplePath, Samples, first_of
from pipeline.normalize.money import read_money

Unit = Literal["minor", "major"]

# The last one is the Money object of Square and of others: `price_money: {amount: 1099, currency: USD}`.
_MINOR = re.compile(
    r"(^|[_.])(in_)?cents?([A-Z_]|$)|[cC]ents?$|[cC]entAmount|minor|Minor|unit_amount|pence|_money\.amount$"
)
# Names of a number beside a price that gives the number of its decimals.
DECIMALS = re.compile(r"minor_?unit|exponent|decimals|(decimal_?places|fraction_?digits)|precision", re.IGNORECASE)
DIVISOR = re.compile(r"divisor", re.IGNORECASE)
# Names of a currency, some of them only beside a price.
_CURRENCIES = re.compile(r"curr|waehrung|devise|moneda", re.IGNORECASE)
_CURRENCIES_BESIDE = re.compile(r"unit|iso(_?code)?", re.IGNORECASE)

_LONGEST = 15

# So many prices that are all at least this are rarely whole units by chance.
_ENOUGH, _LEAST = 3, 100


def is_minor_name(path: str) -> bool:
    """Return True if the name of a price is one of minor units."""
    return _MINOR.search(path) is not None


def whole_amounts(values: Sequence[Any]) -> list[int | None]:
    """Return the prices of a sample as integers if all of them are whole numbers, else nothing."""
    firsts = [first_of(value) for value in values]
    amounts = [int(str(value)) if _is_whole(value) else None for value in firsts]
    is_whole = all(value is None or amount is not None for value, amount in zip(firsts, amounts, strict=True))
    return amounts if is_whole and any(amounts) else []


def unit_beside(samples: Samples, at: SamplePath) -> tuple[SamplePath, dict[str, Any]] | None:
    """Return the amount and the keys of its unit, if a number of decimals or a divisor is beside it."""
    inner = [each for each in samples.paths if each.above == f"{at.path}."]
    amounts = [each for each in inner if each.last_words in (["amount"], ["value"])]
    for beside in (*(each for each in samples.paths if each.above == at.above), *inner):
        amount = at if beside.above == at.above else next(iter(amounts), None)
        if amount is None or not all(map(_is_whole, samples.present(beside.path) or [None])):
            continue
        if DIVISOR.search(beside.keys[-1]):
            return amount, {"divisor": beside.path}
        if DECIMALS.search(beside.keys[-1]):
            return amount, {"kind": "minor", "exponent": beside.path}
    return None


def unit_by_twin(samples: Samples, amount: SamplePath, amounts: Sequence[int | None]) -> Unit | None:
    """Return the unit that another value of each record proves: the same amount with decimals, or as text."""
    for at in samples.paths:
        is_other = at.path != amount.path and at.through_list == amount.through_list
        if not is_other or not at.words & (MONEY | {"formatted"}):
            continue
        shown = zip(amounts, samples.values(at.path), strict=True)
        verdicts = [_verdict(whole, first_of(value)) for whole, value in shown if whole and value is not None]
        for unit in ("minor", "major"):
            if verdicts and verdicts.count(unit) >= MIN_SHARE * len(verdicts):
                return unit
    return None


def twin_with_currency(samples: Samples, amount: SamplePath) -> SamplePath | None:
    """Return the path of a text that shows the same amount as a price, with a sign of one currency."""
    prices = [read_money(value) for value in samples.values(amount.path)]
    for at in samples.paths:
        if at.path == amount.path or at.through_list != amount.through_list or not at.words & (MONEY | {"formatted"}):
            continue
        twins = [read_money(first_of(value)) for value in samples.values(at.path)]
        pairs = [
            (one.amount == twin.amount, twin.currency is not None and not twin.notes)
            for one, twin in zip(prices, twins, strict=True)
            if one.amount is not None
        ]
        if pairs and all(is_same and is_certain for is_same, is_certain in pairs):
            return at
    return None


def may_be_minor(samples: Samples, amount: SamplePath, amounts: Sequence[int | None]) -> bool:
    """Return True if nothing proves the unit of whole numbers that may be minor units.

    They are amounts in an object with a currency, or all of at least 100. A currency without decimals has one unit.
    """
    if is_minor_name(amount.path) or unit_by_twin(samples, amount, amounts) is not None:
        return False
    codes = [
        first_of(value)
        for at in samples.paths
        if at.above == amount.above and is_currency(samples, at, beside_price=True)
        for value in samples.present(at.path)[:1]
    ]
    if any(code_of(code) in WRITTEN_WHOLE for code in codes):
        return False
    known = [each for each in amounts if each is not None]
    return bool(codes and amount.above) or (len(known) >= _ENOUGH and min(known) >= _LEAST)


def is_currency(samples: Samples, at: SamplePath, *, beside_price: bool = False) -> bool:
    """Return True if the values at a path are currencies, by name and value."""
    name = at.keys[-1]
    if not _CURRENCIES.search(name) and not (beside_price and _CURRENCIES_BESIDE.fullmatch(name)):
        return False
    flat = [each for value in samples.present(at.path) for each in (value if isinstance(value, list) else [value])]
    return bool(flat) and all(isinstance(each, str) and code_of(each) for each in flat)


def _is_whole(value: Any) -> bool:
    if isinstance(value, str):
        return value.isascii() and value.isdigit() and len(value) <= _LONGEST
    return isinstance(value, int) and not isinstance(value, bool)


def _verdict(whole: int, value: Any) -> Unit | None:
    """Compare a whole number with another value; a further whole number proves nothing."""
    if value is None or isinstance(value, int | dict) or (isinstance(value, str) and value.isdigit()):
        return None
    money = read_money(value)
    if money.amount is None:
        return None
    digits = minor_digits(money.currency)
    if money.amount * 10 ** (2 if digits is None else digits) == whole and digits != 0:
        return "minor"
    return "major" if money.amount == whole else None
