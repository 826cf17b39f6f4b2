"""Records as real catalogues have them now and then."""

from typing import Any

from mockapi.catalog import Record

_MARKUP = "<script>alert('no')</script> & <b>more</b>"


def soiled(records: list[Record]) -> list[Any]:
    """The records, the first five of them odd: no id, no object, no price to be read, markup, and the one before again.

    The persona's first three fields are its id, name and price. A page of fewer records stays as it is.
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
