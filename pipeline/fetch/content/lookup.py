"""Looks up one value in a response body by its dotted path, without decoding the rest."""

import msgspec

from pipeline.fetch.content.lenient import split_object

_Object = dict[str, msgspec.Raw]
_decode_object = msgspec.json.Decoder(_Object).decode

_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def find_value(body: bytes, path: str, default: object = None) -> object:
    """The value at ``path``, as Python has it; ``default`` where there is none, or the body is no such JSON."""
    keys = [path] if f'"{path}"'.encode() in body else path.split(".")  # a key may have a point in it
    if f'"{keys[0]}"'.encode() not in body:  # most places are looked at in vain, and taking a body apart costs time
        return default
    value: bytes | msgspec.Raw = body.removeprefix(b"\xef\xbb\xbf")
    try:
        for key in keys:
            value = _members(value)[key]
        return msgspec.json.decode(value)
    except (KeyError, ValueError, *_UNDECODABLE):
        return default


def _members(value: bytes | msgspec.Raw) -> _Object:
    """The members of an object, also of one that is JSON but for a record in it."""
    try:
        return _decode_object(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return split_object(value)


def find_text(body: bytes, path: str) -> str | None:
    """The same as text, a whole number too; None for what is neither, or empty."""
    value = find_value(body, path)
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def find_count(body: bytes, path: str) -> int | None:
    """The same as a number from 0 on, also one written as text."""
    text = find_text(body, path)
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 20 else None
