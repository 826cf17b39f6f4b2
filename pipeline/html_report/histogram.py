"""Histograms of prices, with bins that are equally wide or, over a wide range, equally wide on a logarithmic axis."""

import math
from collections.abc import Sequence
from functools import cached_property

import msgspec

from pipeline.model.tally import PriceRange

_MOST_BINS, _FEWEST_BINS = 24, 6

# Ratio of the highest to the lowest price above which equal steps would put nearly all prices into the first bin.
_WIDE = 50


class Histogram(msgspec.Struct, dict=True):  # the dict holds the cached properties
    """A histogram of the prices of one source and currency, over a range that is known beforehand.

    The bins are equally wide; if the range is wide, they are equally wide on a logarithmic axis (``is_log``).
    ``counts`` has the number of prices in each bin.
    """

    source: str
    currency: str
    prices: PriceRange
    counts: list[int] = []

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * max(_FEWEST_BINS, min(_MOST_BINS, math.isqrt(self.prices.count)))

    @cached_property
    def is_log(self) -> bool:
        """True if the bins are equally wide on a logarithmic axis."""
        low, high = float(self.prices.min), float(self.prices.max)
        return low > 0 and high >= low * _WIDE

    def add(self, price: float) -> None:
        """Count one price; prices that rounding put outside the range count in the nearest bin."""
        position = (self._position(price) - self._low) / self._step if self._step else 0
        self.counts[max(0, min(int(position), len(self.counts) - 1))] += 1

    @property
    def edges(self) -> Sequence[float]:
        """The lower bound of each bin, and the upper bound of the last one."""
        positions = (self._low + number * self._step for number in range(len(self.counts) + 1))
        return [math.exp(position) if self.is_log else position for position in positions]

    @cached_property
    def _low(self) -> float:
        return self._position(float(self.prices.min))

    @cached_property
    def _step(self) -> float:
        return (self._position(float(self.prices.max)) - self._low) / len(self.counts)

    def _position(self, price: float) -> float:
        return math.log(price) if self.is_log else price
