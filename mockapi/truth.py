"""Expected products: the result of reading a record correctly."""

import msgspec


class Truth(msgspec.Struct, frozen=True):
    """The expected product of a record.

    ``title`` has no HTML entities and no surrounding blanks; it is None if the record has none. ``price`` is an exact
    decimal in major units, to be compared as a number, or None. ``currency`` is an ISO 4217 code in upper case, or None
    if the API does not name it. ``category`` is in lower case.
    """

    id: str
    title: str | None
    price: str | None
    currency: str | None
    category: str = "uncategorized"
