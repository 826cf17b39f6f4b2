"""Shopify's REST Admin API: cursors in the ``Link`` header, and a bucket of 40 calls that leaks two per second."""

from collections.abc import Mapping
from random import Random
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from mockapi import announce
from mockapi.api import RefusedError, Window, as_json
from mockapi.content import cycled
from mockapi.credentials import TOKEN
from mockapi.cursor import cursor_at, start_of
from mockapi.quota import Quota, Standing
from mockapi.shop import Record, Shop
from mockapi.shops.shopify_storefront import product
from mockapi.truth import Truth

_CURRENCIES = ("USD", "EUR", "JPY", "KWD")


class ShopifyAdmin(Shop):
    """A shop whose records are products, priced as their cheapest variant in the currency of ``presentment_prices``."""

    name = "shopify_admin"
    path = "/admin/api/2025-01/products.json"
    parameters = ("page_info", "limit")
    usual, most = 50, 250
    quota = Quota(40, 20.0, "bucket")

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a product of the storefront with currencies, and with tags as text."""
        record, truth = product(rng, index, cycled(_CURRENCIES, index))
        admins = {
            "tags": "mock, sample",
            "status": "active",
            "admin_graphql_api_id": f"gid://shopify/Product/{truth.id}",
        }
        return {**record, **admins}, truth

    def authorize(self, request: Request) -> None:
        """Check ``X-Shopify-Access-Token``."""
        if request.headers.get("X-Shopify-Access-Token") != TOKEN:
            raise RefusedError(as_json({"errors": "[API] Invalid API key or access token"}, 401))

    def window(self, request: Request) -> Window:
        """Read ``limit`` and ``page_info``, which replaces all other parameters and excludes them."""
        size, page_info = self.size(request, "limit"), request.query_params.get("page_info")
        if page_info is None:
            return Window(0, size)
        others = sorted(set(request.query_params) - {"limit", "page_info"})
        if others:
            raise RefusedError(as_json({"errors": {others[0]: f"{others[0]} cannot be passed with page_info"}}, 400))
        start = start_of(page_info)
        if start is None:
            raise RefusedError(as_json({"errors": {"page_info": "Invalid value."}}, 400))
        return Window(start, size)

    def answer(self, request: Request, window: Window) -> Response:
        """Return ``products``, with the previous and next page in the ``Link`` header (RFC 8288)."""
        starts = {}
        if window.start > 0:
            starts["previous"] = max(0, window.start - window.size)
        if not self.is_last(window):
            starts["next"] = window.start + window.size
        links = [f'<{_url(request, start, window.size)}>; rel="{rel}"' for rel, start in starts.items()]
        return as_json({"products": self.records(window)}, headers={"Link": ", ".join(links)} if links else None)

    def announce(self, standing: Standing) -> Mapping[str, str]:
        """Return ``X-Shopify-Shop-Api-Call-Limit``."""
        return announce.shopify(standing)

    def too_many(self, standing: Standing) -> Response:  # noqa: ARG002 - the headers report it
        """Return ``errors`` as text."""
        return as_json({"errors": "Exceeded 2 calls per second for api client."}, 429)


def _url(request: Request, start: int, size: int) -> str:
    return str(request.url.replace(query=urlencode({"limit": size, "page_info": cursor_at(start)})))
