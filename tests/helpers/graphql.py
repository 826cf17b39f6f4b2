"""A GraphQL server under a virtual clock: a relay connection, scripted errors, and a bucket of points."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import msgspec
import trio

from helpers.support import ok, records
from pipeline.config.endpoint import RateLimit
from pipeline.config.request import Method, Request
from pipeline.config.source import Paging, PagingStyle

QUERY = "query ($first: Int!, $after: String) { products(first: $first, after: $after) { nodes { id } } }"
REQUEST = Request(method=Method.POST, json={"query": QUERY, "variables": {"first": 2, "after": None}})
RELAY = Paging(
    style=PagingStyle.CURSOR,
    into="json.variables.after",
    path="data.products.pageInfo.endCursor",
    has_more="data.products.pageInfo.hasNextPage",
)
NO_RATE = RateLimit(rps=0, concurrency=4)
PAGES = 6


def page(number: int) -> dict[str, Any]:
    has_next = number < PAGES
    info = {"hasNextPage": has_next, "endCursor": f"c{number + 1}" if has_next else None}
    return {"products": {"nodes": records(number, 2), "pageInfo": info}}


class GraphQL(httpx.AsyncBaseTransport):
    """A GraphQL server of six pages; ``script[page]`` has the members that replace those of its first answers.

    With ``price`` and ``rate``, each query costs that many points of a bucket of 100, refilled at that rate.
    """

    def __init__(
        self, script: Mapping[int, Sequence[Mapping[str, Any]]] | None = None, *, price: float = 0, rate: float = 1
    ) -> None:
        self.script = {number: list(answers) for number, answers in (script or {}).items()}
        self.price, self.rate = price, rate
        self.asked: list[int] = []
        self.refused = 0
        self.began_at = self.updated_at = trio.current_time()
        self.points = 100.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await trio.sleep(0.05)
        variables = msgspec.json.decode(await request.aread())["variables"]
        number = int((variables["after"] or "c1")[1:])
        self.asked.append(number)
        now = trio.current_time()
        self.points = min(100.0, self.points + self.rate * (now - self.updated_at))
        self.updated_at = now
        is_refused = self.price > self.points
        self.points -= 0 if is_refused else self.price
        body: dict[str, Any] = {"data": page(number)}
        if self.script.get(number):
            body |= self.script[number].pop(0)
        if is_refused:
            self.refused += 1
            body = {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}
        if self.price:
            status = {"maximumAvailable": 100, "currentlyAvailable": int(self.points), "restoreRate": self.rate}
            body["extensions"] = {"cost": {"requestedQueryCost": self.price, "throttleStatus": status}}
        return ok(body)


EVERYTHING = [record["id"] for number in range(1, PAGES + 1) for record in records(number, 2)]

# Page 3 without its second record.
INCOMPLETE = {
    "errors": [{"message": "no access to the second node", "path": ["products", "nodes", 1]}],
    "data": {"products": {**page(3)["products"], "nodes": records(3, 1)}},
}
