"""The envelope of a response body: everything in its JSON object except the records."""

import re
from contextlib import suppress

import msgspec

from pipeline.fetch.content.lenient import split_list, split_object

MISSING = object()

_Members = dict[str, msgspec.Raw]
_decode_members = msgspec.json.Decoder(_Members).decode
_decode_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode

# What follows the bracket of an index: `0]`.
_INDEX = re.compile(r"\d{1,9}\]")


class Envelope:
    """The members of a JSON object, decoded only as far as they are looked up.

    Any bytes are accepted. A body that is not an object has no members. A body with a broken record is split leniently.
    ``body`` is the body without a byte order mark, which is not JSON (RFC 8259, section 8.1), but common.
    """

    def __init__(self, body: bytes) -> None:
        self.body = body.removeprefix(b"\xef\xbb\xbf")
        self._objects: dict[str, _Members] = {}

    def split(self, value: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
        """Return the members of ``body``, or of an object within it. Those of the body are found only once.

        Raises:
            msgspec.DecodeError: if the value is not an object, or broken.
        """
        if value is not self.body:
            return _decode_members(value)
        if "" not in self._objects:
            self._objects[""] = _decode_members(value)
        return self._objects[""]

    def value(self, path: str, default: object = None) -> object:
        """Return the decoded value at a dotted path, or ``default`` if there is none.

        A key of the outermost object may itself contain points: ``@odata.nextLink``. ``links[0]`` is the first element
        of a list. ``links[next]`` is the ``href`` of the element whose ``rel`` is ``next``, in a list of links.
        """
        raw = self.raw(path)
        if raw is not None:
            return _decode(raw, default)
        place, bracket, relation = path.rpartition("[")
        links = self._at(place) if bracket else None
        return default if links is None else _link(_decode(links, default), relation.removesuffix("]"), default)

    def has_member(self, key: str) -> bool:
        """Return True if the body is an object with this key, even if its value cannot be decoded."""
        return key in self._members("")

    def has_object(self, path: str) -> bool:
        """True if the value at a dotted path, empty for the body itself, is an object with members."""
        return bool(self._members(path))

    def _members(self, path: str) -> _Members:
        found = self._objects.get(path)
        if found is None:
            raw = self._at(path) if path else self.body
            found = self._objects[path] = {} if raw is None else _split(raw)
        return found

    def raw(self, path: str) -> msgspec.Raw | None:
        """Return the value at a dotted path as its bytes, None if there is none."""
        return self._members("").get(path) or self._at(path)

    def _at(self, path: str) -> msgspec.Raw | None:
        parent, _, key = path.rpartition(".")
        name, *indices = key.split("[")
        raw = msgspec.Raw(self.body) if indices and not (parent or name) else self._members(parent).get(name)
        for index in indices:
            elements = _elements(raw) if raw is not None and _INDEX.fullmatch(index) else []
            position = int(index[:-1]) if elements else 0
            raw = elements[position] if position < len(elements) else None
        return raw


def _split(data: bytes | msgspec.Raw) -> _Members:
    if bytes(memoryview(data)[:64]).lstrip()[:1] != b"{":
        return {}
    try:
        return _decode_members(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return split_object(data)
    except (ValueError, RecursionError):
        return {}


def _elements(raw: msgspec.Raw) -> list[msgspec.Raw]:
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_elements(raw)
    with suppress(ValueError, RecursionError):
        return split_list(raw)
    return []


def _decode(raw: msgspec.Raw, default: object) -> object:
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError):  # msgspec's and the decoder's errors are ValueErrors
        return default


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
