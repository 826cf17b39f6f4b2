"""Saleor: a relay connection with edges, prices as numbers, and a channel."""

from random import Random

from mockapi.api import RefusedError, Window, as_json
from mockapi.content import DIGITS, amount, cycled, number, shortest, title
from mockapi.cursor import cursor_at, start_of
from mockapi.graphql import Body, GraphqlShop
from mockapi.shop import Record
from mockapi.truth import Truth


class Saleor(GraphqlShop):
    """A shop with one channel; every fifth product is not available there and has no price."""

    name = "saleor"
    path = "/graphql/"
    root = "products"

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return an edge of a product."""
        named, currency = title(rng, index), cycled(("USD", "PLN"), index // 4)
        price = None if index % 5 == 4 else shortest(amount(rng), DIGITS.get(currency, 2))
        gross = {"amount": None if price is None else number(price), "currency": currency}
        node = {
            "id": f"UHJvZHVjdDo{index}",
            "name": named.written,
            "category": {"name": "Juices"} if index % 3 else None,
            "pricing": None if price is None else {"priceRange": {"start": {"gross": gross}}},
        }
        category = "juices" if index % 3 else "uncategorized"
        truth = Truth(str(node["id"]), named.meant, price, None if price is None else currency, category)
        return {"node": node}, truth

    def part(self, variables: Body) -> Window:
        """Read ``first``, ``after`` and ``channel``, without which there are no prices."""
        if variables.get("channel") != "default-channel":
            error = {"message": "Channel does not exist.", "extensions": {"exception": {"code": "GraphQLError"}}}
            raise RefusedError(as_json({"errors": [error], "data": {"products": None}}))
        size = min(int(variables.get("first") or 0), 100, self.setup.per_page)
        return Window(start_of(str(variables.get("after") or "")) or 0, size)

    def data(self, records: list[Record], window: Window) -> Body:
        """Return the edges, their total and the cursor of the next page."""
        info = {"hasNextPage": not self.is_last(window), "endCursor": cursor_at(window.start + window.size)}
        return {"products": {"totalCount": self.setup.records, "edges": records, "pageInfo": info}}
