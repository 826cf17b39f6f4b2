"""Peer: aiohttp and orjson, written by hand, for unkind records.

``python bench/peers/aiohttp_unkind.py OUTPUT RPS URL…``; RPS is ignored.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from unkind import category_of, price_of, title_of

Product = dict[str, Any]


class Api:
    """One endpoint and its products."""

    def __init__(self, session: aiohttp.ClientSession, name: str, url: str) -> None:
        self._session, self._name, self._url = session, name, url
        self.products: dict[str, Product] = {}

    async def walk(self) -> None:
        """Fetch pages until one is empty."""
        page = 1
        while await self._page(page):
            page += 1

    async def _page(self, page: int) -> int:
        """Fetch one page, keep its products, and return the number of its records."""
        async with self._session.get(self._url, params={"page": page}) as response:
            response.raise_for_status()
            records = orjson.loads(await response.read())["products"]
        for record in records:
            if not isinstance(record, dict) or record["id"] is None:
                continue
            identity = f"{self._name}:{record['id']}"
            self.products[identity] = {
                "id": identity,
                "title": title_of(record["name"]),
                "source": self._name,
                "price": float(price_of(record["price"])),
                "currency": None,
                "category": category_of(record["category"]),
            }
        return len(records)


async def main(output: str, urls: list[str]) -> None:
    """Fetch all endpoints at once and write one file."""
    async with aiohttp.ClientSession() as session:
        apis = [Api(session, f"api{number}", url) for number, url in enumerate(urls, start=1)]
        await asyncio.gather(*(api.walk() for api in apis))
    products = [product for api in apis for product in api.products.values()]
    Path(output).write_bytes(orjson.dumps({"products": products}))  # noqa: ASYNC240 - the end


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[3:]))
