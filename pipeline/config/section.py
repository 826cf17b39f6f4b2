"""The base of all configuration sections, and the keys that are read off them.

A key is defined once, as a field of its section. The documents, the JSON Schema, the environment variables and the
completion all derive from that field.
"""

import enum
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self, get_args, get_origin

import msgspec
from msgspec import Meta

# Entries of ``extra`` in the ``Meta`` of a key. RULE is what a message reports as expected, instead of a pattern.
RULE = "rule"
# True if the value is a length of time in seconds, which may be written with a unit.
DURATION = "duration"
# True if the value is a secret or may contain one; messages and the report do not repeat it.
SECRET = "secret"  # noqa: S105 - not a password


class Word(enum.Enum):
    """An enumeration whose values may be written in any case."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        wanted = str(value).casefold()
        return next((member for member in cls if member.value.casefold() == wanted), None)


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of all sections: immutable, with keyword arguments only, and without unknown keys.

    ``shorthand`` is the key that is set if the section is written as plain text.
    """

    shorthand: ClassVar[str | None] = None

    def as_defaults_for(self, keys: Mapping[str, object]) -> Self:  # noqa: ARG002 - most sections ignore the keys
        """Return the defaults that this section of a preset supplies for a user's own ``keys``.

        Subclasses drop values that contradict ``keys``.
        """
        return self

    def with_keys(self, keys: Mapping[str, Any]) -> Self:
        """Return the section of a preset with a user's own ``keys``.

        Raises:
            ConfigError: if the keys contradict each other.
        """
        return msgspec.structs.replace(self.as_defaults_for(keys), **keys)


class Key(msgspec.Struct, frozen=True):
    """One key: its dotted path, its meaning in a few words, and its default (None if it has none).

    If the key is a section with keys of its own, ``section`` is its class; those keys follow it. Its default is then
    the text that may be written in its place. ``choices`` are the words that are allowed. ``example`` is a value that
    is more informative than the default. ``secret`` is True if the field is marked :data:`SECRET`.
    """

    path: str
    meaning: str
    default: Any
    section: type[Section] | None = None
    choices: Sequence[str] = ()
    example: Any = None
    secret: bool = False

    @property
    def takes_value(self) -> bool:
        """True if the key can be set as a whole, not only through the keys below it."""
        return self.section is None or self.section.shorthand is not None


def keys_of(section: type[Section], prefix: str = "") -> Iterator[Key]:
    """Yield every key of a section and of the sections within it, in order, but not those within lists."""
    for field in msgspec.structs.fields(section):
        metas = list(_metas(field.type))
        inner, path = section_in(field.type), f"{prefix}{field.name}"
        yield Key(
            path=path,
            meaning=next((meta.description for meta in metas if meta.description), _fragment(inner)),
            default=_default(field),
            section=inner,
            choices=choices_in(field.type),
            example=next((m.examples[0] for m in metas if m.examples), None),
            secret=extra_in(field.type, SECRET) is not None,
        )
        if inner:
            yield from keys_of(inner, f"{path}.")


def section_in(annotation: Any) -> type[Section] | None:
    """Return the section in an annotation such as ``Http`` or ``Http | None``."""
    annotation = bare(annotation)
    choices = get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return next((c for c in choices if isinstance(c, type) and issubclass(c, Section)), None)


def choices_in(annotation: Any) -> Sequence[str]:
    """Return the words that an annotation such as ``PriceKind`` allows, none if it is not a :class:`Word`."""
    annotation = bare(annotation)
    for choice in (annotation, *get_args(annotation)):
        if isinstance(choice, type) and issubclass(choice, Word):
            return [word.value for word in choice]
    return ()


def extra_in(annotation: Any, name: str) -> Any:
    """Return an entry of ``Meta.extra``, such as :data:`RULE`, from an annotation or one of its alternatives."""
    extras = (meta.extra or {} for choice in (annotation, *get_args(bare(annotation))) for meta in _metas(choice))
    return next((extra[name] for extra in extras if name in extra), None)


def holds_secret(annotation: Any) -> bool:
    """True if the annotation, or a key of the section in it, is marked :data:`SECRET`."""
    section = section_in(annotation)
    inner = msgspec.structs.fields(section) if section else ()
    return extra_in(annotation, SECRET) is not None or any(holds_secret(field.type) for field in inner)


def bare(annotation: Any) -> Any:
    """Return the annotation without its metadata."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def summary_line(docstring: str | None) -> str:
    """Return the first line of a docstring, which is for users; the rest is for programmers."""
    return (docstring or "").partition("\n")[0].replace("``", "`")


def _metas(annotation: Any) -> Iterator[Meta]:
    return (meta for meta in getattr(annotation, "__metadata__", ()) if isinstance(meta, Meta))


def _fragment(section: type[Section] | None) -> str:
    summary = summary_line(section.__doc__ if section else None)
    return summary[:1].lower() + summary[1:].rstrip(".")


def _default(field: msgspec.structs.FieldInfo) -> Any:
    value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    if isinstance(value, Section):
        value = getattr(value, value.shorthand) if value.shorthand else None
    return None if value is msgspec.NODEFAULT else getattr(value, "value", value)
