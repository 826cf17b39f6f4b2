"""Fake APIs in each paging style, for tests under a virtual clock."""

from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import trio

from helpers.support import ok, reply

HOME = "http://shop.test/api/products?lang=en"

Query = dict[str, str]
Server = Callable[[Query, list[dict[str, Any]], int], httpx.Response]


def part(items: list[Any], start: int, size: int) -> list[Any]:
    return items[start : start + size]


def by_page(query: Query, items: list[Any], size: int) -> httpx.Response:
    return ok(part(items, (int(query.get("page", 1)) - 1) * size, size))


def by_page_from_zero(query: Query, items: list[Any], size: int) -> httpx.Response:
    number = int(query.get("page", 0))
    pages = -(-len(items) // size)
    body = {"content": part(items, number * size, size), "number": number, "first": number == 0, "totalPages": pages}
    return ok(body)


def by_offset(query: Query, items: list[Any], size: int) -> httpx.Response:
    skip = int(query.get("skip", 0))
    found = part(items, skip, min(size, int(query.get("limit", size))))
    return ok({"products": found, "total": len(items), "skip": skip, "limit": len(found)})


def by_cursor(query: Query, items: list[Any], size: int) -> httpx.Response:
    start = int(query.get("cursor", "c0")[1:])
    behind = start + size
    return ok({"items": part(items, start, size), "next_cursor": f"c{behind}" if behind < len(items) else ""})


def by_page_token(query: Query, items: list[Any], size: int) -> httpx.Response:
    start = int(query.get("pageToken", "0"))
    more = {"nextPageToken": str(start + size)} if start + size < len(items) else {}
    return ok({"items": part(items, start, size), **more})


def by_header(query: Query, items: list[Any], size: int) -> httpx.Response:
    """Answer by a cursor in a header, with a flag in another one that is false on the last page."""
    start = int(query.get("token", 0))
    more = start + size < len(items)
    headers = {"X_More": str(more).lower(), "X_Next_Token": str(start + size)}
    return reply(200, msgspec.json.encode(part(items, start, size)), **headers)


def by_stuck_cursor(query: Query, items: list[Any], size: int) -> httpx.Response:
    """Answer by cursor; the last page repeats its own cursor."""
    start = int(query.get("cursor", "0"))
    following = start + size if start + size < len(items) else start
    return ok({"items": part(items, start, size), "next_cursor": str(following or "")})


def by_next_url(query: Query, items: list[Any], size: int) -> httpx.Response:
    start = int(query.get("after_item", 0))
    following = f"/api/products?lang=en&after_item={start + size}" if start + size < len(items) else None
    return ok({"items": part(items, start, size), "paging": {"next": following}})


def by_link_header(query: Query, items: list[Any], size: int) -> httpx.Response:
    start = int(query.get("page_info", "p0")[1:])
    links = [f'<{HOME}&page_info=p{start + size}>; rel="next"'] if start + size < len(items) else []
    links.append(f'<{HOME}>; rel="prev"')  # even on the first page, as some real servers do
    return reply(200, msgspec.json.encode({"products": part(items, start, size)}), Link=", ".join(links))


def by_last_id(query: Query, items: list[Any], size: int) -> httpx.Response:
    start = int(query.get("starting_after", 0))
    return ok({"object": "list", "data": part(items, start, size), "has_more": start + size < len(items)})


def at_once(query: Query, items: list[Any], size: int) -> httpx.Response:
    return ok({"products": items})


class Shop(httpx.AsyncBaseTransport):
    """A fake API with pages of ``size`` items; ``broken`` requests (counted from 1) get a 404."""

    def __init__(
        self, server: Server, items: int, size: int, broken: frozenset[int] = frozenset(), latency: float = 1
    ) -> None:
        self.latency = latency
        self.server, self.size, self.broken = server, size, broken
        self.items = [{"id": str(number)} for number in range(1, items + 1)]
        self.asked: list[Query] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await trio.sleep(self.latency)
        self.asked.append(dict(request.url.params))
        assert request.url.params["lang"] == "en", "the URL's own query is kept"
        if len(self.asked) in self.broken:
            return reply(404)
        return self.server(dict(request.url.params), self.items, self.size)
