"""The differences between two catalogues: counts for each source, and a change for each product."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class SourceChanges(msgspec.Struct, frozen=True):
    """The changes of one source. A count is None if it cannot be known; ``why`` is the reason.

    ``comparable`` is False if nothing of the source can be compared.
    """

    source: str
    comparable: bool
    why: str | None
    added: int | None
    removed: int | None
    changed: int | None


class Change(msgspec.Struct, frozen=True):
    """One change of one product.

    ``change`` is ``added``, ``removed``, or the name of the field that changed: ``price``, ``currency``, ``title``,
    ``category`` or one of ``extra``. ``old`` and ``new`` are its values; for a product that is added or removed they
    are the product. Prices have a ``currency``, and if both are known a ``delta`` and a ``percent``, None from 0.
    """

    id: str
    change: str
    old: Any
    new: Any
    currency: str | UnsetType | None = UNSET
    delta: Decimal | UnsetType = UNSET
    percent: Decimal | UnsetType | None = UNSET


class Move(msgspec.Struct, frozen=True, order=True):
    """A change of a price; moves are ordered by their size in percent."""

    size: Decimal
    id: str
    title: str | None
    old: Decimal
    new: Decimal
    currency: str | None
    percent: Decimal


class PriceMoves(msgspec.Struct, frozen=True):
    """The changed prices of one source: how many went up and down, their median in percent, and the biggest."""

    up: int = 0
    down: int = 0
    median: Decimal | None = None
    biggest: Sequence[Move] = ()


class Changes(msgspec.Struct, frozen=True):
    """The changes of all sources, in the order of the new catalogue, and the moves of their prices by source."""

    sources: Sequence[SourceChanges]
    moves: Mapping[str, PriceMoves]

    def total(self, name: str) -> int:
        """Return the number that is ``added``, ``removed`` or ``changed``, over the sources of which it is known."""
        return sum(getattr(each, name) or 0 for each in self.sources)

    @property
    def is_empty(self) -> bool:
        """True if nothing is known to have changed."""
        return not any(each.added or each.removed or each.changed for each in self.sources)

    @property
    def comparable(self) -> bool:
        """True if anything could be compared."""
        return any(each.comparable for each in self.sources)
