"""eBay's Browse API: ``next`` URLs, prices with their currency, and access tokens that expire early."""

from collections.abc import Mapping, Sequence
from random import Random
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mockapi.api import RefusedError, Window, as_json
from mockapi.content import amount, cycled, decimal, title
from mockapi.credentials import bearer
from mockapi.quota import Quota, Standing
from mockapi.setup import Setup
from mockapi.shop import Record, Shop
from mockapi.tokens import Tokens
from mockapi.truth import Truth

_CATEGORIES = ("Lamps", "Cell Phones & Accessories", "Leuchten für Möbel")
_CURRENCIES = ("USD", "GBP", "EUR")


class EbayBrowse(Shop):
    """A shop with absolute ``next`` and ``prev`` URLs, and access tokens from a token endpoint."""

    name = "ebay_browse"
    path = "/buy/browse/v1/item_summary/search?q=lamp"
    parameters = ("offset", "limit")
    usual, most = 50, 200
    quota = Quota(5_000, 86_400.0)

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._tokens = Tokens(setup.token_requests)

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return an item in one of several currencies; the first category counts."""
        number, named = f"v1|{385_000_000_000 + index * 977}|0", title(rng, index)
        category, currency = cycled(_CATEGORIES, index), cycled(_CURRENCIES, index // 2)
        price = decimal(amount(rng))
        record = {
            "itemId": number,
            "title": named.written,
            "leafCategoryIds": ["20697"],
            "categories": [
                {"categoryId": "20697", "categoryName": category},
                {"categoryId": "11700", "categoryName": "Home & Garden"},
            ],
            "price": {"value": price, "currency": currency},
            "shippingOptions": [{"shippingCostType": "FIXED", "shippingCost": {"value": "4.90", "currency": "USD"}}],
            "itemHref": f"https://api.ebay.example/buy/browse/v1/item/{quote(number)}",
            "condition": "New",
            "buyingOptions": ["FIXED_PRICE"],
            "adultOnly": False,
        }
        return record, Truth(number, named.meant, price, currency, category.lower())

    def routes(self) -> Sequence[Route]:
        """Return the token endpoint."""
        return [Route("/identity/v1/oauth2/token", self._tokens.grant, methods=["POST"])]

    def authorize(self, request: Request) -> None:
        """Check the ``Bearer`` access token."""
        if not self._tokens.use(bearer(request)):
            raise RefusedError(_error(401, 1001, "OAuth", "Invalid access token"))

    def window(self, request: Request) -> Window:
        """Read ``offset`` and ``limit``; the search term ``q`` is required."""
        if not request.query_params.get("q"):
            raise RefusedError(_error(400, 12_001, "API_BROWSE", "The call must have a 'q' query parameter."))
        return Window(self.whole(request, "offset", 0), self.size(request, "limit"))

    def answer(self, request: Request, window: Window) -> Response:
        """Return ``itemSummaries``, which is omitted if empty."""
        start, size = window.start, window.size
        body = {"href": self._url(request, start, size), "total": self.setup.records, "limit": size, "offset": start}
        if not self.is_last(window):
            body["next"] = self._url(request, start + size, size)
        if start > 0:
            body["prev"] = self._url(request, max(0, start - size), size)
        if records := self.records(window):
            body["itemSummaries"] = records
        return as_json(body)

    def announce(self, standing: Standing) -> Mapping[str, str]:  # noqa: ARG002 - it reports nothing
        """Return no headers, as the real API."""
        return {}

    def too_many(self, standing: Standing) -> Response:  # noqa: ARG002 - it reports nothing
        """Return an error in the format of all its errors."""
        return _error(429, 2001, "ACCESS", "Too many requests")

    def _url(self, request: Request, offset: int, limit: int) -> str:
        return str(request.url.include_query_params(limit=limit, offset=offset))


def _error(status: int, number: int, domain: str, text: str) -> Response:
    error = {"errorId": number, "domain": domain, "category": "REQUEST", "message": text, "longMessage": f"{text}."}
    return as_json({"errors": [error]}, status)
