"""No particular API: cursors in the body, and the rate limit headers of the IETF draft."""

from collections.abc import Mapping
from random import Random

from starlette.requests import Request
from starlette.responses import Response

from mockapi import announce
from mockapi.api import RefusedError, Window, as_json
from mockapi.content import DIGITS, amount, cycled, decimal, title
from mockapi.cursor import cursor_at, start_of
from mockapi.quota import Quota, Standing
from mockapi.shop import Record, Shop
from mockapi.truth import Truth

_CURRENCIES = ("EUR", "BHD", "KRW")
_CATEGORIES = ("Toys", "", "Bücher")


class Cursors(Shop):
    """A shop with five requests per second; blank titles are omitted."""

    name = "cursors"
    path = "/items"
    parameters = ("cursor",)
    quota = Quota(5, 1.0)

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return an item with its price as text and its currency."""
        number, named = f"item-{index + 1:05}", title(rng, index)
        category, currency = cycled(_CATEGORIES, index), cycled(_CURRENCIES, index)
        price = decimal(amount(rng), DIGITS[currency])
        record = {"id": number, "price": price, "currency": currency, "category": category}
        if named.meant is not None:
            record["name"] = named.written
        return record, Truth(number, named.meant, price, currency, category.lower() or "uncategorized")

    def window(self, request: Request) -> Window:
        """Read ``cursor``, which the previous page contained."""
        cursor = request.query_params.get("cursor")
        start = 0 if cursor is None else start_of(cursor)
        if start is None:
            raise RefusedError(as_json({"message": "unknown cursor"}, 400))
        return Window(start, self.setup.per_page)

    def answer(self, request: Request, window: Window) -> Response:  # noqa: ARG002 - the window is enough
        """Return ``items``; ``next_cursor`` is null at the end."""
        following = None if self.is_last(window) else cursor_at(window.start + window.size)
        return as_json({"items": self.records(window), "next_cursor": following})

    def announce(self, standing: Standing) -> Mapping[str, str]:
        """Return ``RateLimit`` and ``RateLimit-Policy``."""
        return announce.ietf_draft(standing)

    def too_many(self, standing: Standing) -> Response:  # noqa: ARG002 - the headers report it
        """Return a problem (RFC 9457) of the type in the draft."""
        kind = "https://iana.org/assignments/http-problem-types#quota-exceeded"
        return as_json({"type": kind, "title": "Quota exceeded", "violated-policies": ["default"]}, 429)
