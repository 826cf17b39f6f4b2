"""commercetools' GraphQL API: a predicate with the last id, prices in minor units, and localized names."""

import re
from random import Random

from starlette.requests import Request

from mockapi.api import RefusedError, Window, as_json
from mockapi.content import DIGITS, amount, cycled, decimal, title
from mockapi.credentials import TOKEN, bearer
from mockapi.graphql import Body, GraphqlShop
from mockapi.shop import Record
from mockapi.truth import Truth

_AFTER = re.compile(r'id > "(\d+)"')


class Commercetools(GraphqlShop):
    """A project whose products are sorted by their ids."""

    name = "commercetools"
    path = "/mock-project/graphql"
    root = "products"

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a product with a price in minor units."""
        named, currency, units = title(rng, index), cycled(("EUR", "JPY", "KWD"), index), amount(rng)
        identity, digits = f"{index:08}", DIGITS[currency]
        value = {"centAmount": units, "currencyCode": currency, "fractionDigits": digits}
        current = {
            "nameAllLocales": [{"locale": "en", "value": named.written}],
            "categories": [{"nameAllLocales": [{"locale": "en", "value": "Sofas"}]}] if index % 2 else [],
            "masterVariant": {"sku": f"CT-{index}", "prices": [{"value": value}]},
        }
        category = "sofas" if index % 2 else "uncategorized"
        record = {"id": identity, "masterData": {"current": current}}
        return record, Truth(identity, named.meant, decimal(units, digits), currency, category)

    def authorize(self, request: Request) -> None:
        """Check the bearer token."""
        if bearer(request) != TOKEN:
            raise RefusedError(as_json({"statusCode": 401, "message": "invalid_token", "error": "invalid_token"}, 401))

    def part(self, variables: Body) -> Window:
        """Read ``where`` and ``limit``."""
        after = _AFTER.search(str(variables.get("where")))
        size = min(int(variables.get("limit") or 20), 500, self.setup.per_page)
        return Window(int(after[1]) + 1 if after else 0, size)

    def data(self, records: list[Record], window: Window) -> Body:  # noqa: ARG002 - the page has no other signs
        """Return the results."""
        return {"products": {"results": records}}
