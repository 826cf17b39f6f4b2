"""Look at a sample of decoded records: the paths in them, and the values at each."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import msgspec

from pipeline.config.record_paths import compile_path
from pipeline.normalize.numerals import WireFloat

Record = dict[str, Any]

# Number of records that are inspected, and the maximum depth of values within them.
_SAMPLE_SIZE, _MAX_DEPTH = 50, 6

# The elements of a list that are inspected.
_MOST_ELEMENTS = 20

# Minimum share of the records that must have a value at a path.
MIN_SHARE = 0.8

# Names of languages, also with a script or a country (RFC 5646): en, pt-BR, zh_Hans.
_LANGUAGE = re.compile(r"[a-z]{2}([-_][A-Za-z]{2,4})?|default")

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

_decode = msgspec.json.Decoder(dict[str, Any], float_hook=WireFloat).decode


class SamplePath(msgspec.Struct, frozen=True):
    """A path that leads to values in records, and its ``keys``.

    ``above`` is the path of the object around them, with a point at its end, empty for the record itself. If it leads
    ``through_list``, the values of a record are a list, which ``is_single`` if it never has several elements.
    """

    path: str
    keys: tuple[str, ...]
    above: str
    through_list: bool = False
    is_single: bool = True

    @property
    def first(self) -> str:
        """The path of the first of its values."""
        return self.path.replace("[]", "[0]")

    @property
    def words(self) -> frozenset[str]:
        """The words of all its keys, in lower case: ``prices.listPrice`` has prices, list and price."""
        return frozenset(word for key in self.keys for word in words_of(key))

    @property
    def last_words(self) -> Sequence[str]:
        """The words of its last key, in their order."""
        return words_of(self.keys[-1])


class Samples:
    """The first records of a page that are JSON objects, decoded; numbers keep their text."""

    def __init__(self, raws: Sequence[msgspec.Raw]) -> None:
        self.records = [record for raw in raws[:_SAMPLE_SIZE] if (record := _object(raw)) is not None]

    def __bool__(self) -> bool:
        return bool(self.records)

    @cached_property
    def paths(self) -> Sequence[SamplePath]:
        """The paths of all values, of objects and lists too, in the order of the API."""
        return list(_walk(self.records, SamplePath("", (), "")))

    def values(self, path: str) -> list[Any]:
        """Return the value at a path for each record, None if it has none; blank text and empty lists are none."""
        find = compile_path(path)
        return [None if value in ("", [], {}) else value for value in map(find, self.records)]

    def present(self, path: str) -> list[Any]:
        """Return the values at a path if most records have one, else nothing."""
        found = [value for value in self.values(path) if value is not None]
        return found if found and len(found) >= MIN_SHARE * len(self.records) else []


def words_of(key: str) -> list[str]:
    """Return the words of a name in lower case: ``listPrice`` and ``list_price`` have list and price."""
    return [word.lower() for word in _WORD.findall(key)]


def first_of(value: Any) -> Any:
    """Return the first element of a list, or the value itself."""
    return (value[0] if value else None) if isinstance(value, list) else value


def is_language(key: str) -> bool:
    """Return True if a key may be the name of a language."""
    return _LANGUAGE.fullmatch(key) is not None


def quoted(key: str) -> str:
    """Return a key as a part of a path, in quotes if it is not a plain name."""
    return key if _PLAIN_NAME.fullmatch(key) else f'"{key}"'


def _walk(objects: Sequence[Record], at: SamplePath) -> Iterator[SamplePath]:
    """Yield the paths within the objects that all records have at one path."""
    above = f"{at.path}." if at.keys else ""
    for key in dict.fromkeys(key for each in objects for key in each):
        if '"' in key or "\\" in key:
            continue
        inner = SamplePath(f"{above}{quoted(key)}", (*at.keys, key), above, at.through_list, at.is_single)
        yield inner
        if len(inner.keys) == _MAX_DEPTH:
            continue
        values = [each[key] for each in objects if key in each]
        if within := [value for value in values if isinstance(value, dict)]:
            yield from _walk(within, inner)
        lists = [value[:_MOST_ELEMENTS] for value in values if isinstance(value, list)]
        if elements := [element for each in lists for element in each if isinstance(element, dict)]:
            is_single = inner.is_single and all(len(each) <= 1 for each in lists)
            yield from _walk(elements, SamplePath(f"{inner.path}[]", inner.keys, inner.above, True, is_single))


def _object(raw: msgspec.Raw) -> Record | None:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
