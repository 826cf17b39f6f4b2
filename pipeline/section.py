"""What all sections of the configuration are made of."""

import enum
from collections.abc import Mapping
from typing import ClassVar, Self

import msgspec

# In the ``extra`` of a key's ``Meta``: what is expected, for a message, where its pattern is nothing to show.
RULE = "rule"


class Word(enum.Enum):
    """A choice among words, written in any case."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        wanted = str(value).casefold()
        return next((member for member in cls if member.value.casefold() == wanted), None)


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections: immutable, keyword-only, strict about its keys.

    ``shorthand`` is the key that is meant where a text stands in the section's place.
    """

    shorthand: ClassVar[str | None] = None

    def beneath(self, keys: Mapping[str, object]) -> Self:  # noqa: ARG002 - most sections have no such keys
        """What of this section, as a preset has it, goes on to hold beneath a user's own ``keys``."""
        return self
