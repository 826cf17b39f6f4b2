"""Finding the list of records in a response body, without decoding the records."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import msgspec

from pipeline.errors import PermanentError
from pipeline.fetch.lenient import split_list, split_object

# Where a list of records usually stands; the first that has any records counts.
USUAL_KEYS = ("products", "items", "data", "results")

# How many objects deep the search for a list goes.
_MAX_DEPTH = 4

_FIRST_BYTE = re.compile(rb"[ \t\r\n]*(.)")

_Object = dict[str, msgspec.Raw]
_Value = bytes | msgspec.Raw

_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError)


def find_records(body: bytes, path: str | None = None) -> list[msgspec.Raw]:
    """The records of a page, as views into ``body``.

    They are the body itself where that is a list; else the list at ``path`` (dotted), or without a path the one under
    one of the usual keys; else the only list of objects in the body. A body that is JSON but for some of its records is
    taken apart all the same: decoding those fails then.

    Raises:
        PermanentError: when the body is no JSON, or there is no such list, or several might be meant.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")  # a byte order mark is not JSON (RFC 8259, section 8.1), but common
    try:
        try:
            return _STRICT.find(body, path)
        except _UNDECODABLE as error:
            # What is broken and empty is no sign of the end.
            with suppress(ValueError, *_UNDECODABLE):
                if records := _LENIENT.find(body, path):
                    return records
            raise PermanentError(_what_it_is_instead(body, error)) from None
    except RecursionError:
        raise PermanentError("the body is nested too deeply") from None


class _Finder(msgspec.Struct, frozen=True):
    """Finds the list of records, given how lists and objects are taken apart."""

    elements: Callable[[_Value], list[msgspec.Raw]]
    members: Callable[[_Value], _Object]

    def find(self, body: bytes, path: str | None) -> list[msgspec.Raw]:
        if _opens(body, b"["):
            return self.elements(body)
        return self._at_path(body, path) if path else self._search(body)

    def _at_path(self, body: bytes, path: str) -> list[msgspec.Raw]:
        value: _Value = body
        fields: _Object = {}
        for key in path.split("."):
            if value is not body and not _opens(value, b"{"):
                text = f"what should hold {key!r} of `items: {path}` is no object in the body{_keys(fields)}"
                raise PermanentError(text)
            fields = self._fields(value)
            if key not in fields:
                raise PermanentError(f"there is no {key!r} of `items: {path}` in the body{_keys(fields)}")
            value = fields[key]
        if not _opens(value, b"["):
            raise PermanentError(f"`items: {path}` is no list in the body")
        return self.elements(value)

    def _search(self, body: bytes) -> list[msgspec.Raw]:
        fields = self._fields(body)
        if usual := self._usual_lists(fields, _MAX_DEPTH):
            return next(filter(None, usual), [])
        lists = list(self._lists_within(fields, _MAX_DEPTH))
        candidates = [records for records in lists if records and all(_opens(r, b"{") for r in records)]
        if len(candidates) == 1:
            return candidates[0]
        if lists and not any(lists):
            return []
        found = f"{len(candidates)} lists" if candidates else "no list"
        raise PermanentError(f"{found} of records in the body{_keys(fields)}; name it with `items`")

    def _usual_lists(self, fields: _Object, depth: int) -> list[list[msgspec.Raw]]:
        """The lists under usual keys, else those under usual keys of the objects under usual keys."""
        values = [fields[key] for key in USUAL_KEYS if key in fields]
        if lists := [self.elements(value) for value in values if _opens(value, b"[")]:
            return lists
        objects = [self.members(value) for value in values if _opens(value, b"{")]
        return [records for inner in objects for records in self._usual_lists(inner, depth - 1)] if depth > 1 else []

    def _lists_within(self, fields: _Object, depth: int) -> Iterator[list[msgspec.Raw]]:
        for value in fields.values():
            if _opens(value, b"["):
                yield self.elements(value)
            elif depth > 1 and _opens(value, b"{"):
                yield from self._lists_within(self.members(value), depth - 1)

    def _fields(self, value: _Value) -> _Object:
        if _opens(value, b"{"):
            return self.members(value)
        msgspec.json.decode(value, type=msgspec.Raw)
        raise PermanentError("there is a bare JSON value where an object or a list of records belongs")


_STRICT = _Finder(msgspec.json.Decoder(list[msgspec.Raw]).decode, msgspec.json.Decoder(_Object).decode)
_LENIENT = _Finder(split_list, split_object)


def _opens(value: _Value, bracket: bytes) -> bool:
    first = _FIRST_BYTE.match(memoryview(value))
    return first is not None and first[1] == bracket


def _keys(fields: _Object) -> str:
    return f", which has {', '.join(map(repr, list(fields)[:8]))}" if fields else ""


def _what_it_is_instead(body: bytes, error: Exception) -> str:
    start = body[:256].lstrip()
    if not start:
        return "the body is empty"
    if start.startswith(b"<"):
        return f"HTML or XML where JSON belongs: {start[:40].decode(errors='replace')!r}"
    return f"malformed JSON: {error}"
