"""Platzi's fake store: ``offset`` and ``limit``, whole prices, and categories as objects."""

from random import Random

from starlette.requests import Request
from starlette.responses import Response

from mockapi.api import Window, as_json
from mockapi.content import cycled, title
from mockapi.shop import Record, Shop
from mockapi.truth import Truth

_CATEGORIES = ("Others", "Muebles de Jardín", "Shoes", "")


class Platzi(Shop):
    """A shop whose prices are whole major units."""

    name = "platzi"
    path = "/api/v1/products"
    parameters = ("offset", "limit")

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a product; every fourth has no category."""
        named, category, price = title(rng, index), cycled(_CATEGORIES, index), rng.randint(1, 2_000)
        record = {
            "id": index + 27,
            "title": named.written,
            "slug": f"product-{index + 27}",
            "price": price,
            "description": "As good as it looks.",
            "category": {"id": index % 4 + 1, "name": category, "image": "https://img.example/1"} if category else None,
            "images": [],
        }
        return record, Truth(str(index + 27), named.meant, str(price), None, category.lower() or "uncategorized")

    def window(self, request: Request) -> Window:
        """Read ``offset`` and ``limit``."""
        return Window(self.whole(request, "offset", 0), self.size(request, "limit"))

    def answer(self, request: Request, window: Window) -> Response:  # noqa: ARG002 - the window is enough
        """Return a list, empty past the end."""
        return as_json(self.records(window))
