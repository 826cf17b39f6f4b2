"""Shops with a GraphQL API: ``query`` and ``variables``, errors with status 200, and queries that cost points."""

from abc import abstractmethod
from typing import Any

import anyio
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mockapi.api import RefusedError, Window, as_json
from mockapi.setup import Setup
from mockapi.shop import Record, Shop

Body = dict[str, Any]


class PointBucket:
    """A bucket of points, from which queries are paid and which is refilled continuously. Times are on any clock."""

    def __init__(self, maximum: float, rate: float) -> None:
        self.maximum, self.rate = maximum, rate
        self.available = maximum
        self.used = 0.0
        self.refused = 0
        self._updated_at: float | None = None
        self._started_at = 0.0

    def pay(self, price: float, now: float) -> bool:
        """Take the price of a query and return True, or count a refusal if there are not enough points."""
        if self._updated_at is None:
            self._updated_at = self._started_at = now
        self.available = min(self.maximum, self.available + self.rate * (now - self._updated_at))
        self._updated_at = now
        if price > self.available:
            self.refused += 1
            return False
        self.available -= price
        self.used += price
        return True

    def report(self) -> dict[str, float]:
        """Return the points that were used, those that were offered up to the last query, and the refusals."""
        seconds = (self._updated_at or 0.0) - self._started_at
        return {"used": self.used, "offered": self.maximum + self.rate * seconds, "refused": self.refused}


class GraphqlShop(Shop):
    """A shop that answers one query, which must contain ``root``. Which fields it asks for is not interpreted.

    ``points`` are the size of its bucket and the points restored a second, None if queries cost nothing.
    """

    methods = ("POST",)
    root: str
    points: tuple[float, float] | None = None

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.bucket = PointBucket(*self.points) if self.points else None

    def routes(self) -> list[BaseRoute]:
        """Return the route of the bucket's report."""
        return [Route("/points", lambda _: as_json(self.bucket.report() if self.bucket else {}))]

    def window(self, request: Request) -> Window:
        """Read the page from the variables of the query."""
        try:
            body = msgspec.json.decode(request.state.body, type=dict[str, Any])
        except msgspec.DecodeError:
            raise RefusedError(as_json({"errors": [{"message": "The body is not JSON."}]}, 400)) from None
        if self.root not in str(body.get("query")):
            message = f"Cannot query other fields than {self.root} on type Query."
            errors = [{"message": message, "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}]
            raise RefusedError(as_json({"errors": errors}))
        return self.part(body.get("variables") or {})

    @abstractmethod
    def part(self, variables: Body) -> Window:
        """Return the window that the variables ask for."""

    @abstractmethod
    def data(self, records: list[Record], window: Window) -> Body:
        """Return the ``data`` of a page."""

    def price(self, window: Window) -> float:
        """Return the points that a page costs."""
        return 2.0 + window.size

    def answer(self, request: Request, window: Window) -> Response:  # noqa: ARG002 - the window is enough
        """Return a page, or the error of a query that costs more points than there are."""
        if self.bucket is None:
            return as_json({"data": self.data(self.records(window), window)})
        price = self.price(window)
        is_paid = self.bucket.pay(price, anyio.current_time())
        status = {
            "maximumAvailable": self.bucket.maximum,
            "currentlyAvailable": int(self.bucket.available),
            "restoreRate": self.bucket.rate,
        }
        cost = {
            "requestedQueryCost": price,
            "actualQueryCost": price if is_paid else None,
            "throttleStatus": status,
        }
        if not is_paid:
            error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return as_json({"errors": [error], "extensions": {"cost": cost}})
        return as_json({"data": self.data(self.records(window), window), "extensions": {"cost": cost}})

    def no_data(self) -> Response:
        """Return an error without data, which passes."""
        error = {"message": "Internal error.", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
        return as_json({"errors": [error], "data": None})

    def part_of_data(self, window: Window) -> Response:
        """Return a page without its last record, and an error about that."""
        error = {"message": "Access denied for the last node.", "extensions": {"code": "ACCESS_DENIED"}}
        return as_json({"errors": [error], "data": self.data(self.records(window)[:-1], window)})
