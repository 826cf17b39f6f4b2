"""Write a run into the history: what is seen, what is new, which prices changed, and what is gone.

The rules are those of the changes between two catalogues (``output/changes.py``): a product is gone only if its source
is complete under the definition of its last stored run, and no rejected record may be that product.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, exists, func, literal, or_, select, true, update
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.errors import StoreError
from pipeline.model.stored import Stored
from pipeline.model.summary import Totals
from pipeline.output.rejected_ids import RejectedIds
from pipeline.output.snapshots import Snapshot, SnapshotSource
from pipeline.store.staging import stage
from pipeline.store.tables import PRICES, PRODUCTS, RUNS, SOURCES, STAGING, Time

# Ids in one statement; SQLite accepts 32,766 values.
_MOST_IDS = 10_000


class HistoryWriter:
    """A writer of one run into the history, within a transaction. Writing a run again changes nothing."""

    def __init__(self, connection: Connection, totals: Totals, snapshot: Snapshot) -> None:
        self._connection = connection
        self._totals = totals
        self._snapshot = snapshot
        self._at = literal(totals.started_at, Time)

    def write(self, checkpoint: Callable[[], None]) -> Stored:
        """Write the run; ``checkpoint`` is called between the steps, and may raise.

        Raises:
            StoreError: if the number of products is not that of the run.
        """
        staged = stage(self._connection, self._snapshot.lines(), checkpoint)
        expected = sum(source.products for source in self._snapshot.sources)
        if staged != expected:
            raise StoreError(f"{expected:,} products were expected, and {staged:,} found")
        new = self._count_new()
        checkpoint()
        prices = self._write_prices()
        checkpoint()
        self._write_products()
        checkpoint()
        removed = sum(self._remove(source) for source in self._snapshot.sources if self._knows_removed(source))
        self._write_run()
        STAGING.drop(self._connection)
        return Stored(products=staged, new=new, repriced=prices - new, removed=removed)

    def _count_new(self) -> int:
        pairs = STAGING.outerjoin(PRODUCTS, PRODUCTS.c.id == STAGING.c.id)
        count = select(func.count()).select_from(pairs).where(PRODUCTS.c.id.is_(None))
        return self._connection.execute(count).scalar_one()

    def _write_prices(self) -> int:
        """Write a price for each product that is new or has another price, and return their number."""
        came, known = STAGING.c, PRODUCTS.c
        changed = (
            select(came.id, self._at, came.price, came.currency, literal(self._totals.run))
            .select_from(STAGING.outerjoin(PRODUCTS, known.id == came.id))
            .where(
                or_(
                    known.id.is_(None),
                    known.price.is_distinct_from(came.price),
                    known.currency.is_distinct_from(came.currency),
                )
            )
            .order_by(came.id)
        )
        return self._upsert(PRICES, ["product", "seen_at", "price", "currency", "run"], changed)

    def _write_products(self) -> None:
        columns = [column.name for column in STAGING.columns]
        seen = select(*STAGING.columns, self._at, self._at).where(true()).order_by(STAGING.c.id)
        self._upsert(PRODUCTS, [*columns, "first_seen", "last_seen"], seen, kept={"first_seen"}, cleared=["removed_at"])

    def _knows_removed(self, source: SnapshotSource) -> bool:
        """Return True if the products of the source that did not come are gone."""
        if source.status != "complete":
            return False
        last = (
            select(SOURCES.c.definition)
            .where(SOURCES.c.source == source.name, SOURCES.c.status != "failed", SOURCES.c.run != self._totals.run)
            .order_by(SOURCES.c.started_at.desc())
            .limit(1)
        )
        return self._connection.execute(last).scalar() == source.definition

    def _remove(self, source: SnapshotSource) -> int:
        """Mark the products of a source that did not come as removed, and return their number."""
        missing = (
            (PRODUCTS.c.source == source.name)
            & PRODUCTS.c.removed_at.is_(None)
            & ~exists().where(STAGING.c.id == PRODUCTS.c.id)
        )
        removal = update(PRODUCTS).values(removed_at=self._at)
        if not source.rejected:
            return self._connection.execute(removal.where(missing)).rowcount
        rejected = RejectedIds.of(self._snapshot.rejects(source.name))
        ids = self._connection.scalars(select(PRODUCTS.c.id).where(missing))
        gone = [each for each in ids if not rejected.may_have(each)]
        for start in range(0, len(gone), _MOST_IDS):
            some = gone[start : start + _MOST_IDS]
            self._connection.execute(removal.where(PRODUCTS.c.id.in_(some)))
        return len(gone)

    def _write_run(self) -> None:
        totals = self._totals
        common = {"run": totals.run, "started_at": totals.started_at}
        run = {"status": totals.status, "products": totals.total_products, "version": totals.version}
        self._replace(RUNS, common | run)
        for source in self._snapshot.sources:
            self._replace(SOURCES, common | {"source": source.name} | _facts(source))

    def _upsert(
        self,
        table: Table,
        columns: Sequence[str],
        rows: Select[Any],
        *,
        kept: Container[str] = (),
        cleared: Sequence[str] = (),
    ) -> int:
        """Insert rows or update them, and return their number; an update keeps some columns, and clears others."""
        statement = self._insert(table).from_select(columns, rows)
        keys = table.primary_key.columns.keys()
        changed = {name: statement.excluded[name] for name in columns if name not in keys and name not in kept}
        statement = statement.on_conflict_do_update(index_elements=keys, set_={**changed, **dict.fromkeys(cleared)})
        return self._connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount

    def _replace(self, table: Table, values: Mapping[str, Any]) -> None:
        statement = self._insert(table).values(values)
        keys = table.primary_key.columns.keys()
        changed = {name: statement.excluded[name] for name in values if name not in keys}
        self._connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))

    def _insert(self, table: Table) -> Any:
        """Return an INSERT that can have ON CONFLICT, which both databases write alike."""
        return (sqlite if self._connection.dialect.name == "sqlite" else postgresql).insert(table)


def _facts(source: SnapshotSource) -> dict[str, Any]:
    return {
        "status": source.status,
        "products": source.products,
        "rejected": source.rejected,
        "fetched_at": source.fetched_at,
        "definition": source.definition,
    }
