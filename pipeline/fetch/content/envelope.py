"""The envelope of a response body: everything in its JSON object except the records."""

import msgspec

from pipeline.fetch.content.lenient import split_object

MISSING = object()

_Members = dict[str, msgspec.Raw]
_decode_members = msgspec.json.Decoder(_Members).decode


class Envelope:
    """The members of a JSON object, decoded only as far as they are looked up.

    Any bytes are accepted. A body that is not an object has no members. A body with a broken record is split leniently.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body.removeprefix(b"\xef\xbb\xbf")  # a byte order mark
        self._objects: dict[str, _Members] = {}

    def value(self, path: str, default: object = None) -> object:
        """Return the decoded value at a dotted path, or ``default`` if there is none.

        A key of the outermost object may itself contain points: ``@odata.nextLink``. ``links[next]`` is the
        ``href`` of the element whose ``rel`` is ``next``, in a list of links.
        """
        members = self._members("")
        if path in members:
            return _decode(members[path], default)
        parent, _, key = path.rpartition(".")
        key, bracket, relation = key.partition("[")
        raw = self._members(parent).get(key)
        if raw is None:
            return default
        value = _decode(raw, default)
        return _link(value, relation.removesuffix("]"), default) if bracket else value

    def has_member(self, key: str) -> bool:
        """Return True if the body is an object with this key, even if its value cannot be decoded."""
        return key in self._members("")

    def has_object(self, path: str) -> bool:
        """True if the value at a dotted path, empty for the body itself, is an object with members."""
        return bool(self._members(path))

    def _members(self, path: str) -> _Members:
        found = self._objects.get(path)
        if found is None:
            if path:
                parent, _, key = path.rpartition(".")
                raw = self._members(parent).get(key)
                found = {} if raw is None else _split(raw)
            else:
                found = _split(self._body)
            self._objects[path] = found
        return found


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
