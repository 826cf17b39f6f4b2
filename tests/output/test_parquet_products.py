"""Products as Parquet: exact, typed, and written in bounded memory."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.products_files import EXTRA, catalogue_of, of_lines, of_parquet, pages
from hypothesis import given

from pipeline.output.formats import parquet_products
from pipeline.output.formats.parquet_products import parquet_chunks


@given(pages)
def test_any_products_come_back_as_they_were(records: Any) -> None:
    """Texts, exact decimal prices, UTC times and extra fields survive the round trip, in the order of the summary."""
    catalogue, products = catalogue_of(records)
    expected = of_lines(b"\n".join(products))
    for product in expected:
        product["processed_at"] = datetime(2026, 1, 1, tzinfo=UTC)
    rows = of_parquet(b"".join(parquet_chunks(catalogue, EXTRA)))
    for row in rows:
        row["extra"] = json.loads(row["extra"], parse_float=Decimal, parse_int=Decimal)
    assert rows == expected


@pytest.mark.parametrize(
    ("prices", "kind"),
    [
        (["12.34", "9999999999999999999.00000000000000001"], pa.decimal128(38, 18)),
        (["1e18", "1e-18"], pa.decimal128(38, 18)),
        (["0.3333333333333333333333333333", "9999999999"], pa.decimal128(38, 28)),
        (["0.3333333333333333333333333333", "99999999999"], pa.decimal256(76, 28)),
        (["123456789012345678901234567890123456e-53", "9999999999999999999"], pa.decimal256(76, 53)),
    ],
)
def test_prices_have_a_type_that_holds_them_all(prices: list[str], kind: pa.DataType) -> None:
    """The price type is the same from run to run; it has more decimals or digits only if a price needs them."""
    catalogue, _ = catalogue_of([[("a", price, None)] for price in prices])
    table = pq.read_table(io.BytesIO(b"".join(parquet_chunks(catalogue, EXTRA))))
    assert table.schema.field("price").type == kind
    assert table["price"].to_pylist() == list(map(Decimal, prices))


def test_products_are_written_group_by_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """No page is read before the previous row group is written, and a group has a bounded size."""
    catalogue, products = catalogue_of([[(f"{page}-{i}", "1", None) for i in range(5)] for page in range(8)])
    monkeypatch.setattr(parquet_products, "_GROUP_BYTES", len(products[0]) + 1)
    read = 0

    def one_by_one() -> Iterator[bytes]:
        nonlocal read
        for lines in products:
            read += 1
            yield lines

    chunks = parquet_chunks(msgspec.structs.replace(catalogue, products=one_by_one), EXTRA)
    assert next(chunks).startswith(b"PAR1")
    assert read == 2
    rest = list(chunks)
    assert (read, len(rest)) == (8, 4)
    whole = b"".join(parquet_chunks(catalogue, EXTRA))
    file = pq.ParquetFile(io.BytesIO(whole))
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [10] * 4
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_without_products_there_is_the_schema() -> None:
    """A file without products has its columns."""
    catalogue, _ = catalogue_of([])
    table = pq.read_table(io.BytesIO(b"".join(parquet_chunks(catalogue, EXTRA))))
    assert table.num_rows == 0
    assert [(field.name, str(field.type)) for field in table.schema] == [
        ("id", "string"),
        ("title", "string"),
        ("source", "string"),
        ("price", "decimal128(38, 18)"),
        ("currency", "string"),
        ("category", "string"),
        ("processed_at", "timestamp[ms, tz=UTC]"),
        ("extra", "string"),
    ]
