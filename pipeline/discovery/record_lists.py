"""Find the lists in a response body that may be its records, those that look most like products first."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from pipeline.config.currency import code_of
from pipeline.config.record_paths import IN_BODY, items_error
from pipeline.discovery.guessing.fields import likeness
from pipeline.errors import NoRecordsError, PermanentError
from pipeline.fetch.content.envelope import Envelope
from pipeline.fetch.content.records import RecordFinder

# The depth of the search, in objects.
_MAX_DEPTH = 6

_LIKENESS_OF_PRODUCTS = 7  # a title and a price

_decode = msgspec.json.Decoder().decode


class RecordList(msgspec.Struct, frozen=True):
    """A list in a body: its path, as `items` has it, its records, and how much they look like products."""

    path: str
    records: Sequence[msgspec.Raw]
    likeness: int


class LikeliestFinder(RecordFinder):
    """A search for the list in a body that looks most like products, which a run without `items` may not find.

    ``lists`` are all lists of the last body, the likeliest first. ``usual`` is the path that a run would find, None if
    it would not find any.
    """

    def __init__(self, *, redact: Callable[[str], str]) -> None:
        super().__init__(redact=redact)
        self.lists: Sequence[RecordList] = ()
        self.usual: str | None = None

    def find(self, body: bytes, envelope: Envelope | None = None) -> list[msgspec.Raw]:
        """Return the records of the likeliest list.

        Raises:
            NoRecordsError: the body has no list of objects.
            PermanentError: the body is not JSON, or reports an error beside an empty list.
        """
        try:
            records = super().find(body, envelope)
        except NoRecordsError:
            self.lists = record_lists(body)
            if not self.lists:
                raise
        else:
            self.usual = self.records_path
            self.lists = record_lists(body, self.usual)
            if not self.lists or self.lists[0].path == self.usual:
                return records
        self.records_path = self.lists[0].path
        return list(self.lists[0].records)


def record_lists(body: bytes, usual: str | None = None) -> Sequence[RecordList]:
    """Return the lists of objects in a body, the likeliest first; ``usual`` is the path that a run would find.

    An object whose values all look like products is a list, ``products.*``.
    """
    try:
        document = _decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    found = []
    for path in dict.fromkeys(_paths(document)):
        records = _records_at(path, body)
        if records:
            found.append(RecordList(path, records, likeness(records)))
    kept = [each for each in found if not each.path.endswith("*") or each.likeness >= _LIKENESS_OF_PRODUCTS]
    return sorted(kept, key=lambda each: (-each.likeness, each.path != usual, each.path.count(".")))


def currencies_around(body: bytes) -> Sequence[str]:
    """Return the paths of currencies in the objects around the records, such as ``$body.shop.currency``."""
    try:
        document = _decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return [IN_BODY + path for path in _currencies(document, "", 3)]


def _currencies(value: Any, above: str, depth: int) -> Iterator[str]:
    for key, inner in value.items() if isinstance(value, dict) else ():
        path = f"{above}{key}"
        if isinstance(inner, dict) and depth > 1:
            yield from _currencies(inner, f"{path}.", depth - 1)
        elif isinstance(inner, str) and "curr" in key.lower() and code_of(inner):
            yield path


def _paths(value: Any, above: str = "", depth: int = _MAX_DEPTH) -> Iterator[str]:
    """Yield the paths of lists of objects, and of objects whose values are objects."""
    if isinstance(value, list):
        if not above and value and all(isinstance(element, dict) for element in value):
            yield ""
        return
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        path = f"{above}{key}"
        if not key or "." in key or items_error(path):
            continue
        if isinstance(inner, list) and inner and all(isinstance(element, dict) for element in inner):
            yield path
        elif isinstance(inner, dict) and depth > 1:
            if len(inner) > 1 and all(isinstance(member, dict) and len(member) > 2 for member in inner.values()):
                yield f"{path}.*"
            yield from _paths(inner, f"{path}.", depth - 1)


def _records_at(path: str, body: bytes) -> Sequence[msgspec.Raw]:
    try:
        return RecordFinder(path or None).find(body)
    except PermanentError:
        return []
