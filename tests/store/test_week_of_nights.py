"""A week of nights against mocks whose catalogues move: the history in the store is that of the seed."""

import html
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from helpers.databases import fetch
from store.nights import Model, Night, Offer, prices_in, products_in

from mockapi.catalog import page_of, pages_of
from mockapi.faults import parse_fault
from mockapi.serve import serving
from mockapi.settings import Settings
from pipeline.config.load import load_config
from pipeline.runner import run

PAGES, PER_PAGE, SEED = 6, 20, 26
CUT, DEAD = 3, 5  # the night in which a page of api1 is lost, and that in which no server answers
LOST = 4


def free_ports(count: int) -> Sequence[int]:
    """Return ports that stay the same all week, since the address of an API is part of its definition."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def catalogue(name: str, night: int) -> dict[str, Offer]:
    """Return what the seed offers in a night, as far as the night lets it be seen."""
    last = pages_of(name, SEED, pages=PAGES, per_page=PER_PAGE, night=night)
    seen = [number for number in range(1, last + 1) if (name, night, number) != ("api1", CUT, LOST)]
    records = [
        record for number in seen for record in page_of(name, SEED, number, pages=PAGES, per_page=PER_PAGE, night=night)
    ]
    return dict(map(_api1 if name == "api1" else _api3, records))


def _api1(record: dict[str, Any]) -> tuple[str, Offer]:
    return str(record["id"]), Offer(record["name"], f"{record['price']:.2f}", None)


def _api3(record: dict[str, Any]) -> tuple[str, Offer]:
    price = record["price"]
    return str(record["item_id"]), Offer(html.unescape(record["product_name"]), price["amount"], price["currency"])


async def test_the_history_is_that_of_the_seed(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each night, products, removals and prices are the seed's: also after a partial night, and after a dead one.

    In the partial night nothing of the cut source is removed. The dead night leaves the store as it was.
    """
    ports, model, removed = free_ports(2), Model(), []
    described = {
        "output": str(tmp_path / "{date}.json"),
        "store": url,
        "rate_limit": {"rps": 0},
        "retry": {"max_retries": 0},
        "breaker": {"cooldown": 0.01},
        "endpoints": [
            {"name": name, "url": f"http://127.0.0.1:{port}/products"}
            for name, port in zip(("api1", "api3"), ports, strict=True)
        ],
    }
    for number in range(8):
        faults = {CUT: [f"api1:{LOST}:404"], DEAD: ["*:*:reset"]}.get(number, [])
        settings = Settings(
            personas=("api1", "api3"),
            ports=ports,
            seed=SEED,
            pages=PAGES,
            per_page=PER_PAGE,
            night=number,
            faults=[parse_fault(fault) for fault in faults],
        )
        night = Night(
            {name: catalogue(name, number) for name in ("api1", "api3")},
            number,
            {"api1": "partial"} if number == CUT else {},
        )
        monkeypatch.setattr("pipeline.runner.utc_timestamp", lambda night=night: night.started_at)
        async with serving(settings):
            summary = await run(load_config(described, environ={}), environ={})
        wanted = {CUT: "partial", DEAD: "failed"}.get(number, "complete")
        assert summary.summary.status == wanted, summary.errors
        if number != DEAD:
            model.write(night)
            assert summary.stored is not None
            removed.append(summary.stored.removed)
        assert products_in(url) == model.products, number
        assert sorted(prices_in(url), key=str) == sorted(model.prices, key=str), number
    assert [row[0] for row in fetch(url, "SELECT status FROM runs ORDER BY started_at")] == [
        "complete",
        "complete",
        "complete",
        "partial",
        *["complete"] * 3,
    ]
    assert sum(count > 0 for count in removed) >= 4
    assert len(model.prices) > len(model.products) + 20
    assert [path.stem for path in sorted(tmp_path.glob("2026-*.json"))] == [f"2026-11-0{day}" for day in range(1, 9)]
