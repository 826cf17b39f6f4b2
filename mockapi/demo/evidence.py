"""The promises of the scenes, and the evidence for each from the servers and from the written summary."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from mockapi.demo.scenes import BURST, COOLDOWN, PAGES, PER_PAGE, RPS
from mockapi.stats import StatsReport

# A retry waits for a token after the pages that are already waiting: at most this long at the lowered rate.
_TURN = 2.0


class Evidence(msgspec.Struct, frozen=True):
    """One promise of a scene, the observation, and whether the promise was kept."""

    scene: str
    promise: str
    seen: str
    kept: bool


def gather(stats: Mapping[str, StatsReport], summary: Path, code: int) -> list[Evidence]:
    """Return the evidence for all scenes, in order, from the servers' statistics, the summary and the exit code."""
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
    yield Evidence(
        "steady", "a server that enforces this rate refuses nothing", f"{refused} answers with 429", refused == 0
    )
    yield _whole("steady", source)


def _busy(stats: StatsReport, source: Mapping[str, Any]) -> Iterator[Evidence]:
    waits = _gaps(stats, page=3)
    yield Evidence(
        "busy",
        "retried after 0.5, 1 and 2 s, plus up to 10 % and the wait for a token",
        f"page 3 requested again after {_listed(waits)} s",
        len(waits) == 3 and all(d <= wait < 1.1 * d + _TURN for wait, d in zip(waits, (0.5, 1, 2), strict=True)),
    )
    yield _rate("busy", stats)
    yield _whole("busy", source)


def _outage(stats: StatsReport, source: Mapping[str, Any]) -> Iterator[Evidence]:
    waits = _gaps(stats, page=8)
    yield Evidence(
        "outage",
        f"no request for {COOLDOWN:g} s after three failures, then one probe",
        f"page 8 requested again after {_listed(waits)} s",
        len(waits) == 3 and COOLDOWN <= waits[-1] < COOLDOWN + 1,
    )
    yield _whole("outage", source)


def _dead(stats: StatsReport, source: Mapping[str, Any], code: int) -> Iterator[Evidence]:
    waits = _gaps(stats, page=1)
    yield Evidence(
        "dead",
        f"no request for {COOLDOWN:g} s before each of two probes, then given up",
        f"{stats.requests} requests, {_listed(waits)} s apart",
        len(waits) == 4 and all(COOLDOWN <= wait < COOLDOWN + 1 for wait in waits[2:]),
    )
    yield Evidence(
        "dead",
        "its failure is reported and does not affect the others",
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
    yield Evidence("dirty", "an unreadable price is not a price", f"{unreadable} counted", unreadable == 1)
    missing = source.get("pages_missing")
    yield Evidence("dirty", "the page that did not arrive is listed", f"missing: {missing}", missing == [4])


def _rate(scene: str, stats: StatsReport) -> Evidence:
    times = [seen.at for seen in stats.log]
    return Evidence(
        scene,
        f"at most {BURST} + {RPS}·t requests in any t seconds",
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
    """True if ascending ``times`` have at most ``burst + rate * t`` in any closed window of ``t`` seconds.

    Times are rounded to 0.1 ms, so a window may be 0.2 ms longer.
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
