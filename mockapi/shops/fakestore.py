"""Fake Store API: all products in one page."""

from random import Random

from starlette.requests import Request
from starlette.responses import Response

from mockapi.api import Window, as_json
from mockapi.content import amount, cycled, number, shortest, title
from mockapi.shop import Record, Shop
from mockapi.truth import Truth

_CATEGORIES = ("men's clothing", "Jewelery", "Électronique")


class Fakestore(Shop):
    """A shop with one page."""

    name = "fakestore"
    path = "/products"

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a product with its price as JSON number."""
        named, category, price = title(rng, index), cycled(_CATEGORIES, index), shortest(amount(rng))
        record = {
            "id": index + 1,
            "title": named.written,
            "price": number(price),
            "description": "As good as it looks.",
            "category": category,
            "image": "https://img.example/1.jpg",
            "rating": {"rate": 3.9, "count": 120},
        }
        return record, Truth(str(index + 1), named.meant, price, None, category.lower())

    def window(self, request: Request) -> Window:  # noqa: ARG002 - requests cannot choose
        """Return the whole catalogue."""
        return Window(0, max(1, self.setup.records))

    def answer(self, request: Request, window: Window) -> Response:  # noqa: ARG002 - the window is enough
        """Return a list."""
        return as_json(self.records(window))
