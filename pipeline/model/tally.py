"""Running statistics of prices and categories, exact and mergeable in any order."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Self

import msgspec

UNKNOWN_CURRENCY = "unknown"

# Sums stay exact: prices have digits between 10^18 and 10^-54, which leaves room to add 10^28 of them.
_EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)
_CENTS = 2


class PriceRange(msgspec.Struct, frozen=True):
    """The exact range of the prices of one currency.

    ``avg`` is rounded half to even, to the most decimals of any price and at least two.
    """

    count: int
    min: Decimal
    max: Decimal
    avg: Decimal

    @property
    def decimals(self) -> int:
        """The most decimals of any price, at least two."""
        return -_exponent(self.avg)


class _Prices:
    """Running count, sum, minimum and maximum of one currency."""

    __slots__ = ("count", "greatest", "least", "total")

    def __init__(self, price: Decimal) -> None:
        self.count = 1
        self.total = self.least = self.greatest = price

    def add(self, count: int, total: Decimal, least: Decimal, greatest: Decimal) -> None:
        self.count += count
        self.total = _EXACT.add(self.total, total)
        if least < self.least or (least == self.least and _is_finer(least, self.least)):
            self.least = least
        if greatest > self.greatest or (greatest == self.greatest and _is_finer(greatest, self.greatest)):
            self.greatest = greatest

    def range(self) -> PriceRange:
        scale = Decimal(1).scaleb(min(_exponent(self.total), -_CENTS))
        average = _EXACT.divide(self.total, Decimal(self.count)).quantize(scale, context=_EXACT)
        return PriceRange(self.count, self.least, self.greatest, average)


class TallyState(msgspec.Struct, frozen=True):
    """A Tally in stored form: count, total, minimum and maximum by currency, products by category."""

    prices: Mapping[str, tuple[int, Decimal, Decimal, Decimal]]
    categories: Mapping[str, int]


class Tally:
    """Running statistics of prices by currency, and of products by category.

    The result does not depend on the order in which products are added and tallies are merged.
    """

    def __init__(self) -> None:
        self._prices: dict[str, _Prices] = {}
        self._categories: Counter[str] = Counter()

    def add(self, price: Decimal | None, currency: str | None, category: str) -> None:
        """Count one product."""
        self._categories[category] += 1
        if price is None:
            return
        key = currency or UNKNOWN_CURRENCY
        if prices := self._prices.get(key):
            prices.add(1, price, price, price)
        else:
            self._prices[key] = _Prices(price)

    @classmethod
    def of(cls, prices: Mapping[str | None, Sequence[Decimal]], categories: Iterable[str]) -> Self:
        """Count many products at once, given their prices by currency and the category of each product."""
        tally = cls()
        tally._categories.update(categories)
        with localcontext(_EXACT):
            for currency, amounts in prices.items():
                total = sum(amounts, Decimal(0))
                least, greatest = (_finest(amounts, extreme(amounts)) for extreme in (min, max))
                mine = tally._prices[currency or UNKNOWN_CURRENCY] = _Prices(least)
                mine.count, mine.total, mine.greatest = len(amounts), total, greatest
        return tally

    def merge(self, other: "Tally") -> None:
        """Add the counts of ``other``, which does not change."""
        self._categories.update(other._categories)
        for key, theirs in other._prices.items():
            if (mine := self._prices.get(key)) is None:
                mine = self._prices[key] = _Prices(theirs.least)
                mine.count, mine.total, mine.greatest = theirs.count, theirs.total, theirs.greatest
            else:
                mine.add(theirs.count, theirs.total, theirs.least, theirs.greatest)

    def state(self) -> TallyState:
        """Return the tally in stored form."""
        prices = {key: (p.count, p.total, p.least, p.greatest) for key, p in self._prices.items()}
        return TallyState(prices, dict(self._categories))

    @classmethod
    def from_state(cls, state: TallyState) -> Self:
        """Restore a tally from its stored form."""
        tally = cls()
        tally._categories.update(state.categories)
        for key, (count, total, least, greatest) in state.prices.items():
            prices = tally._prices[key] = _Prices(least)
            prices.count, prices.total, prices.greatest = count, total, greatest
        return tally

    @property
    def priced(self) -> int:
        """The number of products that have a price."""
        return sum(prices.count for prices in self._prices.values())

    def categories(self) -> Mapping[str, int]:
        """Return the number of products by category, sorted by name."""
        return dict(sorted(self._categories.items()))

    def prices(self) -> Mapping[str, PriceRange]:
        """Return the price ranges sorted by currency; ``unknown`` for prices without one."""
        return {key: self._prices[key].range() for key in sorted(self._prices)}


def _finest(amounts: Sequence[Decimal], value: Decimal) -> Decimal:
    """Return the one with the most decimals of the amounts equal to ``value`` (1.5, 1.50)."""
    if amounts.count(value) == 1:
        return value
    return min((amount for amount in amounts if amount == value), key=_exponent)


def _is_finer(price: Decimal, other: Decimal) -> bool:
    """True if it has more decimals; of equal prices (1.5, 1.50) that one is kept, so that order does not matter."""
    return not price.same_quantum(other) and _exponent(price) < _exponent(other)


def _exponent(price: Decimal) -> int:
    exponent = price.as_tuple().exponent
    assert isinstance(exponent, int), "prices are finite"
    return exponent
