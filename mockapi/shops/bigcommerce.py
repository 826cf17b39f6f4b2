"""BigCommerce's V3 catalogue: paging data in ``meta.pagination``, and 150 requests per 30 seconds."""

from collections.abc import Mapping
from random import Random

from starlette.requests import Request
from starlette.responses import Response

from mockapi import announce
from mockapi.api import RefusedError, Window, as_json
from mockapi.content import amount, number, shortest, title
from mockapi.credentials import TOKEN
from mockapi.quota import Quota, Standing
from mockapi.shop import Record, Shop
from mockapi.truth import Truth


class Bigcommerce(Shop):
    """A shop whose categories are numbers; the first one counts."""

    name = "bigcommerce"
    path = "/stores/mockstore/v3/catalog/products"
    parameters = ("page", "limit")
    usual, most = 50, 250
    quota = Quota(150, 30.0)

    @property
    def route(self) -> str:
        """Return the route for any store."""
        return "/stores/{store}/v3/catalog/products"

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a product with a price as JSON number; every fifth has no category."""
        named, price = title(rng, index), shortest(amount(rng))
        categories = [] if index % 5 == 4 else [18 + index % 3, 23]
        record = {
            "id": 77 + index,
            "name": named.written,
            "type": "physical",
            "sku": f"B-{index + 1}",
            "price": number(price),
            "cost_price": 0,
            "sale_price": 0,
            "calculated_price": number(price),
            "categories": categories,
            "inventory_level": 61,
            "inventory_tracking": "none",
            "is_visible": True,
        }
        category = str(categories[0]) if categories else "uncategorized"
        return record, Truth(str(77 + index), named.meant, price, None, category)

    def authorize(self, request: Request) -> None:
        """Check ``X-Auth-Token``."""
        if request.headers.get("X-Auth-Token") != TOKEN:
            raise RefusedError(_problem(401, "Unauthorized"))

    def window(self, request: Request) -> Window:
        """Read ``page``, from 1, and ``limit``."""
        return self.numbered(request, "page", "limit")

    def answer(self, request: Request, window: Window) -> Response:  # noqa: ARG002 - the window is enough
        """Return ``data``, with links to other pages as query strings."""
        records, pages = self.records(window), self.pages(window)
        near = {"previous": window.page - 1, "current": window.page, "next": window.page + 1}
        links = {rel: f"?page={page}&limit={window.size}" for rel, page in near.items() if 1 <= page <= pages}
        pagination = {
            "total": self.setup.records,
            "count": len(records),
            "per_page": window.size,
            "current_page": window.page,
            "total_pages": pages,
            "links": links,
        }
        return as_json({"data": records, "meta": {"pagination": pagination}})

    def announce(self, standing: Standing) -> Mapping[str, str]:
        """Return ``X-Rate-Limit-*``."""
        return announce.bigcommerce(standing)

    def too_many(self, standing: Standing) -> Response:  # noqa: ARG002 - the headers report it
        """Return a problem, the format of all its errors."""
        return _problem(429, "Too Many Requests")


def _problem(status: int, text: str) -> Response:
    return as_json({"status": status, "title": text, "type": "/api-docs/getting-started/api-status-codes"}, status)
