"""Fold log lines that repeat: the first are written, the others are counted in one line."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import TYPE_CHECKING

import msgspec

from pipeline.formatting import counted

if TYPE_CHECKING:
    from loguru import Record

# The lines of each kind that are written, and the time for which others wait until they are counted.
MOST_LINES = 3
INTERVAL = timedelta(seconds=10)

# Words that differ between lines of one kind: numbers, hosts with ports, keys of an endpoint. An HTTP status does not.
_VARYING = re.compile(r"(?<!\S)(?<!HTTP )\S*\d\S*|endpoints\.\S+")
_ELLIPSIS = "…"
_NEVER = datetime.min.replace(tzinfo=UTC)


class _Kind(msgspec.Struct):
    """Lines that differ only in numbers and endpoints.

    ``passed`` counts those that were written. ``first``, ``since``, ``endpoints`` and ``text`` describe the ``hidden``
    ones; ``text`` has the words that they share.
    """

    level: str
    passed: int = 0
    hidden: int = 0
    first: str = ""
    text: str = ""
    since: datetime = _NEVER
    endpoints: set[str] = set()


class Folding:
    """A filter of log lines that passes the first ``MOST_LINES`` of each kind and counts the others.

    Lines are of one kind if they have the same level, and differ only in endpoint, page and numbers. Lines without an
    endpoint, and those with an exception, always pass.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._now = _NEVER

    def clear(self) -> None:
        """Forget all lines, for a new log."""
        self._kinds.clear()

    def add(self, record: "Record", line: str) -> Iterator[str]:
        """Yield the lines to write now: counts that have waited for ``INTERVAL``, then ``line`` if it passes."""
        self._now = now = record["time"]
        yield from self._counts(lambda kind: now - kind.since >= INTERVAL)
        endpoint = record["extra"].get("endpoint")
        if endpoint is None or record["exception"]:
            yield line
            return
        level, text = record["level"].name, record["message"]
        kind = self._kinds.setdefault((level, _key(endpoint, text)), _Kind(level))
        if kind.passed < MOST_LINES:
            kind.passed += 1
            yield line
            return
        if not kind.hidden:
            kind.since, kind.first, kind.text = now, line, text
        kind.hidden += 1
        kind.text = _common(kind.text, text)
        kind.endpoints.add(endpoint)

    def rest(self) -> Iterator[str]:
        """Yield the counts of all lines that are hidden and not counted yet."""
        return self._counts(lambda _: True)

    def _counts(self, is_due: Callable[[_Kind], bool]) -> Iterator[str]:
        for kind in self._kinds.values():
            if kind.hidden and is_due(kind):
                yield _count(kind, self._now)
                kind.hidden = 0
                kind.endpoints.clear()


def folded(lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield lines about sources, given as name and text: the first ``MOST_LINES`` of each kind, then their number."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    for name, text in lines:
        kinds.setdefault(_key(name, text), []).append((name, text))
    for alike in kinds.values():
        most = MOST_LINES if len(alike) > MOST_LINES + 1 else len(alike)
        yield from (f"{name}: {text}" for name, text in alike[:most])
        if rest := [text for _, text in alike[most:]]:
            yield f"{len(rest):,} more sources: {reduce(_common, rest)}"


def _key(name: str, text: str) -> str:
    """Return a text without the name of its source and without numbers."""
    return _VARYING.sub(_ELLIPSIS, re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", _ELLIPSIS, text))


def _count(kind: _Kind, now: datetime) -> str:
    """Return the line that counts the hidden ones; it is the line itself if there is one only."""
    if kind.hidden == 1:
        return kind.first
    if len(kind.endpoints) == kind.hidden:
        many = f"{kind.hidden:,} more endpoints"
    elif len(kind.endpoints) == 1:
        (endpoint,) = kind.endpoints
        many = f"{kind.hidden:,} more lines of {endpoint}"
    else:
        many = f"{kind.hidden:,} more lines of {counted(len(kind.endpoints), 'endpoint')}"
    return f"{now:%H:%M:%S} {kind.level: <7} {many}: {kind.text}\n"


def _common(one: str, other: str) -> str:
    """Return a text in which the words that differ are left out; both texts have as many words."""
    if one == other:
        return one
    pairs = zip(one.split(" "), other.split(" "), strict=False)
    return " ".join(word if word == its else _ELLIPSIS for word, its in pairs)
