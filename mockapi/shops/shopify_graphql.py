"""Shopify's GraphQL Admin API: a connection of variants, and queries that cost points of a bucket."""

from random import Random

from starlette.requests import Request

from mockapi.api import RefusedError, Window, as_json
from mockapi.content import amount, decimal, title
from mockapi.credentials import TOKEN
from mockapi.cursor import cursor_at, start_of
from mockapi.graphql import Body, GraphqlShop
from mockapi.shop import Record
from mockapi.truth import Truth


class ShopifyGraphql(GraphqlShop):
    """A shop whose records are variants, three of each product; prices are texts in the currency of the shop."""

    name = "shopify_graphql"
    path = "/admin/api/2026-10/graphql.json"
    root = "productVariants"
    points = (1000.0, 50.0)

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a variant with its product."""
        product, variant = 7_000_000_000_000 + index // 3, 40_000_000_000_000 + index
        named, price = title(rng, index), decimal(amount(rng))
        record = {
            "id": f"gid://shopify/ProductVariant/{variant}",
            "legacyResourceId": str(variant),
            "title": "SML"[index % 3],
            "sku": f"SKU-{index}",
            "price": price,
            "product": {
                "id": f"gid://shopify/Product/{product}",
                "legacyResourceId": str(product),
                "title": named.written,
                "productType": "Lamps" if index % 2 else "",
            },
        }
        category = "lamps" if index % 2 else "uncategorized"
        return record, Truth(f"{product}:{variant}", named.meant, price, "SEK", category)

    def authorize(self, request: Request) -> None:
        """Check ``X-Shopify-Access-Token``."""
        if request.headers.get("X-Shopify-Access-Token") != TOKEN:
            raise RefusedError(as_json({"errors": "[API] Invalid API key or access token"}, 401))

    def part(self, variables: Body) -> Window:
        """Read ``first`` and ``after``."""
        size = min(int(variables.get("first") or self.setup.per_page), 250, self.setup.per_page)
        return Window(start_of(str(variables.get("after") or "")) or 0, size)

    def data(self, records: list[Record], window: Window) -> Body:
        """Return the currency, the nodes and the cursor of the next page."""
        has_next = not self.is_last(window)
        info = {"hasNextPage": has_next, "endCursor": cursor_at(window.start + window.size)}
        return {"shop": {"currencyCode": "SEK"}, "productVariants": {"nodes": records, "pageInfo": info}}
