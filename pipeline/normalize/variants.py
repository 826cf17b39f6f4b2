"""Variants of a record: the elements of a list in it, or of lists within the elements of a list."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pipeline.config.record_paths import Getter, compile_path
from pipeline.normalize.fields import ID_KEYS, TITLE_KEYS, first_id

# The keys under which a variant, and the element around it if there are several levels, are added to their record.
VARIANT, OUTER = "variant", "outer"

# The elements that lead to one variant, from the outermost to the variant itself.
Lineage = Sequence[Any]

# One level of a path such as `colours[?sold].sizes[]`: the list, and a filter of its elements.
_NAMES = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*"
_LEVEL = re.compile(rf"({_NAMES})(?:\[\*?\]|(\[\?[^\[\]]*\]))?(?:\.(?=.)|\Z)")


def compile_explode(path: str) -> Callable[[Any], Sequence[Lineage]]:
    """Return a function that finds the variants of a record; it returns none if the list is missing or empty.

    Each ``[]``, ``[*]`` or filter in the path begins a level: the rest of the path is looked up in each element. An
    element that has no list there is itself a variant. Any other JMESPath is one level. Lists within lists are
    flattened.
    """
    finders = [compile_path(level) for level in levels_of(path)]
    return lambda record: list(_lineages(record, finders))


def levels_of(path: str) -> Sequence[str]:
    """Return the path of each level of the variants at ``path``, within an element of the level before."""
    levels, position = [], 0
    while level := _LEVEL.match(path, position):
        levels.append(level[1] + (level[2] or ""))
        position = level.end()
    return levels if position == len(path) else [path]


def with_variant(record: Mapping[str, Any], lineage: Lineage) -> dict[str, Any]:
    """Return the record with the variant, and with the fields of all elements around it as one object."""
    *around, variant = lineage
    if not around:
        return {**record, VARIANT: variant}
    outer = {key: value for element in around if isinstance(element, dict) for key, value in element.items()}
    return {**record, VARIANT: variant, OUTER: outer}


def variant_id(identity: str, lineage: Lineage) -> str | None:
    """Return the id of a variant: those of its record, of the elements around it and its own; None without its own.

    An element around it that has no id is named by its title; without one it is left out.
    """
    *around, variant = lineage
    own = _first_id(variant, ID_KEYS)
    names = (_first_id(element, (*ID_KEYS, *TITLE_KEYS)) for element in around)
    return own and ":".join(filter(None, (identity, *names, own)))


def indices_with_shared_ids(outcomes: Sequence[object], lineages: Sequence[Lineage]) -> set[int]:
    """Return the indices of products whose id belongs to an earlier, different product within another element.

    Products that are equal in all fields, and those within one element, are left to the aggregator: it counts them.
    """
    first: dict[str, tuple[object, Lineage]] = {}
    shared = set()
    for index, (outcome, (*around, _)) in enumerate(zip(outcomes, lineages, strict=True)):
        identity = getattr(outcome, "id", None)
        if around and identity is not None:
            other, elsewhere = first.setdefault(identity, (outcome, around))
            if other != outcome and any(one is not another for one, another in zip(around, elsewhere, strict=False)):
                shared.add(index)
    return shared


def _first_id(element: object, keys: Sequence[str]) -> str | None:
    return first_id(map(element.get, keys)) if isinstance(element, dict) else None


def _lineages(element: Any, finders: Sequence[Getter]) -> Iterator[list[Any]]:
    for inner in _flattened(finders[0](element)):
        further = [[inner, *rest] for rest in _lineages(inner, finders[1:])] if finders[1:] else []
        yield from further or [[inner]]


def _flattened(value: object) -> Iterator[object]:
    """Yield the elements of a list, and of the lists within it; nothing if the value is not a list."""
    for element in value if isinstance(value, list) else ():
        if isinstance(element, list):
            yield from _flattened(element)
        else:
            yield element
