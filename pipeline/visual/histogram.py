"""Histogram of prices, whose bins are known before the first price is counted."""

import math
from collections.abc import Sequence

from pipeline.tally import PriceRange

_MOST_BINS, _FEWEST_BINS = 24, 6

# From so many times the least price to the greatest, equal steps would put nearly all into the first bin.
_WIDE = 50


class Histogram:
    """Counts the prices of one source and currency, of which the range is known.

    The bins are equally wide, or equally many to each factor of ten (``is_log``) where the range is wide.
    """

    def __init__(self, source: str, currency: str, prices: PriceRange) -> None:
        self.source, self.currency, self.prices = source, currency, prices
        low, high = float(prices.min), float(prices.max)
        self.is_log = low > 0 and high >= low * _WIDE
        self.counts = [0] * max(_FEWEST_BINS, min(_MOST_BINS, math.isqrt(prices.count)))
        self._low = self._position(low)
        self._step = (self._position(high) - self._low) / len(self.counts)

    def add(self, price: float) -> None:
        """Count one price; rounding may have put it a little beside the range."""
        place = (self._position(price) - self._low) / self._step if self._step else 0
        self.counts[max(0, min(int(place), len(self.counts) - 1))] += 1

    @property
    def edges(self) -> Sequence[float]:
        """The prices at which bins begin, and where the last one ends."""
        positions = (self._low + number * self._step for number in range(len(self.counts) + 1))
        return [math.exp(position) if self.is_log else position for position in positions]

    def _position(self, price: float) -> float:
        return math.log(price) if self.is_log else price
