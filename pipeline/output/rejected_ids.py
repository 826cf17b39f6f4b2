"""The ids that rejected records may have: a product with one of them may still be offered."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Self

import msgspec

from pipeline.model.dead_letters import DeadLetter
from pipeline.model.pages import WHOLE_RECORD

_NAME = re.compile(r"[^\W_]+")


class RejectedIds:
    """All texts and whole numbers in the rejected records of a source, among which are their ids.

    Without the configuration it is not known which of them is the id. ``unknown`` is True if a record may have any id.
    """

    def __init__(self, names: frozenset[str], *, unknown: bool = False) -> None:
        self._names = names
        self.unknown = unknown

    @classmethod
    def of(cls, letters: Iterable[DeadLetter]) -> Self:
        """Return the ids in dead letters."""
        names: set[str] = set()
        for letter in letters:
            own = _names_in(letter)
            if not own:
                return cls(frozenset(), unknown=True)
            names |= own
        return cls(frozenset(names))

    def may_have(self, product: str) -> bool:
        """Return True if a rejected record may be that of the product: its id, or a part of it, occurs in one."""
        if self.unknown:
            return True
        own = product.partition(":")[2]
        return bool(self._names) and (own in self._names or not self._names.isdisjoint(_NAME.findall(own)))


def _names_in(letter: DeadLetter) -> set[str]:
    """Return the texts and whole numbers in a record; none if they cannot be read."""
    if letter.field != WHOLE_RECORD:
        return set()
    try:
        return set(_scalars(msgspec.json.decode(letter.raw)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return set()


def _scalars(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _scalars(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _scalars(inner)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        text = str(value).strip()
        if text:
            yield text
