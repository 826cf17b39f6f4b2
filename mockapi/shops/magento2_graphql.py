"""Magento 2's GraphQL API: page numbers in the variables, and an error for a page after the last one."""

from random import Random

from mockapi.api import RefusedError, Window, as_json
from mockapi.content import DIGITS, amount, cycled, number, shortest, title
from mockapi.graphql import Body, GraphqlShop
from mockapi.shop import Record
from mockapi.truth import Truth


class Magento2Graphql(GraphqlShop):
    """A shop whose prices are numbers with a currency."""

    name = "magento2_graphql"
    path = "/graphql"
    root = "products"

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a product."""
        named, currency = title(rng, index), cycled(("EUR", "JPY"), index)
        price = shortest(amount(rng), DIGITS[currency])
        record = {
            "sku": f"24-MB{index:02}",
            "name": named.written,
            "categories": [{"name": "Gear"}, {"name": "Bags"}] if index % 3 else [],
            "price_range": {"minimum_price": {"final_price": {"value": number(price), "currency": currency}}},
        }
        category = "gear" if index % 3 else "uncategorized"
        return record, Truth(str(record["sku"]), named.meant, price, currency, category)

    def part(self, variables: Body) -> Window:
        """Read ``currentPage`` and ``pageSize``."""
        page, size = variables.get("currentPage"), variables.get("pageSize")
        if not isinstance(page, int) or not isinstance(size, int):
            error = {"message": 'Variable "$currentPage" got invalid value; Int cannot represent non-integer value'}
            raise RefusedError(as_json({"errors": [error]}))
        size = min(size, self.setup.per_page)
        if (page - 1) * size >= self.setup.records:
            last = -(-self.setup.records // size)
            message = f"currentPage value {page} specified is greater than the {last} page(s) available."
            errors = [{"message": message, "extensions": {"category": "graphql-input"}}]
            raise RefusedError(as_json({"errors": errors, "data": {"products": None}}))
        return Window((page - 1) * size, size)

    def data(self, records: list[Record], window: Window) -> Body:
        """Return the items, their total and the number of pages."""
        info = {"current_page": window.page, "page_size": window.size, "total_pages": self.pages(window)}
        return {"products": {"total_count": self.setup.records, "items": records, "page_info": info}}
