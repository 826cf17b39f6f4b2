"""Fault storms: temporary faults of any kind lose nothing in the end."""

import json
import os
from pathlib import Path
from random import Random

import pytest
import trio
from helpers.running import run_pipeline

from mockapi.faults import KINDS, PERSONAS, Fault
from mockapi.serve import serving
from mockapi.settings import Settings
from pipeline.config.endpoint import Breaker, Endpoint, Http, RateLimit, Retry
from pipeline.config.settings import Config
from pipeline.config.source import Paging, PagingStyle

SEEDS = range(1, int(os.environ.get("STORM_SEEDS", "20")) + 1)
PAGES, PER_PAGE = 9, 10

# Described, because `auto` takes a spoilt answer to its first guess for the end.
PAGING = Paging(style=PagingStyle.PAGE)

# Excluded, because a server that ignores the page number cannot be told from one that has no more pages. GraphQL errors
# have tests of their own.
PASSING = sorted(set(KINDS) - {"ignore-page", "no-data", "part-data"})


# These are not retried at once, only once at the end of the walk.
ONCE = ("hang", "drip", "malformed", "html")


def storm(rng: Random) -> list[Fault]:
    """Return faults of all kinds on every other page, each of which ends before the attempts for its page do."""
    faults = []
    for persona in PERSONAS:
        for page in range(rng.choice((1, 2)), PAGES + 1, 2):
            kind = rng.choice(PASSING)
            status = rng.choice((400, 404, 408, 500, 502, 503))
            values = {"status": status, "429": rng.choice((None, 0.05)), "latency": 0.1, "overlap": rng.randint(1, 9)}
            once = kind in ONCE or (kind == "status" and status in (400, 404))
            faults.append(Fault(persona, page, page, kind, values.get(kind), times=1 if once else rng.randint(1, 2)))
    return faults


def brisk(urls: dict[str, str], output: Path) -> Config:
    """Return the defaults with shorter waits."""
    return Config(
        output=str(output),
        timeout=60.0,
        http=Http(read_timeout=0.4, total_timeout=0.8),
        rate_limit=RateLimit(rps=200.0, burst=50),
        retry=Retry(base_delay=0.02, max_delay=0.1),
        breaker=Breaker(cooldown=0.1, max_probes=3),
        endpoints=tuple(Endpoint(name=name, url=f"{url}/products", paging=PAGING) for name, url in urls.items()),
    )


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_storm_that_passes_costs_nothing(tmp_path: Path, seed: int) -> None:
    """Every page arrives in the end, and every record is a product, a duplicate or a reject."""
    rng = Random(seed)
    faults = storm(rng)
    settings = Settings(
        ports=(0, 0, 0), seed=seed, pages=PAGES, per_page=PER_PAGE, faults=faults, error_rate=0.05, rate_limit=100.0
    )
    with trio.fail_after(50):
        async with serving(settings) as urls:
            summary = await run_pipeline(brisk(dict(urls), tmp_path / "s.json"), rng=rng)
    document = json.loads((tmp_path / "s.json").read_bytes())
    told = [(error.source, error.page, error.error) for error in summary.errors if error.action != "retry"]
    for source in summary.sources:
        assert (source.status, source.pages_fetched, list(source.pages_missing)) == ("complete", PAGES, []), told
        assert source.items_fetched == source.products + source.duplicates + source.rejected == PAGES * PER_PAGE
        # Shifted and dirty pages repeat records; the server did not send what a shift pushed out.
        kinds = [fault.kind for fault in faults if fault.persona == source.name]
        assert bool(source.duplicates) <= bool({"overlap", "dirty"} & {*kinds})
        assert source.rejected == 2 * kinds.count("dirty")
    ids = [product["id"] for product in document["products"]]
    assert len(ids) == len(set(ids)) == summary.summary.total_products
