"""The movement of a catalogue from night to night, a pure function of its seed."""

from collections.abc import Sequence
from functools import cache
from random import Random

import msgspec

# The chances that a product leaves in a night, that one that is gone returns, and that a price changes.
_LEAVES, _RETURNS, _CHANGES = 0.04, 0.3, 0.1
_NEW = 2  # products that come in each night
_PERCENTS = (80, 90, 95, 105, 110, 120)


class Offer(msgspec.Struct, frozen=True):
    """A product that is offered: its index, and its price in percent of that of night 0."""

    index: int
    percent: int


@cache
def offers(seed: str, count: int, night: int) -> Sequence[Offer]:
    """Return what is offered in a night, in the order of the catalogue; in night 0 all of ``count`` products are."""
    found = []
    for index in range(count + _NEW * night):
        first = 0 if index < count else (index - count) // _NEW + 1
        rng = Random(f"{seed}:{index}:nights")
        is_offered, percent = True, 100
        for _ in range(first, night):
            is_offered = rng.random() >= _LEAVES if is_offered else rng.random() < _RETURNS
            if rng.random() < _CHANGES:
                percent = rng.choice(_PERCENTS)
        if is_offered:
            found.append(Offer(index, percent))
    return found
