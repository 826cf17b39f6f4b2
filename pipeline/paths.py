"""Paths to values in a record: dotted names, and JMESPath for what those cannot say."""

import re
from collections.abc import Callable
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

Getter = Callable[[Any], Any]

_DOTTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


def complaint_about_path(path: str) -> str | None:
    """What is wrong with a path, with where it is; None where nothing is."""
    try:
        jmespath.compile(path)
    except JMESPathError as error:
        return f"{path!r} is no JMESPath: {' '.join(str(error).split())}"
    return None


def compile_path(path: str) -> Getter:
    """A function that gives the value at ``path`` in a decoded record, None where there is none.

    A dotted path is followed name by name; whatever else is JMESPath (jmespath.org), whose expressions can have
    fallbacks (``a || b``), filters (``tags[?lang=='en'] | [0]``) and functions.
    """
    if _DOTTED.fullmatch(path):
        return _dotted(path.split("."))
    search = jmespath.compile(path).search

    def evaluate(record: Any) -> Any:
        try:
            return search(record)
        except JMESPathError:  # a function that cannot take what it found there
            return None

    return evaluate


def _dotted(names: list[str]) -> Getter:
    def follow(record: Any) -> Any:
        for name in names:
            if not isinstance(record, dict):
                return None
            record = record.get(name)
        return record

    return follow
