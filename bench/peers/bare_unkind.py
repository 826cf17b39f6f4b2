"""The bare script for unkind records: it skips those that are not objects, and reads prices from text.

Like ``bare.py`` it has none of the pipeline's guarantees. ``python bench/peers/bare_unkind.py OUTPUT RPS URL…``; RPS is
ignored.
"""

import sys
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import trio
from bare import main
from shape import category_of, price_of, title_of


class Record(msgspec.Struct):
    """The fields of a record that are used."""

    id: int
    name: str
    price: str
    category: Any


class Body(msgspec.Struct):
    """A page."""

    products: list[msgspec.Raw]


async def fetch(name: str, url: str, products: dict[str, bytes]) -> None:
    """Fetch one endpoint until a page is empty."""
    decode = msgspec.json.Decoder(Body).decode
    decode_record = msgspec.json.Decoder(Record).decode
    encode = msgspec.json.Encoder(decimal_format="number").encode
    async with httpx.AsyncClient(trust_env=False) as client:
        page = 0
        while True:
            page += 1
            records = decode((await client.get(url, params={"page": page})).content).products
            if not records:
                return
            for raw in records:
                try:
                    record = decode_record(raw)
                except msgspec.ValidationError:
                    continue
                identity = f"{name}:{record.id}"
                products[identity] = encode(
                    {
                        "id": identity,
                        "title": title_of(record.name),
                        "source": name,
                        "price": Decimal(price_of(record.price)),
                        "currency": None,
                        "category": category_of(record.category),
                    }
                )


if __name__ == "__main__":
    trio.run(main, sys.argv[1], sys.argv[3:], fetch)
