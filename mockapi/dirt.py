"""Malformed records, as real catalogues occasionally contain them."""

from typing import Any

from mockapi.catalog import Record

_MARKUP = "<script>alert('no')</script> & <b>more</b>"


def soiled(records: list[Record]) -> list[Any]:
    """Replace the first five records by odd ones: without id, not an object, unreadable price, markup, a duplicate.

    The first three fields of a record must be its id, name and price. A page of fewer than five records is unchanged.
    """
    if len(records) < 5:
        return records
    nameless, no_object, unpriced, marked_up, _, *rest = records
    identity, name, price = list(unpriced)[:3]
    return [
        {key: value for key, value in nameless.items() if key != identity},
        f"{no_object[name]}, sold out",
        {**unpriced, price: "ask us"},
        {**marked_up, name: _MARKUP},
        marked_up,
        *rest,
    ]
