"""DummyJSON: ``limit`` and ``skip``, prices with binary floating-point noise, and 100 requests per 10 seconds."""

from collections.abc import Mapping
from random import Random

from starlette.requests import Request
from starlette.responses import Response

from mockapi import announce
from mockapi.api import Window, as_json
from mockapi.content import amount, cycled, number, shortest, title
from mockapi.quota import Quota, Standing
from mockapi.shop import Record, Shop
from mockapi.truth import Truth

_CATEGORIES = ("mens-watches", "Kitchen-Accessories", "")

# 207, 0.1 + 0.2 and 1.1 * 3 in binary floating point.
_NOISY = ("206.99999999999997", "0.30000000000000004", "3.3000000000000003")


class Dummyjson(Shop):
    """A shop whose prices are exact in all their digits."""

    name = "dummyjson"
    path = "/products"
    parameters = ("skip", "limit")
    usual = 30
    quota = Quota(100, 10.0)

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a product; every fourth price has noise."""
        named, category = title(rng, index), cycled(_CATEGORIES, index)
        price = cycled(_NOISY, index // 4) if index % 4 == 1 else shortest(amount(rng))
        record = {
            "id": index + 1,
            "title": named.written,
            "description": "As good as it looks.",
            "price": number(price),
            "discountPercentage": 10.2,
            "rating": 4.98,
            "stock": 61,
            "brand": "Mock",
            "category": category,
        }
        return record, Truth(str(index + 1), named.meant, price, None, category.lower() or "uncategorized")

    def window(self, request: Request) -> Window:
        """Read ``skip`` and ``limit``; a ``limit`` of 0 means a page of ``per_page``."""
        whole = self.whole(request, "limit", self.usual or 0) == 0
        size = self.setup.per_page if whole else self.size(request, "limit")
        return Window(self.whole(request, "skip", 0), size)

    def answer(self, request: Request, window: Window) -> Response:  # noqa: ARG002 - the window is enough
        """Return ``products``; ``limit`` is their number."""
        records = self.records(window)
        body = {"products": records, "total": self.setup.records, "skip": window.start, "limit": len(records)}
        return as_json(body)

    def announce(self, standing: Standing) -> Mapping[str, str]:
        """Return ``X-RateLimit-*``."""
        return announce.x_ratelimit(standing)

    def too_many(self, standing: Standing) -> Response:  # noqa: ARG002 - the headers report it
        """Return a message."""
        return as_json({"message": "Too many requests from this address, please try again later."}, 429)
