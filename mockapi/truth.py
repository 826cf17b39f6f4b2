"""What a correct client makes of a record."""

import msgspec


class Truth(msgspec.Struct, frozen=True):
    """One product as it is meant: titles without HTML entities and blanks around them, None where there is none.

    ``price`` is an exact decimal in major units, to be compared as a number, and None where there is none; ``currency``
    is of ISO 4217 in upper case, None where the API does not say it; ``category`` is in lower case.
    """

    id: str
    title: str | None
    price: str | None
    currency: str | None
    category: str = "uncategorized"
