"""What the scenes promise, and what was seen of it: by the servers, and in the summary that was written."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from mockapi.demo.scenes import BURST, COOLDOWN, PAGES, PER_PAGE, RPS
from mockapi.stats import StatsReport

# Whoever retries stands in line for a token behind the pages that are under way: at the lowered rate, so long at most.
_TURN = 2.0


class Evidence(msgspec.Struct, frozen=True):
    """One promise of a scene, what was seen of it, and whether that keeps it."""

    scene: str
    promise: str
    seen: str
    kept: bool


def gather(stats: Mapping[str, StatsReport], summary: Path, code: int) -> list[Evidence]:
    """The evidence for all scenes, in their order, given what each server saw and the pipeline's exit code."""
    document = msgspec.json.decode(summary.read_bytes()) if summary.exists() else {"sources": []}
    sources: dict[str, dict[str, Any]] = {source["name"]: source for source in document["sources"]}
    return [
        *_steady(stats["steady"], sources.get("steady", {})),
        *_busy(stats["busy"], sources.get("busy", {})),
        *_outage(stats["outage"], sources.get("outage", {})),
        *_dead(stats["dead"], sources.get("dead", {}), code),
        *_dirty(sources.get("dirty", {})),
    ]


def _steady(stats: StatsReport, source: Mapping[str, Any]) -> Iterator[Evidence]:
    yield _rate("steady", stats)
    refused = stats.statuses.get("429", 0)
    yield Evidence("steady", "a server that enforces that rate refuses nothing", f"{refused} times 429", refused == 0)
    yield _whole("steady", source)


def _busy(stats: StatsReport, source: Mapping[str, Any]) -> Iterator[Evidence]:
    waits = _gaps(stats, page=3)
    yield Evidence(
        "busy",
        "asked again after 0.5, 1 and 2 s and up to 10 % more, when its turn comes",
        f"page 3 asked for again after {_listed(waits)} s",
        len(waits) == 3 and all(d <= wait < 1.1 * d + _TURN for wait, d in zip(waits, (0.5, 1, 2), strict=True)),
    )
    yield _rate("busy", stats)
    yield _whole("busy", source)


def _outage(stats: StatsReport, source: Mapping[str, Any]) -> Iterator[Evidence]:
    waits = _gaps(stats, page=8)
    yield Evidence(
        "outage",
        f"after three failures left alone for {COOLDOWN:g} s, then one probe",
        f"page 8 asked for again after {_listed(waits)} s",
        len(waits) == 3 and COOLDOWN <= waits[-1] < COOLDOWN + 1,
    )
    yield _whole("outage", source)


def _dead(stats: StatsReport, source: Mapping[str, Any], code: int) -> Iterator[Evidence]:
    waits = _gaps(stats, page=1)
    yield Evidence(
        "dead",
        f"left alone for {COOLDOWN:g} s before each of two probes, then given up",
        f"{stats.requests} requests, {_listed(waits)} s apart",
        len(waits) == 4 and all(COOLDOWN <= wait < COOLDOWN + 1 for wait in waits[2:]),
    )
    yield Evidence(
        "dead",
        "its failure is told, and does not touch the others",
        f"status {source.get('status')}, exit code {code} (3 is partial)",
        source.get("status") == "failed" and code == 3,
    )


def _dirty(source: Mapping[str, Any]) -> Iterator[Evidence]:
    parts = [source.get(key) for key in ("items_fetched", "products", "duplicates", "rejected")]
    yield Evidence(
        "dirty",
        "each record is a product, a duplicate or a reject",
        "{} records = {} products + {} duplicate + {} rejected".format(*parts),
        parts == [5 * PER_PAGE, 5 * PER_PAGE - 3, 1, 2],
    )
    unreadable = source.get("coercions", {}).get("unreadable_price", 0)
    yield Evidence("dirty", "a price that cannot be read is none", f"{unreadable} counted", unreadable == 1)
    missing = source.get("pages_missing")
    yield Evidence("dirty", "the page that never came is named", f"missing: {missing}", missing == [4])


def _rate(scene: str, stats: StatsReport) -> Evidence:
    times = [seen.at for seen in stats.log]
    return Evidence(
        scene,
        f"never more than {BURST} + {RPS}·t requests in any t seconds",
        f"{len(times)} in {times[-1] if times else 0:.1f} s, {stats.peak_per_second} in the busiest second",
        keeps_rate(times, RPS, BURST),
    )


def _whole(scene: str, source: Mapping[str, Any]) -> Evidence:
    return Evidence(
        scene,
        "complete, nothing lost",
        f"{source.get('pages_fetched')} of {PAGES} pages, {source.get('products')} of {PAGES * PER_PAGE} products",
        source.get("status") == "complete" and source.get("products") == PAGES * PER_PAGE,
    )


def keeps_rate(times: Sequence[float], rate: float, burst: int) -> bool:
    """Whether ascending ``times`` have at most ``burst + rate * t`` in any closed window of ``t`` seconds.

    Times are given to a tenth of a millisecond, so that much is allowed for.
    """
    return all(
        count <= burst + rate * (end - start + 2e-4)
        for i, start in enumerate(times)
        for count, end in enumerate(times[i:], start=1)
    )


def _gaps(stats: StatsReport, page: int) -> list[float]:
    times = [seen.at for seen in stats.log if seen.page == page]
    return [later - earlier for earlier, later in pairwise(times)]


def _listed(seconds: Sequence[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in seconds) or "no"
