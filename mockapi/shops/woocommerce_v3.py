"""WooCommerce's REST API, version 3: a list at the root, and paging data in the headers."""

from random import Random

from starlette.requests import Request
from starlette.responses import Response

from mockapi.api import RefusedError, Window, as_json
from mockapi.content import amount, cycled, decimal, title
from mockapi.credentials import KEY, SECRET, basic
from mockapi.shop import Record, Shop
from mockapi.truth import Truth
from mockapi.wordpress import categories, page_headers

_CATEGORIES = (("Home &amp; Garden", "home & garden"), ("Événements", "événements"), ("Music", "music"), ("", ""))


class WoocommerceV3(Shop):
    """A shop with names in HTML; grouped products have no price."""

    name = "woocommerce_v3"
    path = "/wp-json/wc/v3/products"
    parameters = ("page", "per_page")
    usual, most = 10, 100

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a product; every fifth is grouped, with an empty string as price."""
        number, named, is_grouped = 282 + index, title(rng, index), index % 5 == 3
        price = "" if is_grouped else decimal(amount(rng))
        written, meant = _CATEGORIES[index % len(_CATEGORIES)]
        record = {
            "id": number,
            "name": named.written,
            "slug": f"product-{number}",
            "permalink": f"https://shop.example/product/product-{number}/",
            "date_created_gmt": "2025-02-19T17:33:31",
            "type": "grouped" if is_grouped else cycled(("simple", "booking"), index),
            "status": "publish",
            "sku": "" if index % 2 else f"W-{number}",
            "price": price,
            "regular_price": price,
            "sale_price": "",
            "price_html": f'<span class="amount">{price}</span>',
            "on_sale": False,
            "categories": categories(written),
            "images": [],
        }
        return record, Truth(str(number), named.meant, price or None, None, meant or "uncategorized")

    def authorize(self, request: Request) -> None:
        """Check consumer key and secret, the ``Basic`` user and password."""
        if basic(request) != (KEY, SECRET):
            text = "Sorry, you cannot list resources."
            body = {"code": "woocommerce_rest_cannot_view", "message": text, "data": {"status": 401}}
            raise RefusedError(as_json(body, 401))

    def window(self, request: Request) -> Window:
        """Read ``page``, from 1, and ``per_page``."""
        return self.numbered(request, "page", "per_page")

    def answer(self, request: Request, window: Window) -> Response:
        """Return a list, empty past the end."""
        headers = page_headers(request, window, self.setup.records, self.pages(window))
        return as_json(self.records(window), headers=headers)
