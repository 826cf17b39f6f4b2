"""Prices that are described: where they are, how they are written, and what is to be made of them."""

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from pipeline.config.source import Price, PriceKind, PricePick
from pipeline.currency import minor_digits
from pipeline.normalize.money import NO_PRICE, UNREADABLE, Money, checked_money, is_plain_number, read_money
from pipeline.record_paths import Getter, compile_path

_MOST_DECIMALS = 18

# What is returned for a text in which the other mark does not group thousands.
_AMISS = object()

# Room for the longest price there is, with the most decimals.
_CONTEXT = Context(prec=60)


class PriceReader:
    """Reads the prices of one endpoint's records as a :class:`Price` says."""

    def __init__(self, how: Price, find: Getter) -> None:
        self._find = find
        self._divisor = compile_path(how.divisor) if how.divisor else None
        exponent = how.exponent
        self._exponent = compile_path(exponent) if isinstance(exponent, str) and exponent != "iso4217" else None
        self._how = how

    def read(self, record: Any, currency: str | None) -> Money:
        """The price of a decoded record whose currency is known, if it is."""
        value = self._find(record)
        values = value if isinstance(value, list) else [value]
        if self._how.pick is PricePick.FIRST:
            values = values[:1]
        prices = [self._read_one(each, record, currency) for each in values]
        known = [price for price in prices if price.amount is not None]
        if not known:
            return prices[0] if prices else NO_PRICE
        choose = max if self._how.pick is PricePick.MAX else min
        chosen = choose(known, key=lambda price: price.amount or 0)
        return self._rounded(self._divided(chosen, record))

    def _read_one(self, value: object, record: Any, currency: str | None) -> Money:
        match self._how.kind:
            case PriceKind.AUTO:
                return read_money(value, currency)
            case PriceKind.TEXT:
                text = self._with_a_point(value)
                known = self._how.decimal_separator is not None
                return UNREADABLE if text is _AMISS else read_money(text, currency, separator_is_known=known)
            case PriceKind.DECIMAL:
                return _plain(value, currency)
            case PriceKind.MINOR:
                return self._minor(value, record, currency)

    def _with_a_point(self, value: object) -> object:
        """A text whose decimal mark is known, with a point for it and nothing between thousands."""
        mark = self._how.decimal_separator
        if not isinstance(value, str) or mark is None:
            return value
        other = "," if mark == "." else "."
        if other in value and not re.search(rf"(?<!\d)\d{{1,3}}(?:[{other}]\d{{3}})+(?![\d{other}])", value):
            return _AMISS
        return value.replace(other, "").replace(mark, ".")

    def _minor(self, value: object, record: Any, currency: str | None) -> Money:
        digits = self._how.exponent if isinstance(self._how.exponent, int) else None
        if self._exponent is not None:
            found = self._exponent(record)
            digits = int(found) if isinstance(found, int | str) and str(found).isdecimal() else None
        elif digits is None:
            digits = minor_digits(currency)
        money = _plain(value, currency)
        if money.amount is None:
            return money
        if digits is None or digits > _MOST_DECIMALS or money.amount != money.amount.to_integral_value():
            return UNREADABLE
        return checked_money(money.amount.scaleb(-digits), currency)

    def _divided(self, money: Money, record: Any) -> Money:
        if self._divisor is None or money.amount is None:
            return money
        divisor = _plain(self._divisor(record), None).amount
        if not divisor:
            return UNREADABLE
        return checked_money(money.amount / divisor, money.currency, money.notes)

    def _rounded(self, money: Money) -> Money:
        if self._how.quantize is None or money.amount is None:
            return money
        step = Decimal(1).scaleb(-self._how.quantize)
        return checked_money(money.amount.quantize(step, ROUND_HALF_UP, _CONTEXT), money.currency, money.notes)


def _plain(value: object, currency: str | None) -> Money:
    """A number, or a text that is one as JSON would have it, blanks around it aside."""
    if isinstance(value, str):
        if not value.strip():
            return NO_PRICE
        return read_money(value, currency, separator_is_known=True) if is_plain_number(value) else UNREADABLE
    return UNREADABLE if isinstance(value, dict | list) and value else read_money(value, currency)
