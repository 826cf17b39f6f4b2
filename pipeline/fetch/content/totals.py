"""What an API says about its size: how many records and pages there are in all."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from pipeline.fetch.content.lenient import split_object
from pipeline.model.pages import AnnouncedTotals

RECORD_KEYS = ("total", "total_count", "totalCount", "total_items", "totalItems", "total_results", "totalResults")
PAGE_KEYS = ("total_pages", "totalPages", "page_count", "pageCount", "last_page", "lastPage")
# Objects in the body that speak of the list rather than being it.
SECTION_KEYS = ("meta", "_meta", "metadata", "pagination", "paging", "page_info", "pageInfo")

RECORD_HEADERS = ("x-total-count", "x-total", "x-wp-total")
PAGE_HEADERS = ("x-total-pages", "x-wp-totalpages", "x-page-count")

# What claims to be more is a mistake, or no count at all.
_MOST = 1_000_000_000
_MAX_DEPTH = 2

_NAMES = {*RECORD_KEYS, *PAGE_KEYS, *SECTION_KEYS}
_Envelope = msgspec.defstruct("_Envelope", [(key, Any, None) for key in sorted(_NAMES)])
_decode = msgspec.json.Decoder(_Envelope).decode


def find_totals(body: bytes, headers: Mapping[str, str]) -> AnnouncedTotals:
    """The totals in a response, from its body or else from its headers (their names in lower case).

    Whatever the body is, this succeeds; what is no plausible count is passed over.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        fields = msgspec.structs.asdict(_decode(body))
    except RecursionError:
        fields = {}
    except (msgspec.DecodeError, UnicodeDecodeError):  # a list, or JSON but for a record, or none at all
        fields = _decode_leniently(body)
    sections = list(_sections(fields, _MAX_DEPTH))
    return AnnouncedTotals(
        records=_first_count([*sections, headers], (*RECORD_KEYS, *RECORD_HEADERS)),
        pages=_first_count([*sections, headers], (*PAGE_KEYS, *PAGE_HEADERS)),
    )


def _decode_leniently(body: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    with suppress(ValueError, RecursionError):
        members = split_object(body)
        for key in _NAMES & members.keys():
            with suppress(msgspec.DecodeError, UnicodeDecodeError):
                fields[key] = msgspec.json.decode(members[key])
    return fields


def _sections(fields: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    yield fields
    if depth:
        for key in SECTION_KEYS:
            if isinstance(inner := fields.get(key), dict):
                yield from _sections(inner, depth - 1)


def _first_count(sections: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> int | None:
    values = (section.get(key) for section in sections for key in keys)
    return next((count for value in values if (count := _count(value)) is not None), None)


def _count(value: object) -> int | None:
    """A whole number, also one written as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST:
        return value
    return None
