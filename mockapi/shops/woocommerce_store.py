"""WooCommerce's Store API: amounts in minor units as text, and 25 requests per 10 seconds."""

from collections.abc import Mapping
from math import ceil
from random import Random

from starlette.requests import Request
from starlette.responses import Response

from mockapi import announce
from mockapi.api import Window, as_json
from mockapi.content import DIGITS, amount, cycled, decimal, title
from mockapi.quota import Quota, Standing
from mockapi.shop import Record, Shop
from mockapi.truth import Truth
from mockapi.wordpress import categories, page_headers

_CURRENCIES = ("EUR", "JPY", "KWD")
_CATEGORIES = (("Lamps &amp; Lights", "lamps & lights"), ("سلك معزول", "سلك معزول"), ("Kabel", "kabel"), ("", ""))


class WoocommerceStore(Shop):
    """A shop with names in HTML; the price of a variable product is that of its cheapest variation."""

    name = "woocommerce_store"
    path = "/wp-json/wc/store/v1/products"
    parameters = ("page", "per_page")
    usual, most = 10, 100
    quota = Quota(25, 10.0)

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a product in a currency with two, no or three decimal digits; every fourth is variable."""
        number, named, currency = 10_150 + index, title(rng, index), cycled(_CURRENCIES, index)
        units, is_variable = amount(rng), index % 4 == 2
        spread = {"min_amount": str(units), "max_amount": str(units + 5_000)} if is_variable else None
        written, meant = _CATEGORIES[index % len(_CATEGORIES)]
        record = {
            "id": number,
            "name": named.written,
            "slug": f"product-{number}",
            "permalink": f"https://shop.example/product/product-{number}/",
            "type": "variable" if is_variable else "simple",
            "sku": f"S-{number}",
            "on_sale": index % 2 == 1,
            "prices": _prices(units, spread, currency),
            "categories": categories(written),
            "images": [],
            "is_in_stock": True,
        }
        price = decimal(units, DIGITS[currency])
        return record, Truth(str(number), named.meant, price, currency, meant or "uncategorized")

    def window(self, request: Request) -> Window:
        """Read ``page``, from 1, and ``per_page``."""
        return self.numbered(request, "page", "per_page")

    def answer(self, request: Request, window: Window) -> Response:
        """Return a list, empty past the end."""
        headers = page_headers(request, window, self.setup.records, self.pages(window))
        return as_json(self.records(window), headers=headers)

    def announce(self, standing: Standing) -> Mapping[str, str]:
        """Return ``RateLimit-*``."""
        return announce.woocommerce_store(standing)

    def too_many(self, standing: Standing) -> Response:
        """Return a message that includes the seconds to wait."""
        text = f"Too many requests. Please wait {ceil(standing.reset)} seconds before trying again."
        return as_json({"code": "rate_limit_exceeded", "message": text, "data": {"status": 429}}, 429)


def _prices(units: int, spread: Record | None, currency: str) -> Record:
    return {
        "price": str(units),
        "regular_price": str(units + 1_000),
        "sale_price": str(units),
        "price_range": spread,
        "currency_code": currency,
        "currency_symbol": currency,
        "currency_minor_unit": DIGITS[currency],
        "currency_decimal_separator": ",",
        "currency_thousand_separator": ".",
        "currency_prefix": "",
        "currency_suffix": f" {currency}",
    }
