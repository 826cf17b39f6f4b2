"""Finding the list of records in a response body, without decoding the records."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import msgspec

from pipeline.errors import PermanentError
from pipeline.fetch.content.lenient import split_list, split_object
from pipeline.fetch.content.totals import find_totals

# Where a list of records usually stands; the first that has any records counts.
USUAL_KEYS = ("products", "items", "data", "results")

# How many objects deep the search for a list goes.
_MAX_DEPTH = 4

_FIRST_BYTE = re.compile(rb"[ \t\r\n]*(.)")

_Object = dict[str, msgspec.Raw]
_Value = bytes | msgspec.Raw

_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError)

# Lists that are about the records, or about what went wrong.
_OTHER_LISTS = {"error", "errors", "warnings", "messages", "details", "trace", "facets", "filters", "links"}

# Bodies beyond this are not taken apart leniently: it is slow, and everybody else would wait.
_MOST_LENIENT = 4_000_000

# So much of a body is looked at to say what it is; a secret is found in there as a whole.
_SHOWN_OF = 4_096

_decode_object = msgspec.json.Decoder(_Object).decode


class RecordFinder:
    """Finds the records in the bodies of one endpoint.

    They are the body itself where that is a list; else the list at ``path`` (dotted), or without a path the one under
    one of the usual keys; else the only list of objects in the body. ``records_path`` is the path of
    the records of the last page that had any: only there, and in the usual places, an empty list is a page without
    records, unless the body speaks of an error. ``redact`` takes secrets out of what an error shows of a body.
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

    def find(self, body: bytes) -> list[msgspec.Raw]:
        """The records of a page, as views into ``body``.

        A body that is JSON but for some of its records is taken apart all the same: decoding those fails then.

        Raises:
            PermanentError: when the body is no JSON, or there is no such list, or several might be meant.
        """
        body = body.removeprefix(b"\xef\xbb\xbf")  # a byte order mark is not JSON (RFC 8259, section 8.1), but common
        try:
            try:
                where, records = _STRICT.find(body, self._path, self.records_path)
            except _UNDECODABLE as error:
                where, records = self._find_leniently(body, error)
            if records:
                self.records_path = where
            elif complaint := _complaint(body):
                raise PermanentError(f"an empty list, but the body speaks of an error in {complaint!r}")
        except RecursionError:
            raise PermanentError("the body is nested too deeply") from None
        return records

    def _find_leniently(self, body: bytes, error: Exception) -> tuple[str, list[msgspec.Raw]]:
        if len(body) <= _MOST_LENIENT:
            with suppress(ValueError, PermanentError, *_UNDECODABLE):
                where, records = _LENIENT.find(body, self._path, self.records_path)
                if records:  # what is broken and empty is no sign of the end
                    return where, records
        raise PermanentError(self._what_it_is_instead(body, error))

    def _what_it_is_instead(self, body: bytes, error: Exception) -> str:
        start = self._redact(body[:_SHOWN_OF].lstrip().decode(errors="replace"))
        if not start:
            return "the body is empty"
        if start.startswith("<"):
            return f"HTML or XML where JSON belongs: {start[:40]!r}; is that the API's `url`?"
        return f"malformed JSON: {error}"


def _may_be_records(where: str) -> bool:
    return not _OTHER_LISTS & set(where.split("."))


def _complaint(body: bytes) -> str | None:
    """The key under which an object speaks of an error, if it does."""
    if not _opens(body, b"{"):
        return None
    fields = _decode_object(body)
    said = {key: msgspec.json.decode(fields[key]) for key in ("error", "errors", "success", "ok") if key in fields}
    for key, value in said.items():
        if value is False if key in ("success", "ok") else value not in (None, False, 0, "", [], {}):
            return key
    return None


