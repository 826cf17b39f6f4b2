"""Shopify's ``/products.json``: numbered pages, a price per variant, no currency, and an empty list at the end."""

from random import Random

from starlette.requests import Request
from starlette.responses import Response

from mockapi.api import Window, as_json
from mockapi.content import DIGITS, amount, cycled, decimal, title
from mockapi.shop import Record, Shop
from mockapi.truth import Truth

_TYPES = ("Lighting", "Kitchen", "", "Wires & Cables", "Café")
_COLOURS = ("black", "Blue", "Green", "White")


class ShopifyStorefront(Shop):
    """A shop whose records are products, priced as their cheapest variant."""

    name = "shopify_storefront"
    path = "/products.json"
    parameters = ("page", "limit")
    usual, most = 30, 250

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a product with one to four variants, with prices as text."""
        return product(rng, index, None)

    def window(self, request: Request) -> Window:
        """Read ``page``, from 1, and ``limit``."""
        return self.numbered(request, "page", "limit")

    def answer(self, request: Request, window: Window) -> Response:  # noqa: ARG002 - the window is enough
        """Return ``products``."""
        return as_json({"products": self.records(window)})


def product(rng: Random, index: int, currency: str | None) -> tuple[Record, Truth]:
    """Return a product of Shopify; its variants name the currency if it is given."""
    number, named, kind = 8_312_000_000_000 + index * 32_768, title(rng, index), cycled(_TYPES, index)
    prices = [amount(rng) for _ in range(rng.randint(1, 4))]
    record = {
        "id": number,
        "title": named.written,
        "handle": f"product-{index + 1}",
        "body_html": "<p>As good as it looks.</p>",
        "published_at": "2025-05-08T15:34:40+03:00",
        "vendor": "Mock Trading",
        "product_type": kind,
        "tags": ["mock"],
        "variants": [_variant(number, position, price, currency) for position, price in enumerate(prices)],
        "images": [],
    }
    lowest = decimal(min(prices), DIGITS.get(currency or "", 2))
    return record, Truth(str(number), named.meant, lowest, currency, kind.lower() or "uncategorized")


def _variant(number: int, position: int, units: int, currency: str | None) -> Record:
    """Return a variant of a product, at a price in minor units; every other one has a higher former price."""
    digits = DIGITS.get(currency or "", 2)
    price = decimal(units, digits)
    record = {
        "id": number * 10 + position,
        "product_id": number,
        "title": _COLOURS[position],
        "sku": f"{number % 100_000}-{position}",
        "available": True,
        "price": price,
        "compare_at_price": decimal(units + 1_000, digits) if position % 2 else None,
        "position": position + 1,
    }
    if currency:
        presented = {"price": {"amount": price, "currency_code": currency}, "compare_at_price": None}
        record["presentment_prices"] = [presented]
    return record
