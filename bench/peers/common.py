"""Peer: asyncio and httpx in the common style, one page at a time, each item normalized in a thread pool.

``python bench/peers/common.py OUTPUT RPS URL…``. RPS 0 is no limit; otherwise it sleeps before each request.
"""

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from shape import product_of

Product = dict[str, Any]


async def fetch(name: str, url: str, rps: float, pool: ThreadPoolExecutor, products: dict[str, Product]) -> None:
    """Fetch one endpoint until a page is empty; wait and retry after a 429."""
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        page = 1
        while True:
            if rps:
                await asyncio.sleep(1 / rps)
            response = await client.get(url, params={"page": page})
            if response.status_code == 429:
                await asyncio.sleep(float(response.headers.get("retry-after", 1)))
                continue
            records = response.raise_for_status().json()["products"]
            if not records:
                return
            done = await asyncio.gather(*(loop.run_in_executor(pool, product_of, name, record) for record in records))
            products.update((product["id"], product) for product in done if product)
            page += 1


async def main(rps: float, urls: list[str]) -> list[Product]:
    """Fetch all endpoints at once."""
    products: dict[str, Product] = {}
    with ThreadPoolExecutor(4) as pool:
        await asyncio.gather(
            *(fetch(f"api{number}", url, rps, pool, products) for number, url in enumerate(urls, start=1))
        )
    return list(products.values())


if __name__ == "__main__":
    fetched = asyncio.run(main(float(sys.argv[2]), sys.argv[3:]))
    Path(sys.argv[1]).write_text(json.dumps({"products": fetched}))
