"""The envelope of a response body: everything in its JSON object except the records."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from pipeline.fetch.content.lenient import split_list, split_object

MISSING = object()

_Scalar = str | int | float | bool | None
# A member of an object: a list in its elements, an object in its members, a scalar, or the bytes of any of these.
Value = msgspec.Raw | list[msgspec.Raw] | dict[str, Any] | _Scalar
Members = Mapping[str, Value]

# One pass over a body splits it, down to the records of `data.products.nodes`. Anything below is bytes.
_Third = dict[str, list[msgspec.Raw] | dict[str, msgspec.Raw] | _Scalar]
_Second = dict[str, list[msgspec.Raw] | _Third | _Scalar]
_decode_body = msgspec.json.Decoder(dict[str, list[msgspec.Raw] | _Second | _Scalar]).decode
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode

_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# What follows the bracket of an index: `0]`.
_INDEX = re.compile(r"\d{1,9}\]")


class Envelope:
    """The members of a JSON object, decoded only as far as they are looked up.

    Any bytes are accepted. A body that is not an object has no members. A body with a broken record is split leniently.
    ``body`` is the body without a byte order mark, which is not JSON (RFC 8259, section 8.1), but common. If
    ``is_exact``, all members are bytes.
    """

    def __init__(self, body: bytes, *, is_exact: bool = False) -> None:
        self.body = body.removeprefix(b"\xef\xbb\xbf")
        self._is_exact = is_exact
        self._objects: dict[str, Members] = {}
        self._exact: Envelope | None = None

    @property
    def exact(self) -> "Envelope":
        """The same envelope with all members as bytes: numbers keep their text."""
        if self._is_exact:
            return self
        if self._exact is None:
            self._exact = Envelope(self.body, is_exact=True)
        return self._exact

    def split(self, value: bytes | Value) -> Members:
        """Return the members of ``body``, or of an object within it. Those of the body are found only once.

        Raises:
            msgspec.DecodeError: if the value is not an object, or broken.
        """
        if isinstance(value, dict):
            return value
        assert isinstance(value, bytes | msgspec.Raw), "a scalar is not an object"
        if value is not self.body:
            return _decode_members(value)
        if "" not in self._objects:
            self._objects[""] = self._split_body()
        return self._objects[""]

    def _split_body(self) -> Members:
        if not self._is_exact:
            with suppress(*_UNDECODABLE):  # the value of one member may be broken
                return _decode_body(self.body)
        return _decode_members(self.body)

    def value(self, path: str, default: object = None) -> object:
        """Return the decoded value at a dotted path, or ``default`` if there is none.

        A key of the outermost object may itself contain points: ``@odata.nextLink``. ``links[0]`` is the first element
        of a list. ``links[next]`` is the ``href`` of the element whose ``rel`` is ``next``, in a list of links.
        """
        found = self._find(path)
        if found is not MISSING:
            return _decode(found, default)
        place, bracket, relation = path.rpartition("[")
        links = self._at(place) if bracket else MISSING
        return default if links is MISSING else _link(_decode(links, default), relation.removesuffix("]"), default)

    def has_member(self, key: str) -> bool:
        """Return True if the body is an object with this key, even if its value cannot be decoded."""
        return key in self._members("")

    def has_object(self, path: str) -> bool:
        """True if the value at a dotted path, empty for the body itself, is an object with members."""
        return bool(self._members(path))

    def raw(self, path: str) -> msgspec.Raw | None:
        """Return the value at a dotted path as its bytes, None if there is none."""
        found = self.exact._find(path)
        return found if isinstance(found, msgspec.Raw) else None

    def _members(self, path: str) -> Members:
        found = self._objects.get(path)
        if found is None:
            found = self._objects[path] = self._members_of(self._at(path) if path else self.body)
        return found

    def _members_of(self, value: object) -> Members:
        if isinstance(value, dict):
            return value
        if not isinstance(value, bytes | msgspec.Raw) or bytes(memoryview(value)[:64]).lstrip()[:1] != b"{":
            return {}
        with suppress(*_UNDECODABLE):
            return self.split(value)
        with suppress(ValueError, RecursionError):
            return split_object(value)
        return {}

    def _find(self, path: str) -> object:
        """Return the value at a dotted path, MISSING if there is none."""
        found: object = self._members("").get(path, MISSING)
        return self._at(path) if found is MISSING else found

    def _at(self, path: str) -> object:
        parent, _, key = path.rpartition(".")
        name, *indices = key.split("[")
        is_body = bool(indices) and not (parent or name)
        found: object = msgspec.Raw(self.body) if is_body else self._members(parent).get(name, MISSING)
        for index in indices:
            elements = _elements(found) if _INDEX.fullmatch(index) else []
            position = int(index[:-1]) if elements else 0
            found = elements[position] if position < len(elements) else MISSING
        return found


def _elements(value: object) -> Sequence[msgspec.Raw]:
    if isinstance(value, list):
        return value
    if isinstance(value, msgspec.Raw):
        with suppress(*_UNDECODABLE):
            return _decode_elements(value)
        with suppress(ValueError, RecursionError):
            return split_list(value)
    return []


def _decode(value: object, default: object) -> object:
    try:
        return _decoded(value)
    except (ValueError, RecursionError):  # msgspec's and the decoder's errors are ValueErrors
        return default


def _decoded(value: object) -> object:
    match value:
        case msgspec.Raw():
            return msgspec.json.decode(value)
        case list():
            return [msgspec.json.decode(element) for element in value]
        case dict():
            return {key: _decoded(member) for key, member in value.items()}
        case _:
            return value


def _link(value: object, relation: str, default: object) -> object:
    links = value if isinstance(value, list) else []
    for link in links:
        if isinstance(link, dict) and str(link.get("rel", "")).lower() == relation.lower():
            return link.get("href", link.get("url", default))
    return default


def as_text(value: object) -> str | None:
    """Return a text, or a whole number as text; None for anything else and for an empty text."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def as_count(value: object) -> int | None:
    """Return a whole number from 0 on, also one written as text; None for anything else."""
    text = as_text(value)
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 20 else None
