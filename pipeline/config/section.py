"""What all sections of the configuration are made of.

The keys of the configuration: where each stands, what it means, and what it is when nobody says.

All of it is read off the sections, where it is said once: documents, JSON Schema, environment and completion have it
from here.
"""

import enum
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self, get_args, get_origin

import msgspec
from msgspec import Meta

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

    def as_defaults_for(self, keys: Mapping[str, object]) -> Self:  # noqa: ARG002 - most sections have no such keys
        """What of this section, as a preset has it, goes on to hold beneath a user's own ``keys``."""
        return self


class Key(msgspec.Struct, frozen=True):
    """One key: its dotted path, its meaning in a few words, and its default, None where there is none.

    ``section`` is what stands there, where that has keys of its own; they come behind it, and the default is the text
    that may stand in its place. ``choices`` are the words that it may be, ``example`` a value that tells more than the
    default.
    """

    path: str
    meaning: str
    default: Any
    section: type[Section] | None = None
    choices: Sequence[str] = ()
    example: Any = None

    @property
    def takes_value(self) -> bool:
        """Whether it can be set as a whole, and not only key by key."""
        return self.section is None or self.section.shorthand is not None


def keys_of(section: type[Section], prefix: str = "") -> Iterator[Key]:
    """Every key of a section and of the sections within it, in their order; lists are not looked into."""
    for field in msgspec.structs.fields(section):
        metas = [meta for meta in getattr(field.type, "__metadata__", ()) if isinstance(meta, Meta)]
        inner, path = section_in(field.type), f"{prefix}{field.name}"
        yield Key(
            path=path,
            meaning=next((meta.description for meta in metas if meta.description), _fragment(inner)),
            default=_default(field),
            section=inner,
            choices=choices_in(field.type),
            example=next((m.examples[0] for m in metas if m.examples), None),
        )
        if inner:
            yield from keys_of(inner, f"{path}.")


def section_in(annotation: Any) -> type[Section] | None:
    """The section within an annotation such as ``Http`` or ``Http | None``."""
    annotation = bare(annotation)
    choices = get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return next((c for c in choices if isinstance(c, type) and issubclass(c, Section)), None)


def choices_in(annotation: Any) -> Sequence[str]:
    """The words that an annotation such as ``PriceKind`` allows, none where it is no choice among words."""
    annotation = bare(annotation)
    is_choice = isinstance(annotation, type) and issubclass(annotation, Word)
    return [word.value for word in annotation] if is_choice else ()


def bare(annotation: Any) -> Any:
    """The annotation without what is said about it."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def summary_line(docstring: str | None) -> str:
    """What a docstring says to everybody: its first line; what follows is for programmers."""
    return (docstring or "").partition("\n")[0].replace("``", "`")


def _fragment(section: type[Section] | None) -> str:
    summary = summary_line(section.__doc__ if section else None)
    return summary[:1].lower() + summary[1:].rstrip(".")


def _default(field: msgspec.structs.FieldInfo) -> Any:
    value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    if isinstance(value, Section):
        value = getattr(value, value.shorthand) if value.shorthand else None
    return None if value is msgspec.NODEFAULT else getattr(value, "value", value)
