"""Load the products of one run into a temporary table, from their lines in the summary."""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection

from pipeline.store.tables import PRODUCTS, STAGING

# The columns of the table: the price as a text, the further fields as JSON.
Row = tuple[str, str, str | None, str | None, str | None, str, str | None]

_BATCH = 5_000

# NUL as JSON writes it. Texts in PostgreSQL cannot have it.
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class _Product(msgspec.Struct, frozen=True):
    id: str
    title: str | None
    source: str
    price: Decimal | None
    currency: str | None
    category: str
    extra: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(_Product).decode


def stage(connection: Connection, lines: Iterable[bytes], checkpoint: Callable[[], None]) -> int:
    """Create the staging table, load the products into it, and return their number.

    ``checkpoint`` is called every few thousand products; it may raise.
    """
    STAGING.create(connection)
    rows = map(_row, lines)
    total = 0
    load = _copy if connection.dialect.name == "postgresql" else _insert
    while batch := list(islice(rows, _BATCH)):
        checkpoint()
        load(connection, batch)
        total += len(batch)
    # After the products, which come in the order of the APIs: an index that grows with them costs twice the time.
    if connection.dialect.name == "postgresql":
        # With their numbers of rows it joins the tables by hashes; autovacuum may not have counted them yet.
        connection.exec_driver_sql(f"ANALYZE {STAGING.name}, {PRODUCTS.name}")
    else:
        connection.exec_driver_sql("CREATE INDEX pipeline_staging_id ON pipeline_staging (id)")
    return total


def _copy(connection: Connection, rows: Iterable[Row]) -> None:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {STAGING.name} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _insert(connection: Connection, rows: Iterable[Row]) -> None:
    statement = str(STAGING.insert().compile(dialect=connection.dialect))
    connection.exec_driver_sql(statement, list(rows))


def _row(line: bytes) -> Row:
    if b"\\u0000" in line:
        line = _NUL.sub(rb"\1\\ufffd", line)
    product = _decode(line)
    price = None if product.price is None else price_text(product.price)
    extra = bytes(product.extra).decode() if product.extra else None
    return product.id, product.source, product.title, price, product.currency, product.category, extra


def price_text(price: Decimal) -> str:
    """Return the one text for a price: without an exponent, with at least two decimals, and no zero after those."""
    whole, _, decimals = format(price, "f").partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}"
