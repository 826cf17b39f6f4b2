"""What is read from a record, however its fields are found."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import msgspec

from pipeline.normalize.money import Money


class Reading(msgspec.Struct, frozen=True, gc=False):
    """A record's fields: its id within the endpoint, title, category, price with currency, and what was asked for."""

    id: str
    title: str | None
    category: str
    money: Money
    extra: Mapping[str, Any] = {}


class Records:
    """Reads the records of one endpoint."""

    def identify(self, raw: msgspec.Raw) -> Hashable:
        """A record's identity within its endpoint; of one that has none, all its bytes."""
        try:
            return self._id_of(raw) or bytes(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return bytes(raw)

    def read(self, raw: msgspec.Raw) -> "Sequence[Reading | NoIdError]":
        """What the record becomes: products, and rejects; any exception makes it a reject as a whole."""
        raise NotImplementedError

    def read_page(self, raws: Sequence[msgspec.Raw]) -> list[Reading]:
        """All that the records of a page become, in their order.

        Raises:
            Exception: when one of them is amiss, whatever :meth:`read` raises or returns of it.
        """
        readings: list[Reading] = []
        for raw in raws:
            for outcome in self.read(raw):
                if isinstance(outcome, NoIdError):
                    raise outcome
                readings.append(outcome)
        return readings

    def _id_of(self, raw: msgspec.Raw) -> str | None:
        raise NotImplementedError


class NoIdError(ValueError):
    """A record that is no product: nothing says which one. ``field`` is where the id was looked for."""

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(f"the record has no id: {reason}")
        self.field = field
