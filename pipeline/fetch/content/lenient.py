"""Split a JSON body that has a broken record or two, so that only those are lost.

NaN and Infinity, lone surrogates, control characters in strings and bytes that are not UTF-8 pass: the decoder of the
pieces finds them. Python's own scanner is slower than msgspec, but reports where a value ends.
"""

import json
import re

import msgspec

_scan = json.JSONDecoder(strict=False, parse_int=str, parse_float=str).raw_decode
_skip_blanks = re.compile(r"[ \t\r\n]*").match


def split_list(data: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """Return the elements of a JSON array, each as its bytes.

    Raises:
        ValueError: the data is not an array, even leniently.
        RecursionError: an element is nested too deeply.
    """
    text = _text(data)
    elements = []
    position = _after(text, 0, "[")
    if text[position : position + 1] != "]":
        while True:
            element, position = _value(text, position)
            elements.append(element)
            if text[position : position + 1] == "]":
                break
            position = _after(text, position, ",")
    _check_end(text, position + 1)
    return elements


def split_object(data: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """Return the members of a JSON object; of several with the same name, the last.

    Raises:
        ValueError: the data is not an object, even leniently.
        RecursionError: a member is nested too deeply.
    """
    text = _text(data)
    members = {}
    position = _after(text, 0, "{")
    if text[position : position + 1] != "}":
        while True:
            name, position = _scan(text, position)
            if not isinstance(name, str) or text[position - 1] != '"':
                raise ValueError("a member of an object needs a name")
            members[name], position = _value(text, _after(text, position, ":"))
            if text[position : position + 1] == "}":
                break
            position = _after(text, position, ",")
    _check_end(text, position + 1)
    return members


def _text(data: bytes | msgspec.Raw) -> str:
    return bytes(data).decode(errors="surrogateescape")


def _value(text: str, position: int) -> tuple[msgspec.Raw, int]:
    """Return the value at a position, and the position after it."""
    _, end = _scan(text, position)
    return msgspec.Raw(text[position:end].encode(errors="surrogateescape")), _blanks(text, end)


def _after(text: str, position: int, character: str) -> int:
    position = _blanks(text, position)
    if text[position : position + 1] != character:
        raise ValueError(f"{character!r} expected at character {position}")
    return _blanks(text, position + 1)


def _check_end(text: str, position: int) -> None:
    if _blanks(text, position) != len(text):
        raise ValueError(f"more than one value: another begins at character {position}")


def _blanks(text: str, position: int) -> int:
    match = _skip_blanks(text, position)
    return match.end() if match else position
