"""Count the valid products of an output, each id once.

``python bench/verify.py OUTPUT``. OUTPUT is a document with ``products`` (.json), one product per line (.jsonl), one
Singer message per line (.singer), or dlt's folder. It is a separate process because it needs more memory than the
contenders: a child process inherits the peak of its parent.
"""

import html
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Product(msgspec.Struct):
    """A product in the common shape. dlt leaves out null values."""

    id: str
    title: str
    source: str
    price: float
    category: str
    currency: str | None = None

    @property
    def is_normalized(self) -> bool:
        """True if the contender normalized it."""
        return (
            self.id.startswith(f"{self.source}:")
            and self.title == html.unescape(self.title).strip()
            and self.category == self.category.lower()
        )


class Document(msgspec.Struct):
    """A document with all products, as most contenders write."""

    products: list[Product]


class Message(msgspec.Struct):
    """A message of a Singer tap; only record messages have a product."""

    record: Product | None = None


def lines(file: Path, kind: type[T]) -> Iterator[T]:
    """Decode each line."""
    decode = msgspec.json.Decoder(kind).decode
    with file.open("rb") as encoded:
        yield from map(decode, encoded)


def products(output: Path) -> Iterator[Product]:
    """Yield the products of an output in any of the formats."""
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
