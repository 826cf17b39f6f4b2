"""The tables of the store, as the last migration leaves them; docs/STORE.md explains the columns.

SQLite has neither exact decimals nor times. There a price is a text such as ``12.50``, and a time one such as
``2026-11-26T02:00:00Z``; ``CAST(price AS NUMERIC)`` compares prices in both databases.
"""

from sqlalchemy import JSON, BigInteger, Column, MetaData, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP

Price = Text().with_variant(Numeric(), "postgresql")
Time = Text().with_variant(TIMESTAMP(timezone=True), "postgresql")
# JSON as the API sent it: JSONB would refuse numbers and characters that are valid JSON.
Document = Text().with_variant(JSON(), "postgresql")

METADATA = MetaData()

RUNS = Table(
    "runs",
    METADATA,
    Column("run", Text, primary_key=True),
    Column("started_at", Time, nullable=False),
    Column("status", Text, nullable=False),
    Column("products", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    sqlite_with_rowid=False,
)

SOURCES = Table(
    "sources",
    METADATA,
    Column("run", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("started_at", Time, nullable=False),
    Column("status", Text, nullable=False),
    Column("products", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("fetched_at", Time),
    Column("definition", Text, nullable=False),
    sqlite_with_rowid=False,
)

PRODUCTS = Table(
    "products",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False, index=True),
    Column("title", Text),
    Column("price", Price),
    Column("currency", Text),
    Column("category", Text, nullable=False),
    Column("extra", Document),
    Column("first_seen", Time, nullable=False),
    Column("last_seen", Time, nullable=False),
    Column("removed_at", Time),
    sqlite_with_rowid=False,
)

PRICES = Table(
    "prices",
    METADATA,
    Column("product", Text, primary_key=True),
    Column("seen_at", Time, primary_key=True),
    Column("price", Price),
    Column("currency", Text),
    Column("run", Text, nullable=False),
    sqlite_with_rowid=False,
)

# The products of one run, during its transaction. No migration makes it.
STAGING = Table(
    "pipeline_staging",
    MetaData(),
    Column("id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("title", Text),
    Column("price", Price),
    Column("currency", Text),
    Column("category", Text, nullable=False),
    Column("extra", Document),
    prefixes=["TEMPORARY"],
)
