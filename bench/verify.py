"""Counts the products of an output, each id once; only those that are in the catalogue's shape.

``python bench/verify.py OUTPUT``. OUTPUT is a document with ``products`` (.json), a product a line (.jsonl), a Singer
message a line (.singer), or dlt's folder. A process of its own, since it takes more memory than what is measured.
"""

import html
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Product(msgspec.Struct):
    """In the shape that all agree on. dlt leaves out what is null."""

    id: str
    title: str
    source: str
    price: float
    category: str
    currency: None = None

    @property
    def is_normalized(self) -> bool:
        """Whether the work was done on it."""
        return (
            self.id.startswith(f"{self.source}:")
            and self.title == html.unescape(self.title).strip()
            and self.category == self.category.lower()
        )


class Document(msgspec.Struct):
    """What most write."""

    products: list[Product]


class Message(msgspec.Struct):
    """What a Singer tap writes; other messages than records have none."""

    record: Product | None = None


def lines(file: Path, kind: type[T]) -> Iterator[T]:
    """One of a kind in each line."""
    decode = msgspec.json.Decoder(kind).decode
    with file.open("rb") as encoded:
        yield from map(decode, encoded)


def products(output: Path) -> Iterator[Product]:
    """All of them, in whatever form they are."""
    match output.suffix:
        case ".json":
            yield from msgspec.json.decode(output.read_bytes(), type=Document).products
        case ".jsonl":
            yield from lines(output, Product)
        case ".singer":
            yield from (message.record for message in lines(output, Message) if message.record)
        case _:
            for file in output.glob("*/products/*.jsonl"):
                yield from lines(file, Product)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    found = products(path) if path.exists() else ()
    print(len({product.id for product in found if product.is_normalized}))
