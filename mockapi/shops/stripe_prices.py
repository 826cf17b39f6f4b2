"""Stripe's prices: the last id as cursor, and amounts in minor units of several currencies."""

from collections.abc import Mapping
from random import Random
from re import fullmatch

from starlette.requests import Request
from starlette.responses import Response

from mockapi.api import RefusedError, Window, as_json
from mockapi.content import DIGITS, amount, cycled, decimal
from mockapi.credentials import TOKEN, basic, bearer
from mockapi.quota import Quota, Standing
from mockapi.shop import Record, Shop
from mockapi.truth import Truth

_CURRENCIES = ("USD", "JPY", "KWD", "EUR")
_ID = r"price_1Mock(\d{10})"


class StripePrices(Shop):
    """A shop whose records are prices, with the id of a product as title and without category."""

    name = "stripe_prices"
    path = "/v1/prices"
    parameters = ("starting_after", "limit")
    usual, most = 10, 100
    quota = Quota(25, 1.0)

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a price; every sixth has its amount only in ``unit_amount_decimal``."""
        number, product = f"price_1Mock{index:010}", f"prod_Mock{index:010}"
        currency, units = cycled(_CURRENCIES, index), amount(rng)
        record = {
            "id": number,
            "object": "price",
            "active": True,
            "billing_scheme": "per_unit",
            "created": 1_680_893_993 + index,
            "currency": currency.lower(),
            "livemode": False,
            "metadata": {},
            "nickname": None,
            "product": product,
            "type": "one_time",
            "unit_amount": None if index % 6 == 4 else units,
            "unit_amount_decimal": str(units),
        }
        return record, Truth(number, product, decimal(units, DIGITS[currency]), currency)

    def authorize(self, request: Request) -> None:
        """Check the secret key, a ``Bearer`` token or a ``Basic`` user without password."""
        if bearer(request) != TOKEN and basic(request) != (TOKEN, ""):
            raise RefusedError(_error(401, "Invalid API Key provided"))

    def window(self, request: Request) -> Window:
        """Read ``limit`` and ``starting_after``, the last id that the client has."""
        size, last = self.size(request, "limit"), request.query_params.get("starting_after")
        if last is None:
            return Window(0, size)
        match = fullmatch(_ID, last)
        if match is None or int(match[1]) >= self.setup.records:
            text = f"No such price: '{last}'"
            raise RefusedError(_error(400, text, code="resource_missing", param="starting_after"))
        return Window(int(match[1]) + 1, size)

    def answer(self, request: Request, window: Window) -> Response:  # noqa: ARG002 - the window is enough
        """Return ``data`` and ``has_more``."""
        more = not self.is_last(window)
        return as_json({"object": "list", "url": "/v1/prices", "has_more": more, "data": self.records(window)})

    def announce(self, standing: Standing) -> Mapping[str, str]:  # noqa: ARG002 - it reports nothing
        """Return no headers, as the real API."""
        return {}

    def too_many(self, standing: Standing) -> Response:  # noqa: ARG002 - it reports nothing
        """Return an error with the code ``rate_limit``."""
        return _error(429, "Too many requests hit the API too quickly.", code="rate_limit")


def _error(status: int, text: str, **more: str) -> Response:
    return as_json({"error": {"message": text, "type": "invalid_request_error", **more}}, status)
