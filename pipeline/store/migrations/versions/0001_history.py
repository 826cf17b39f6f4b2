"""Create the tables of the history: runs, sources, products and prices."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    price = sa.Text().with_variant(sa.Numeric(), "postgresql")
    time = sa.Text().with_variant(TIMESTAMP(timezone=True), "postgresql")
    document = sa.Text().with_variant(sa.JSON(), "postgresql")
    op.create_table(
        "runs",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("started_at", time, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("products", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sources",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("started_at", time, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("products", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
        sa.Column("fetched_at", time),
        sa.Column("definition", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "products",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, nullable=False, index=True),
        sa.Column("title", sa.Text),
        sa.Column("price", price),
        sa.Column("currency", sa.Text),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("extra", document),
        sa.Column("first_seen", time, nullable=False),
        sa.Column("last_seen", time, nullable=False),
        sa.Column("removed_at", time),
        sqlite_with_rowid=False,
        # Each run updates each row. With free space in its page, a row stays there, and no index changes.
        postgresql_with={"fillfactor": 45},
    )
    op.create_table(
        "prices",
        sa.Column("product", sa.Text, primary_key=True),
        sa.Column("seen_at", time, primary_key=True),
        sa.Column("price", price),
        sa.Column("currency", sa.Text),
        sa.Column("run", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
