"""Peer: aiohttp and orjson, written by hand.

``python bench/peers/aiohttp_orjson.py OUTPUT RPS URL…``. RPS 0 is no limit; otherwise requests leave
1 / RPS seconds apart.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from shape import product_of

Product = dict[str, Any]


class Pace:
    """A pace of one request every ``1 / rps`` seconds; 0 is no limit."""

    def __init__(self, rps: float) -> None:
        self._interval = 1 / rps if rps else 0.0
        self._next = 0.0

    async def wait(self) -> None:
        """Wait until the next request may start."""
        now = asyncio.get_running_loop().time()
        at = self._next = max(now, self._next + self._interval)
        await asyncio.sleep(at - now)


class Api:
    """One endpoint and its products."""

    def __init__(self, session: aiohttp.ClientSession, name: str, url: str, pace: Pace) -> None:
        self._session, self._name, self._url, self._pace = session, name, url, pace
        self.products: dict[str, Product] = {}

    async def walk(self) -> None:
        """Fetch pages until one is empty, or all at once if their number is announced."""
        first = await self._page(1)
        if "total_pages" in first:
            await asyncio.gather(*(self._page(page) for page in range(2, first["total_pages"] + 1)))
            return
        page = 1
        while (await self._page(page := page + 1))["products"]:
            pass

    async def _page(self, page: int) -> dict[str, Any]:
        """Fetch one page and keep its products; wait and retry after a 429."""
        while True:
            await self._pace.wait()
            async with self._session.get(self._url, params={"page": page}) as response:
                if response.status == 429:
                    await asyncio.sleep(float(response.headers.get("Retry-After", 1)))
                    continue
                response.raise_for_status()
                body: dict[str, Any] = orjson.loads(await response.read())
            for record in body["products"]:
                if product := product_of(self._name, record):
                    self.products[product["id"]] = product
            return body


async def main(output: str, rps: float, urls: list[str]) -> None:
    """Fetch all endpoints at once and write one file."""
    async with aiohttp.ClientSession() as session:
        apis = [Api(session, f"api{number}", url, Pace(rps)) for number, url in enumerate(urls, start=1)]
        await asyncio.gather(*(api.walk() for api in apis))
    products = [product for api in apis for product in api.products.values()]
    Path(output).write_bytes(orjson.dumps({"products": products}))  # noqa: ASYNC240 - the end


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), sys.argv[3:]))
