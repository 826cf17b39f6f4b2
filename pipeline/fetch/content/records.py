"""Find the list of records in a response body, without decoding the records."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import msgspec

from pipeline.config.record_paths import steps_of
from pipeline.errors import NoRecordsError, PermanentError
from pipeline.fetch.content.envelope import Envelope, Members, Value, as_count
from pipeline.fetch.content.lenient import split_list, split_object
from pipeline.fetch.content.signs import Meaning, find_signs

# The usual keys of a list of records; the first that has any records counts.
USUAL_KEYS = ("products", "items", "data", "results", "records", "rows", "content", "docs", "value")

# The last part of a path to an object whose values are the records: `products.*`.
EVERY_VALUE = "*"

# The depth of the search for a list, in objects.
_MAX_DEPTH = 4

_FIRST_BYTE = re.compile(rb"[ \t\r\n]*(.)")

_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError)

# Keys of lists that describe the records, or an error.
_OTHER_LISTS = {"error", "errors", "warnings", "messages", "details", "trace", "facets", "filters", "links"}

# Larger bodies are not split leniently: it is slow, and all other tasks would wait.
_MOST_LENIENT = 4_000_000

# The part of a body that is redacted before an error shows a piece of it; it contains a secret as a whole.
_SHOWN_OF = 4_096


class RecordFinder:
    """A search for the records in the bodies of one endpoint.

    The records are the body itself if it is a list. Otherwise they are the list at ``path``, which is dotted and may
    have indices, or the values of an object if the path ends in ``*``. Without a path, they are the list under one of
    the usual keys, or the only list of objects. ``records_path`` is the path of the last page that had records. Only
    there, and under the usual keys, an empty list is a page without records. ``redact`` removes secrets from the part
    of a body that an error shows.
    """

    def __init__(
        self,
        path: str | None = None,
        *,
        records_path: str | None = None,
        redact: Callable[[str], str] = lambda text: text,
    ) -> None:
        self._path = path
        self._redact = redact
        self.records_path = records_path

    def find(self, body: bytes, envelope: Envelope | None = None) -> list[msgspec.Raw]:
        """Return the records of a page, as views into ``body``.

        ``envelope`` is that of the body; with it, the body is not split again. A body with a broken record is split
        leniently: decoding that record fails later, and the others are kept.

        Raises:
            NoRecordsError: the body contains no list of records, or several candidates.
            PermanentError: the body is not JSON, or reports an error beside an empty list.
        """
        envelope = envelope or Envelope(body)
        body = envelope.body
        try:
            try:
                has_values = (self._path or "").endswith(EVERY_VALUE)  # which are the records, as bytes
                split = (envelope.exact if has_values else envelope).split
                where, records = _Finder(_elements, split).find(body, self._path, self.records_path)
            except _UNDECODABLE as error:
                where, records = self._find_leniently(body, error)
            if records:
                self.records_path = where
            elif key := _error_key(envelope):
                raise PermanentError(f"an empty list, but the body reports an error in {key!r}")
        except RecursionError:
            raise PermanentError("the body is nested too deeply") from None
        return records

    def _find_leniently(self, body: bytes, error: Exception) -> tuple[str, list[msgspec.Raw]]:
        if len(body) <= _MOST_LENIENT:
            with suppress(ValueError, PermanentError, *_UNDECODABLE):
                where, records = _LENIENT.find(body, self._path, self.records_path)
                if records:  # a body that is broken and empty is not a sign of the end
                    return where, records
        raise PermanentError(self._not_json(body, error))

    def _not_json(self, body: bytes, error: Exception) -> str:
        start = self._redact(body[:_SHOWN_OF].lstrip().decode(errors="replace"))
        if not start:
            return "the body is empty"
        if start.startswith("<"):
            return f"HTML or XML instead of JSON: {start[:40]!r}; check that `url` is the API's"
        return f"malformed JSON: {error}"


def _may_be_records(where: str) -> bool:
    return not _OTHER_LISTS & set(where.split("."))


def _error_key(envelope: Envelope) -> str | None:
    """Return the key under which an object reports an error, None if there is none."""
    for key in ("success", "ok"):
        if envelope.value(key) is False:
            return key
    nothing: tuple[object, ...] = (None, False, 0, "", [], {})
    keys = (key for key in ("error", "errors") if envelope.has_member(key))
    return next((key for key in keys if envelope.value(key, "not decodable") not in nothing), None)


# A body, or a value within it.
_Part = bytes | Value


class _Finder(msgspec.Struct, frozen=True):
    """A search for the list of records; ``elements`` and ``members`` split lists and objects."""

    elements: Callable[[Any], list[msgspec.Raw]]
    members: Callable[[Any], Members]

    def find(self, body: bytes, path: str | None, earlier: str | None) -> tuple[str, list[msgspec.Raw]]:
        """Return the dotted path of the list, and its elements."""
        if _opens(body, b"[") and not (path and path.startswith("[")):
            return "", self.elements(body)
        return (path, self._at_path(body, path, earlier)) if path else self._search(body, earlier)

    def _at_path(self, body: bytes, path: str, earlier: str | None) -> list[msgspec.Raw]:
        value: _Part = body
        steps = steps_of(path)
        for step in steps:
            if isinstance(step, int):
                value = self._element(value, step, path)
                continue
            if value is not body and not _opens(value, b"{"):
                raise NoRecordsError(f"the parent of {step!r} in `items: {path}` is not an object in the body")
            fields = self._fields(value)
            if step == EVERY_VALUE and step not in fields:
                return [member for member in fields.values() if isinstance(member, msgspec.Raw)]
            if step not in fields:
                if earlier is None and _announces_none(body, fields):
                    return []
                raise NoRecordsError(f"the body has no {step!r} of `items: {path}`{_keys(fields)}")
            value = fields[step]
        if not _opens(value, b"["):
            values = f"; `items: {path}.{EVERY_VALUE}` are the values of the object" if _opens(value, b"{") else ""
            raise NoRecordsError(f"`items: {path}` is not a list in the body; give the path of a list{values}")
        return self.elements(value)

    def _element(self, value: _Part, index: int, path: str) -> _Part:
        elements = self.elements(value) if _opens(value, b"[") else []
        if index >= len(elements):
            raise NoRecordsError(f"the body has no element [{index}] of `items: {path}`")
        return elements[index]

    def _search(self, body: bytes, earlier: str | None) -> tuple[str, list[msgspec.Raw]]:
        fields = self._fields(body)
        if usual := self._usual_lists(fields, _MAX_DEPTH):
            return next((each for each in usual if each[1]), usual[0])
        lists = list(self._lists_within(fields, _MAX_DEPTH))
        candidates = [
            (where, records)
            for where, records in lists
            if records and all(_opens(record, b"{") for record in records) and self._may_be_at(where, earlier)
        ]
        if len(candidates) == 1:
            return candidates[0]
        for where, records in lists:
            expected = self._may_be_at(where, earlier) and (earlier is not None or len(lists) == 1)
            if expected and not records:
                return where, records
        found = f"{len(candidates)} lists" if candidates else "no list"
        raise NoRecordsError(f"{found} of records in the body{_keys(fields)}; name it with `items`")

    def _may_be_at(self, where: str, earlier: str | None) -> bool:
        """True if records may be there: at their earlier path or, on a first page, under a suitable name."""
        return _may_be_records(where) if earlier is None else where == earlier

    def _usual_lists(self, fields: Members, depth: int, above: str = "") -> list[tuple[str, list[msgspec.Raw]]]:
        """Return the lists under usual keys; without any, those in the objects under usual keys."""
        values = [(f"{above}{key}", fields[key]) for key in USUAL_KEYS if key in fields]
        if lists := [(where, self.elements(value)) for where, value in values if _opens(value, b"[")]:
            return lists
        if depth == 1:
            return []
        objects = [(where, self.members(value)) for where, value in values if _opens(value, b"{")]
        return [found for where, inner in objects for found in self._usual_lists(inner, depth - 1, f"{where}.")]

    def _lists_within(self, fields: Members, depth: int, above: str = "") -> Iterator[tuple[str, list[msgspec.Raw]]]:
        for key, value in fields.items():
            if _opens(value, b"["):
                yield f"{above}{key}", self.elements(value)
            elif depth > 1 and _opens(value, b"{"):
                yield from self._lists_within(self.members(value), depth - 1, f"{above}{key}.")

    def _fields(self, value: _Part) -> Members:
        if _opens(value, b"{"):
            return self.members(value)
        assert isinstance(value, bytes | msgspec.Raw), "the members of a part that is split are objects"
        msgspec.json.decode(value, type=msgspec.Raw)
        raise PermanentError("the body is a bare JSON value, not an object or a list; check that `url` is the API's")


_decode_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _elements(value: bytes | msgspec.Raw | list[msgspec.Raw]) -> list[msgspec.Raw]:
    return value if isinstance(value, list) else _decode_elements(value)


_LENIENT = _Finder(split_list, split_object)


def _announces_none(body: bytes, fields: Members) -> bool:
    """True if the total is 0 and there is no list at all: some APIs omit an empty list."""
    if any(_opens(value, b"[") for value in fields.values()):
        return False
    return any(as_count(sign.value) == 0 for sign in find_signs(Meaning.TOTAL, Envelope(body)))


def _opens(value: _Part, bracket: bytes) -> bool:
    if not isinstance(value, bytes | msgspec.Raw):
        return isinstance(value, list if bracket == b"[" else dict)
    first = _FIRST_BYTE.match(memoryview(value))
    return first is not None and first[1] == bracket


def _keys(fields: Members) -> str:
    return f", which has {', '.join(map(repr, list(fields)[:8]))}" if fields else ""
