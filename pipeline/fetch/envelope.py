"""Finding the list of records in a response body, without decoding the records."""

import re
from collections.abc import Iterator

import msgspec

from pipeline.errors import PermanentError

# Where a list of records usually stands; the first that has any records counts.
USUAL_KEYS = ("products", "items", "data", "results")

# How many objects deep the search for a list goes.
_MAX_DEPTH = 4

_FIRST_BYTE = re.compile(rb"[ \t\r\n]*(.)")

_Object = dict[str, msgspec.Raw]
_decode_object = msgspec.json.Decoder(_Object).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def find_records(body: bytes, path: str | None = None) -> list[msgspec.Raw]:
    """The records of a page, as views into ``body``.

    They are the body itself where that is a list; else the list at ``path`` (dotted), or without a path the one under
    one of the usual keys; else the only list of objects in the body.

    Raises:
        PermanentError: when the body is no JSON, or there is no such list, or several might be meant.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")  # a byte order mark is not JSON (RFC 8259, section 8.1), but common
    try:
        if _opens(body, b"["):
            return _decode_list(body)
        return _at_path(body, path) if path else _search(body)
    except RecursionError:
        raise PermanentError("the body is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PermanentError(_what_it_is_instead(body, error)) from None


def _at_path(body: bytes, path: str) -> list[msgspec.Raw]:
    value: bytes | msgspec.Raw = body
    fields: _Object = {}
    for key in path.split("."):
        if value is not body and not _opens(value, b"{"):
            raise PermanentError(f"what should hold {key!r} of `items: {path}` is no object in the body{_keys(fields)}")
        fields = _fields(value)
        if key not in fields:
            raise PermanentError(f"there is no {key!r} of `items: {path}` in the body{_keys(fields)}")
        value = fields[key]
    if not _opens(value, b"["):
        raise PermanentError(f"`items: {path}` is no list in the body")
    return _decode_list(value)


def _search(body: bytes) -> list[msgspec.Raw]:
    fields = _fields(body)
    if usual := _usual_lists(fields, _MAX_DEPTH):
        return next(filter(None, usual), [])
    lists = list(_lists_within(fields, _MAX_DEPTH))
    candidates = [records for records in lists if records and all(_opens(r, b"{") for r in records)]
    if len(candidates) == 1:
        return candidates[0]
    if lists and not any(lists):
        return []
    found = f"{len(candidates)} lists" if candidates else "no list"
    raise PermanentError(f"{found} of records in the body{_keys(fields)}; name it with `items`")


def _usual_lists(fields: _Object, depth: int) -> list[list[msgspec.Raw]]:
    """The lists under usual keys, else those under usual keys of the objects under usual keys."""
    values = [fields[key] for key in USUAL_KEYS if key in fields]
    if lists := [_decode_list(value) for value in values if _opens(value, b"[")]:
        return lists
    objects = [_decode_object(value) for value in values if _opens(value, b"{")]
    return [records for inner in objects for records in _usual_lists(inner, depth - 1)] if depth > 1 else []


def _fields(value: bytes | msgspec.Raw) -> _Object:
    if _opens(value, b"{"):
        return _decode_object(value)
    msgspec.json.decode(value, type=msgspec.Raw)
    raise PermanentError("there is a bare JSON value where an object or a list of records belongs")


def _lists_within(fields: _Object, depth: int) -> Iterator[list[msgspec.Raw]]:
    for value in fields.values():
        if _opens(value, b"["):
            yield _decode_list(value)
        elif depth > 1 and _opens(value, b"{"):
            yield from _lists_within(_decode_object(value), depth - 1)


def _opens(value: bytes | msgspec.Raw, bracket: bytes) -> bool:
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
