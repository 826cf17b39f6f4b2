"""Baseline: a bare Trio + httpx + msgspec script that does the pipeline's work without its guarantees.

It has no limiter, retry, breaker, journal, threads or account: one page at a time per endpoint, typed decoding, one
list of products, one file. ``python bench/peers/bare.py OUTPUT RPS URL…``; RPS is ignored.
"""

import html
import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import httpx
import msgspec
import trio


class Record(msgspec.Struct):
    """The fields of a record that are used."""

    id: int
    name: str
    price: Decimal
    category: str


class Body(msgspec.Struct):
    """A page."""

    products: list[Record]


async def fetch(name: str, url: str, products: dict[str, bytes]) -> None:
    """Fetch one endpoint until a page is empty."""
    decode = msgspec.json.Decoder(Body).decode
    encode = msgspec.json.Encoder(decimal_format="number").encode
    async with httpx.AsyncClient(trust_env=False) as client:
        page = 0
        while True:
            page += 1
            records = decode((await client.get(url, params={"page": page})).content).products
            if not records:
                return
            for record in records:
                identity = f"{name}:{record.id}"
                products[identity] = encode(
                    {
                        "id": identity,
                        "title": html.unescape(record.name).strip(),
                        "source": name,
                        "price": record.price,
                        "currency": None,
                        "category": record.category.lower(),
                    }
                )


async def main(output: str, urls: list[str], fetch: Callable[[str, str, dict[str, bytes]], Awaitable[None]]) -> None:
    """Fetch all endpoints at once and write one file."""
    products: dict[str, bytes] = {}
    async with trio.open_nursery() as nursery:
        for number, url in enumerate(urls, start=1):
            nursery.start_soon(fetch, f"api{number}", url, products)
    Path(output).write_bytes(b'{"products": [' + b",\n".join(products.values()) + b"]}")  # noqa: ASYNC240 - the end


if __name__ == "__main__":
    trio.run(main, sys.argv[1], sys.argv[3:], fetch)
