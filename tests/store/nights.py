"""Catalogues of invented nights, and what a store should have after them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from helpers.databases import fetch

from pipeline.config.store import resolve_store
from pipeline.model.dead_letters import DeadLetter
from pipeline.model.stored import Stored
from pipeline.model.summary import Totals
from pipeline.output.snapshots import SnapshotSource
from pipeline.store.catalogue_store import CatalogueStore

FIRST = datetime(2026, 11, 1, 2, tzinfo=UTC)


class Offer(msgspec.Struct, frozen=True):
    """The facts about a product that can change."""

    title: str = "Lamp"
    price: str | None = "9.90"
    currency: str | None = "EUR"
    extra: Mapping[str, Any] | None = None


class Night(msgspec.Struct):
    """A run: the offers by source and id, and the sources that were not complete."""

    offers: Mapping[str, Mapping[str, Offer]]
    number: int = 0
    status: Mapping[str, str] = {}
    definition: Mapping[str, str] = {}
    rejected: Mapping[str, Sequence[str]] = {}
    run: str = ""

    @property
    def started_at(self) -> str:
        return (FIRST + timedelta(days=self.number)).isoformat().replace("+00:00", "Z")

    @property
    def totals(self) -> Totals:
        return Totals(
            status="complete",
            total_products=sum(map(len, self.offers.values())),
            processing_time_seconds=1.0,
            success_rate=1.0,
            sources=list(self.offers),
            categories={},
            started_at=self.started_at,
            run=self.run or f"run-{self.number}",
            version="0",
        )

    @property
    def sources(self) -> Sequence[SnapshotSource]:
        return [
            SnapshotSource(
                name,
                self.status.get(name, "complete"),  # type: ignore[arg-type]  # one of the three
                len(offers),
                len(self.rejected.get(name, ())),
                self.definition.get(name, "d"),
            )
            for name, offers in self.offers.items()
        ]

    def lines(self) -> Iterator[bytes]:
        for source, offers in self.offers.items():
            for identity, offer in offers.items():
                extra = f',"extra":{json.dumps(offer.extra)}' if offer.extra else ""
                yield (
                    f'{{"id":"{source}:{identity}","title":{json.dumps(offer.title)},"source":"{source}",'
                    f'"price":{offer.price or "null"},"currency":{json.dumps(offer.currency)},"category":"light",'
                    f'"processed_at":"2026-11-21T10:00:01Z"{extra}}}'
                ).encode()

    def rejects(self, source: str) -> Iterator[DeadLetter]:
        for identity in self.rejected.get(source, ()):
            yield DeadLetter(source, 1, 1, "$", "price", "2026-11-21T10:00:01Z", json.dumps({"id": identity}))


def store(url: str) -> CatalogueStore:
    place = resolve_store(url, {})
    assert place is not None
    return CatalogueStore(place)


def write(url: str, night: Night) -> Stored:
    return store(url).write(night.totals, night)


class Model:
    """The history as it should be: written down by hand, product by product."""

    def __init__(self) -> None:
        self.products: dict[str, dict[str, Any]] = {}
        self.prices: list[tuple[str, str, Decimal | None, str | None]] = []
        self._definitions: dict[str, str] = {}

    def write(self, night: Night) -> None:
        at = night.started_at
        for source in night.sources:
            came = {f"{source.name}:{identity}": offer for identity, offer in night.offers[source.name].items()}
            for identity, offer in came.items():
                price = None if offer.price is None else Decimal(offer.price)
                known = self.products.get(identity)
                if known is None or (known["price"], known["currency"]) != (price, offer.currency):
                    self.prices.append((identity, at, price, offer.currency))
                self.products[identity] = {
                    "title": offer.title,
                    "price": price,
                    "currency": offer.currency,
                    "first_seen": known["first_seen"] if known else at,
                    "last_seen": at,
                    "removed_at": None,
                }
            if source.status == "complete" and self._definitions.get(source.name) == source.definition:
                for identity, product in self.products.items():
                    is_its = identity.startswith(f"{source.name}:")
                    may_be_rejected = identity.partition(":")[2] in night.rejected.get(source.name, ())
                    if is_its and identity not in came and product["removed_at"] is None and not may_be_rejected:
                        product["removed_at"] = at
            if source.status != "failed":
                self._definitions[source.name] = source.definition


def products_in(url: str) -> dict[str, dict[str, Any]]:
    names = ("title", "price", "currency", "first_seen", "last_seen", "removed_at")
    return {
        str(row[0]): {name: _plain(name, value) for name, value in zip(names, row[1:], strict=True)}
        for row in fetch(url, f"SELECT id, {', '.join(names)} FROM products")
    }


def prices_in(url: str) -> list[tuple[Any, ...]]:
    rows = fetch(url, "SELECT product, seen_at, price, currency FROM prices")
    return [(row[0], _plain("seen_at", row[1]), _plain("price", row[2]), row[3]) for row in rows]


def _plain(name: str, value: object) -> object:
    """Return a value of SQLite, where times and prices are texts, and one of PostgreSQL in the same form."""
    if value is None:
        return None
    if name == "price":
        return Decimal(str(value))
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