class _Finder(msgspec.Struct, frozen=True):
    """Finds the list of records, given how lists and objects are taken apart."""

    elements: Callable[[_Value], list[msgspec.Raw]]
    members: Callable[[_Value], _Object]

    def find(self, body: bytes, path: str | None, earlier: str | None) -> tuple[str, list[msgspec.Raw]]:
        """The path of the list, dotted, and its elements."""
        if _opens(body, b"["):
            return "", self.elements(body)
        return (path, self._at_path(body, path, earlier)) if path else self._search(body, earlier)

    def _at_path(self, body: bytes, path: str, earlier: str | None) -> list[msgspec.Raw]:
        value: _Value = body
        fields: _Object = {}
        for key in path.split("."):
            if value is not body and not _opens(value, b"{"):
                text = f"what should hold {key!r} of `items: {path}` is no object in the body{_keys(fields)}"
                raise PermanentError(text)
            fields = self._fields(value)
            if key not in fields:
                if earlier is None and _says_none(body, fields):
                    return []
                raise PermanentError(f"there is no {key!r} of `items: {path}` in the body{_keys(fields)}")
            value = fields[key]
        if not _opens(value, b"["):
            raise PermanentError(f"`items: {path}` is no list in the body; it has to lead to one")
        return self.elements(value)

    def _search(self, body: bytes, earlier: str | None) -> tuple[str, list[msgspec.Raw]]:
        fields = self._fields(body)
        if usual := self._usual_lists(fields, _MAX_DEPTH):
            return next((each for each in usual if each[1]), usual[0])
        lists = list(self._lists_within(fields, _MAX_DEPTH))
        candidates = [
            (where, records)
            for where, records in lists
            if records and all(_opens(record, b"{") for record in records) and self._is_theirs(where, earlier)
        ]
        if len(candidates) == 1:
            return candidates[0]
        for where, records in lists:
            expected = self._is_theirs(where, earlier) and (earlier is not None or len(lists) == 1)
            if expected and not records:
                return where, records
        found = f"{len(candidates)} lists" if candidates else "no list"
        raise PermanentError(f"{found} of records in the body{_keys(fields)}; name it with `items`")

    def _is_theirs(self, where: str, earlier: str | None) -> bool:
        """Whether records may stand there: where they stood before; of a first page no more is known than the name."""
        return _may_be_records(where) if earlier is None else where == earlier

    def _usual_lists(self, fields: _Object, depth: int, above: str = "") -> list[tuple[str, list[msgspec.Raw]]]:
        """The lists under usual keys, else those under usual keys of the objects under usual keys."""
        values = [(f"{above}{key}", fields[key]) for key in USUAL_KEYS if key in fields]
        if lists := [(where, self.elements(value)) for where, value in values if _opens(value, b"[")]:
            return lists
        if depth == 1:
            return []
        objects = [(where, self.members(value)) for where, value in values if _opens(value, b"{")]
        return [found for where, inner in objects for found in self._usual_lists(inner, depth - 1, f"{where}.")]

    def _lists_within(self, fields: _Object, depth: int, above: str = "") -> Iterator[tuple[str, list[msgspec.Raw]]]:
        for key, value in fields.items():
            if _opens(value, b"["):
                yield f"{above}{key}", self.elements(value)
            elif depth > 1 and _opens(value, b"{"):
                yield from self._lists_within(self.members(value), depth - 1, f"{above}{key}.")

    def _fields(self, value: _Value) -> _Object:
        if _opens(value, b"{"):
            return self.members(value)
        msgspec.json.decode(value, type=msgspec.Raw)
        raise PermanentError("a bare JSON value where an object or a list of records belongs; is that the API's `url`?")


_STRICT = _Finder(msgspec.json.Decoder(list[msgspec.Raw]).decode, msgspec.json.Decoder(_Object).decode)
_LENIENT = _Finder(split_list, split_object)


def _says_none(body: bytes, fields: _Object) -> bool:
    """Whether there are no records at all: some APIs leave out a list that would be empty, and say a total of 0."""
    return find_totals(body, {}).records == 0 and not any(_opens(value, b"[") for value in fields.values())


def _opens(value: _Value, bracket: bytes) -> bool:
    first = _FIRST_BYTE.match(memoryview(value))
    return first is not None and first[1] == bracket


def _keys(fields: _Object) -> str:
    return f", which has {', '.join(map(repr, list(fields)[:8]))}" if fields else ""
