"""Write the products as Parquet. This module needs pyarrow, so it is imported only if it is used."""

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.model.pages import Product
from pipeline.output.aggregator import Catalogue

# Memory holds one row group: this many bytes of JSON Lines, about 50,000 products.
_GROUP_BYTES = 8 * 1024 * 1024

# Decimals of a price. More are used only if a price needs them, so that the type is the same from run to run.
_DECIMALS = 18

# Digits of the decimal type that every reader supports, and of the one that holds any price (see normalize/money.py).
_COMMON_DIGITS, _MOST_DIGITS = 38, 76


class _ParquetRow(Product, frozen=True):
    """A product with its extra fields as one undecoded JSON object."""

    extra: msgspec.Raw = msgspec.Raw()


_decode_lines = msgspec.json.Decoder(_ParquetRow).decode_lines


def parquet_chunks(catalogue: Catalogue, _extra: Sequence[str]) -> Iterator[bytes]:
    """Yield the content of the file, one row group at a time.

    All extra fields are in one column, as JSON.
    """
    schema = pa.schema(
        {
            "id": pa.string(),
            "title": pa.string(),
            "source": pa.string(),
            "price": _price_type(catalogue),
            "currency": pa.string(),
            "category": pa.string(),
            "processed_at": pa.timestamp("ms", tz="UTC"),
            "extra": pa.string(),
        }
    )
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for lines in _groups(catalogue.products()):
            writer.write_table(_table(lines, schema))
            yield _take(sink)
    yield _take(sink)


def _price_type(catalogue: Catalogue) -> pa.DataType:
    """Return the decimal type that holds all prices exactly."""
    ranges = [prices for source in catalogue.sources for prices in source.prices.values()]
    decimals = max((_DECIMALS, *(prices.decimals for prices in ranges)))
    whole = max((0, *(prices.max.adjusted() + 1 for prices in ranges)))
    if whole + decimals <= _COMMON_DIGITS:
        return pa.decimal128(_COMMON_DIGITS, decimals)
    return pa.decimal256(_MOST_DIGITS, decimals)


def _groups(products: Iterable[bytes]) -> Iterator[bytes]:
    """Join chunks of lines into row groups."""
    group: list[bytes] = []
    size = 0
    for lines in products:
        group.append(lines)
        size += len(lines)
        if size >= _GROUP_BYTES:
            yield b"\n".join(group)
            group, size = [], 0
    if group:
        yield b"\n".join(group)


def _table(lines: bytes, schema: pa.Schema) -> pa.Table:
    products = _decode_lines(lines)
    times = pa.array([product.processed_at for product in products], pa.string())
    columns: dict[str, Sequence[Any] | pa.Array[Any]] = {
        "id": [product.id for product in products],
        "title": [product.title for product in products],
        "source": [product.source for product in products],
        "price": [product.price for product in products],
        "currency": [product.currency for product in products],
        "category": [product.category for product in products],
        "processed_at": times.cast(schema.field("processed_at").type),
        "extra": [bytes(product.extra).decode() or None for product in products],
    }
    return pa.table(columns, schema)


def _take(sink: io.BytesIO) -> bytes:
    """Return what was written since the last call, and empty the sink; pyarrow keeps the file offset itself."""
    taken = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return taken
