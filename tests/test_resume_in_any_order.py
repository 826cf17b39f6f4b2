"""Runs that are killed at each instant, after any order of their pages, and resumed; under a virtual clock."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
from helpers.disk import KilledError
from helpers.running import run_pipeline
from helpers.shops import HOME, Shop
from helpers.styles import STYLES, by_unusable_link
from helpers.support import NO_JITTER, NO_TLS

from pipeline.config.endpoint import Endpoint, RateLimit
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Config, Queue, WorkerPool
from pipeline.config.source import Paging, PagingStyle
from pipeline.fetch.http.client import Client
from pipeline.journal.journal import Journal
from pipeline.model.pages import NormalizedPage, Page
from pipeline.normalize.normalizer import normalize_batch

pytestmark = pytest.mark.virtual_time

SEEDS = int(os.environ.get("RESUME_SEEDS", "5"))  # `just torture` takes 60


class Killer:
    """Lets a number of entries into the journal, then kills the run: later ones are discarded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.after: int | None = None
        self.written = 0
        write = Journal._write

        def count(journal: Journal, entry: bytes) -> None:
            if self.after is not None and self.written >= self.after:
                raise KilledError
            self.written += 1
            write(journal, entry)

        monkeypatch.setattr(Journal, "_write", count)


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> Killer:
    return Killer(monkeypatch)


async def run(
    output: Path, style: str, items: int, hops: Mapping[int, float], *, resume: bool = False, concurrency: int = 1
) -> None:
    """Run over a shop with 2 items per page; ``hops`` has the seconds between a page's arrival and its entry."""
    server, paging = STYLES.get(style) or (by_unusable_link, Paging(style=PagingStyle.NEXT_URL))

    shop = Shop(server, items, 2)
    shop.items = [{**item, "name": f"Product {item['id']}", "price": "1.50"} for item in shop.items]

    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=shop)

    async def dispatch(batch: Sequence[Page]) -> list[NormalizedPage]:
        await trio.sleep(max(hops.get(page.number, 0) for page in batch))
        return normalize_batch(batch)

    config = Config(
        output=str(output),
        retry=NO_JITTER,
        rate_limit=RateLimit(rps=0, concurrency=concurrency),
        endpoints=(Endpoint(name="shop", url=HOME, paging=paging),),
        worker_pool=WorkerPool(size=32, batch_size=1),
        queue=Queue(size=100),
    )
    await run_pipeline(config, connect=connect, dispatch=dispatch, rng=Random(7), resume=resume)


async def run_until_killed(killer: Killer, after: int, output: Path, *args: Any, **options: Any) -> bool:
    """Run until ``after`` entries are written; False if the run ended before."""
    killer.after, killer.written = after, 0
    was_killed = False
    try:
        await run(output, *args, **options)
    except* KilledError:
        was_killed = True
    finally:
        killer.after = None
    return was_killed


def outcome(output: Path) -> tuple[object, ...]:
    document = json.loads(output.read_text())
    (source,) = document["sources"]
    facts = [source[key] for key in ("status", "pages_fetched", "pages_missing", "products", "duplicates")]
    return ([product["id"] for product in document["products"]], *facts)


@pytest.mark.parametrize("style", STYLES)
async def test_killed_at_each_instant_a_small_walk_is_resumed_to_the_whole(
    style: str, tmp_path: Path, killer: Killer
) -> None:
    """Whichever of 4 pages comes late, and wherever the run is killed, the resumed run is like an undisturbed one."""
    await run(tmp_path / "whole.json", style, 8, {})
    undisturbed = outcome(tmp_path / "whole.json")
    assert undisturbed[0] == [f"shop:{number}" for number in range(1, 9)]
    assert undisturbed[1:3] == ("partial" if "repeats" in style else "complete", 1 if style == "none" else 4)
    for hops in ({}, {1: 60}, {2: 60}, {3: 60}, {4: 60}, {1: 60, 2: 50, 3: 40, 4: 30}):
        after = 0
        while await run_until_killed(killer, after, tmp_path / "s.json", style, 8, hops):
            await run(tmp_path / "s.json", style, 8, {}, resume=True)
            assert outcome(tmp_path / "s.json") == undisturbed, (hops, after)
            (tmp_path / "s.json").unlink()
            after += 1
        (tmp_path / "s.json").unlink()
        assert after >= 2


async def test_an_end_that_is_unknown_is_unknown_to_a_resumed_run(tmp_path: Path) -> None:
    """A chain that ended at an unusable link is requested there again; a resumed run does not make it complete."""
    accounts = []
    for resume in (False, True, True):
        await run(tmp_path / "s.json", "unusable link", 8, {}, resume=resume)
        accounts.append(outcome(tmp_path / "s.json"))
    assert accounts == [([f"shop:{number}" for number in range(1, 5)], "partial", 2, [3], 4, 0)] * 3


@pytest.mark.parametrize("style", STYLES)
async def test_killed_again_and_again_a_larger_walk_is_resumed_to_the_whole(
    style: str, tmp_path: Path, killer: Killer
) -> None:
    """After three kills at random instants, each with pages in a random order, the run is like an undisturbed one."""
    await run(tmp_path / "whole.json", style, 25, {})
    undisturbed = outcome(tmp_path / "whole.json")
    for seed in range(SEEDS):
        rng = Random(seed)
        kills = []
        for _ in range(3):
            hops = {page: rng.choice([0, 0, rng.uniform(0, 30)]) for page in range(1, 15)}
            kills.append((rng.randrange(14), hops))
            await run_until_killed(
                killer, kills[-1][0], tmp_path / "s.json", style, 25, hops, resume=True, concurrency=3
            )
        await run(tmp_path / "s.json", style, 25, {}, resume=True)
        assert outcome(tmp_path / "s.json") == undisturbed, kills
        (tmp_path / "s.json").unlink()
