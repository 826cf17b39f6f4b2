"""Nights of runs against a catalogue that moves, with faults: changes are held against what really changed."""

import json
import os
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
import pytest
from helpers.running import run_pipeline
from helpers.support import NO_LIMIT, NO_TLS, config, dispatch_inline

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.fetch.http.client import Client

pytestmark = pytest.mark.virtual_time

PAIRS = int(os.environ.get("CHANGES_PAIRS", "60"))  # `just torture` takes 1,000
PER_PAGE = 4

Catalogue = dict[int, dict[str, Any]]


class Night(httpx.AsyncBaseTransport):
    """A paged API with the catalogue of one night. Pages in ``lost`` always fail; ``dirty`` records have no id."""

    def __init__(self, catalogue: Catalogue, *, lost: set[int] = frozenset(), dirty: int = 0) -> None:  # type: ignore[assignment]
        records = list(catalogue.values())
        records += [{"title": "no id", "price": 1}] * dirty
        self._pages = [records[start : start + PER_PAGE] for start in range(0, len(records), PER_PAGE)]
        self._lost = lost
        self.dirty = dirty
        self.seen = {
            record["id"]
            for number, page in enumerate(self._pages, 1)
            if number not in lost
            for record in page
            if "id" in record
        }

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        number = int(request.url.params["page"])
        if number in self._lost:
            return httpx.Response(404)
        page = self._pages[number - 1] if number <= len(self._pages) else []
        body = {"products": page, "total_pages": len(self._pages)}
        return httpx.Response(200, stream=httpx.ByteStream(json.dumps(body).encode()))

    @property
    def is_whole(self) -> bool:
        return not any(number <= len(self._pages) for number in self._lost)


def moved(rng: Random, catalogue: Catalogue) -> Catalogue:
    """Return the catalogue of the next night: some products come and go, and some change."""
    following = {}
    for number, record in catalogue.items():
        if rng.random() < 0.1:
            continue
        following[number] = dict(record)
        if rng.random() < 0.2:
            following[number]["price"] = f"{rng.randrange(100, 9_999) / 100:.2f}"
        if rng.random() < 0.1:
            following[number]["title"] = f"Lamp {rng.randrange(1_000)}"
        if rng.random() < 0.05:
            following[number]["currency"] = rng.choice(["EUR", "USD"])
    first = max(catalogue, default=0) + 1
    for number in range(first, first + rng.randrange(4)):
        following[number] = {"id": number, "title": f"Lamp {number}", "price": "5.00", "currency": "EUR"}
    items = list(following.items())
    rng.shuffle(items)
    return dict(items)


async def run_night(output: Path, night: Night) -> list[dict[str, Any]]:
    """Run with `changes`, and return the lines of their file."""

    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=night)

    chosen = msgspec.structs.replace(config(output, "shop", rate_limit=NO_LIMIT), changes=True)
    summary = await run_pipeline(chosen, connect=connect, dispatch=dispatch_inline, rng=Random(1))
    assert summary.changes is not None
    return [json.loads(line, parse_float=Decimal) for line in summary.changes.read_bytes().splitlines()]


def night_of(rng: Random, catalogue: Catalogue) -> Night:
    pages = -(-len(catalogue) // PER_PAGE)
    lost = {rng.randint(1, pages)} if pages > 1 and rng.random() < 0.3 else set()
    return Night(catalogue, lost=lost, dirty=rng.random() < 0.2)


@pytest.mark.parametrize("seed", range(PAIRS))
async def test_every_change_that_is_reported_is_true_and_every_one_that_can_be_known_is_reported(
    seed: int, tmp_path: Path
) -> None:
    """Whatever is lost or rejected in two nights, no report is false, and nothing that is known is left out."""
    rng = Random(seed)
    first: Catalogue = moved(
        rng, {n: {"id": n, "title": "Lamp", "price": "9.99", "currency": "EUR"} for n in range(1, 20)}
    )
    second = moved(rng, first)
    before, now = night_of(rng, first), night_of(rng, second)
    await run_night(tmp_path / "s.json", before)
    source, *changes = await run_night(tmp_path / "s.json", now)

    def ids(kind: str) -> set[int]:
        return {int(each["id"].partition(":")[2]) for each in changes if each["change"] == kind}

    added, removed = ids("added"), ids("removed")
    assert added <= second.keys() - first.keys()
    assert removed <= first.keys() - second.keys()
    if before.is_whole:
        assert added == now.seen - first.keys()
        assert source["added"] == len(added)
    else:
        assert (added, source["added"]) == (set(), None)
    if now.is_whole and not now.dirty:
        assert removed == before.seen - second.keys()
        assert source["removed"] == len(removed)
    else:
        assert (removed, source["removed"]) == (set(), None)
    both = before.seen & now.seen
    prices = {
        number: (Decimal(first[number]["price"]), Decimal(second[number]["price"]))
        for number in both
        if first[number]["price"] != second[number]["price"]
        and first[number].get("currency") == second[number].get("currency")
    }
    reported = {int(each["id"].partition(":")[2]): each for each in changes if each["change"] == "price"}
    assert {number: (each["old"], each["new"]) for number, each in reported.items()} == prices
    assert all(each["delta"] == each["new"] - each["old"] for each in reported.values())
    assert ids("title") == {number for number in both if first[number]["title"] != second[number]["title"]}
    assert ids("currency") == {number for number in both if first[number]["currency"] != second[number]["currency"]}
    assert source["changed"] == len(ids("price") | ids("title") | ids("currency"))


async def test_a_resumed_run_compares_all_its_products(tmp_path: Path) -> None:
    """After a partial run that is resumed, the changes are those since the summary of the partial run."""
    catalogue: Catalogue = {n: {"id": n, "title": "Lamp", "price": "1.00", "currency": "EUR"} for n in range(1, 10)}
    await run_night(tmp_path / "s.json", Night(catalogue, lost={2}))
    (source,) = await run_night(tmp_path / "s.json", Night(catalogue))
    assert (source["added"], source["removed"], source["changed"]) == (None, 0, 0)
    assert "the old source is partial" in source["why"]


async def test_the_first_run_has_nothing_to_compare_with(tmp_path: Path) -> None:
    """Without a summary on disk, and with one that is damaged anywhere, the file says so for each source."""
    catalogue: Catalogue = {1: {"id": 1, "title": "Lamp", "price": "1.00", "currency": "EUR"}}
    await run_night(tmp_path / "s.json", Night(catalogue))
    whole = (tmp_path / "s.json").read_text()
    for text in (None, "nonsense", whole.replace('"title":', '"tit'), whole.replace('"shop:1"', '"other')):
        (tmp_path / "s.json").unlink(missing_ok=True)
        if text:
            (tmp_path / "s.json").write_text(text)
        (source,) = await run_night(tmp_path / "s.json", Night(catalogue))
        assert (source["comparable"], source["why"]) == (False, "it is not in the old catalogue")
