"""Read prices whose path, format and unit are described in the configuration."""

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from pipeline.config.currency import minor_digits
from pipeline.config.record_paths import Getter, compile_path
from pipeline.config.source import Price, PriceKind, PricePick
from pipeline.normalize.money import NO_PRICE, UNREADABLE, Money, checked_money, is_plain_number, read_money

_MAX_DECIMALS = 18

# Precision for the longest price with the maximum number of decimals.
_CONTEXT = Context(prec=60)


class PriceReader:
    """A reader of the prices of one endpoint, configured by a :class:`Price`."""

    def __init__(self, price: Price, find: Getter) -> None:
        self._find = find
        self._divisor = compile_path(price.divisor) if price.divisor else None
        exponent = price.exponent
        self._exponent = compile_path(exponent) if isinstance(exponent, str) and exponent != "iso4217" else None
        self._price = price
        self._is_plain = price == Price(path=price.path)

    def read(self, record: Any, currency: str | None) -> Money:
        """Return the price of a decoded record; ``currency`` is its currency, if known."""
        value = self._find(record)
        if self._is_plain and not isinstance(value, list):  # most prices
            return read_money(value, currency)
        values = value if isinstance(value, list) else [value]
        if self._price.pick is PricePick.FIRST:
            values = values[:1]
        prices = [self._read_one(each, record, currency) for each in values]
        known = [price for price in prices if price.amount is not None]
        if not known:
            return prices[0] if prices else NO_PRICE
        choose = max if self._price.pick is PricePick.MAX else min
        chosen = choose(known, key=lambda price: price.amount or 0)
        return self._rounded(self._divided(chosen, record))

    def _read_one(self, value: object, record: Any, currency: str | None) -> Money:
        match self._price.kind:
            case PriceKind.AUTO:
                return read_money(value, currency)
            case PriceKind.TEXT:
                return self._read_text(value, currency)
            case PriceKind.DECIMAL:
                return _plain(value, currency)
            case PriceKind.MINOR:
                return self._minor(value, record, currency)

    def _read_text(self, value: object, currency: str | None) -> Money:
        mark = self._price.decimal_separator
        if mark is None or not isinstance(value, str):
            return read_money(value, currency, separator_is_known=mark is not None)
        other = "," if mark == "." else "."
        within = rf"(?<=\d)[{other}](?=\d)"  # only between digits: words may end with a point
        if re.search(within, value) and not re.search(rf"(?<!\d)\d{{1,3}}(?:[{other}]\d{{3}})+(?![\d{other}])", value):
            return UNREADABLE  # the other separator does not group thousands
        return read_money(re.sub(within, "", value).replace(mark, "."), currency, separator_is_known=True)

    def _minor(self, value: object, record: Any, currency: str | None) -> Money:
        digits = self._price.exponent if isinstance(self._price.exponent, int) else None
        if self._exponent is not None:
            found = self._exponent(record)
            digits = int(found) if isinstance(found, int | str) and str(found).isdecimal() else None
        elif digits is None:
            digits = minor_digits(currency)
        money = _plain(value, currency)
        if money.amount is None:
            return money
        if digits is None or digits > _MAX_DECIMALS or money.amount != money.amount.to_integral_value():
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
        if self._price.quantize is None or money.amount is None:
            return money
        step = Decimal(1).scaleb(-self._price.quantize)
        return checked_money(money.amount.quantize(step, ROUND_HALF_UP, _CONTEXT), money.currency, money.notes)


def _plain(value: object, currency: str | None) -> Money:
    """Read a number, or a text that is a number as in JSON, apart from surrounding blanks."""
    if isinstance(value, str):
        if not value.strip():
            return NO_PRICE
        return checked_money(Decimal(value), currency) if is_plain_number(value) else UNREADABLE
    return UNREADABLE if isinstance(value, dict | list) and value else read_money(value, currency)
