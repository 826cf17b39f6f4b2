"""The demonstration: its evidence detects broken promises, and its narration fits a terminal."""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mockapi.catalog import page_of
from mockapi.command import run_command
from mockapi.demo import two_nights
from mockapi.demo.evidence import gather
from mockapi.demo.narrator import Narrator
from mockapi.demo.scenes import COOLDOWN, PAGES, PER_PAGE, SCENES
from mockapi.dirt import soiled
from mockapi.stats import Seen, StatsReport
from pipeline.config.endpoint import Breaker, RateLimit
from pipeline.config.settings import Config

WHOLE = {"status": "complete", "pages_fetched": PAGES, "products": PAGES * PER_PAGE}
SOURCES: dict[str, dict[str, Any]] = {
    "steady": WHOLE,
    "busy": WHOLE,
    "outage": WHOLE,
    "dead": {"status": "failed"},
    "dirty": {
        "items_fetched": 100,
        "products": 97,
        "duplicates": 1,
        "rejected": 2,
        "pages_missing": [4],
        "coercions": {"unreadable_price": 1},
    },
}
SEEN = {
    "steady": [(0.0, 1), (0.1, 2), (0.3, 3)],
    "busy": [(0, 3), (0.52, 3), (1.6, 3), (3.7, 3)],
    "outage": [(0, 8), (0.5, 8), (1.6, 8), (16.7, 8)],
    "dead": [(0, 1), (0.5, 1), (1.6, 1), (16.7, 1), (31.8, 1)],
    "dirty": [(0, 1)],
}


def reports(**changes: list[tuple[float, int]]) -> dict[str, StatsReport]:
    """Return the servers' statistics."""
    return {
        name: StatsReport(name, len(log), 5, {}, [Seen(at, page) for at, page in log])
        for name, log in {**SEEN, **changes}.items()
    }


def written(folder: Path, **changes: dict[str, Any]) -> Path:
    """Write a summary with these sources."""
    sources = [{"name": name, **source, **changes.get(name, {})} for name, source in SOURCES.items()]
    (folder / "summary.json").write_text(json.dumps({"sources": sources}))
    return folder / "summary.json"


def test_every_scene_has_evidence_and_kept_promises_are_kept(tmp_path: Path) -> None:
    """A good run keeps all promises, which are listed in the order of the scenes."""
    evidence = gather(reports(), written(tmp_path), 3)
    assert list(dict.fromkeys(item.scene for item in evidence)) == [scene.name for scene in SCENES]
    assert all(item.kept for item in evidence), [item for item in evidence if not item.kept]


@pytest.mark.parametrize(
    ("scene", "log"),
    [
        ("steady", [(0.01 * n, n) for n in range(1, 8)]),
        ("busy", [(0, 3), (0.4, 3), (1.6, 3), (3.7, 3)]),
        ("outage", [(0, 8), (0.5, 8), (1.6, 8), (10, 8)]),
        ("dead", [(0, 1), (0.5, 1), (1.6, 1), (16.7, 1), (20, 1)]),
    ],
)
def test_impatient_client_breaks_its_promise(tmp_path: Path, scene: str, log: list[tuple[float, int]]) -> None:
    """The server's statistics reveal a client that retries too early."""
    evidence = gather(reports(**{scene: log}), written(tmp_path), 3)
    assert [item.scene for item in evidence if not item.kept] == [scene]


@pytest.mark.parametrize(
    ("scene", "change"),
    [
        ("steady", {"products": 499}),
        ("outage", {"status": "partial"}),
        ("dead", {"status": "complete"}),
        ("dirty", {"rejected": 1}),
        ("dirty", {"pages_missing": []}),
        ("dirty", {"coercions": {}}),
    ],
)
def test_wrong_account_breaks_its_promise(tmp_path: Path, scene: str, change: dict[str, Any]) -> None:
    """A summary that differs from what happened breaks the promise of its scene."""
    evidence = gather(reports(), written(tmp_path, **{scene: change}), 3)
    assert [item.scene for item in evidence if not item.kept] == [scene]


def test_no_summary_is_no_evidence(tmp_path: Path) -> None:
    """Without a summary, promises are broken, but nothing raises."""
    assert not all(item.kept for item in gather(reports(), tmp_path / "none.json", 1))


def test_the_changes_of_two_nights_are_held_against_the_seed() -> None:
    """The promises are kept for the counts of the seed, and broken for others and for none."""
    wanted = two_nights.moved()
    assert min(wanted.added, wanted.removed, wanted.changed) > 0
    assert [item.kept for item in two_nights.gather(wanted, wanted)] == [True, True]
    for field, kept in {"added": [False, True], "removed": [False, True], "prices": [True, False]}.items():
        other = msgspec.structs.replace(wanted, **{field: 0})
        assert [item.kept for item in two_nights.gather(wanted, other)] == kept
    assert [item.kept for item in two_nights.gather(wanted, None)] == [False, False]


def test_demonstration_shows_the_defaults() -> None:
    """The figures in the promises are the pipeline's own defaults."""
    assert (Config().rate_limit, Config().breaker) == (RateLimit(rps=5, burst=5), Breaker(cooldown=COOLDOWN))


def test_narration_fits_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """Long lines are folded under their scene; other lines are printed unchanged, and the output is printed last."""
    narrator = Narrator([scene.name for scene in SCENES])
    narrator.output_line("the table")
    message = "HTTP 503 Service Unavailable; " * 6
    narrator.log_line(json.dumps({"level": "WARNING", "message": message, "endpoint": "outage", "page": 8}))
    narrator.log_line("Traceback: no JSON")
    narrator.close()
    first, second, *_, plain, blank, table = capsys.readouterr().out.splitlines()
    assert first.startswith("  0.0 s  outage  page 8: HTTP 503")
    assert second.startswith(" " * 17)
    assert len(first) <= 80
    assert (plain, blank, table) == ("Traceback: no JSON", "", "the table")


async def test_lines_of_a_command_are_heard_to_the_last() -> None:
    """Each line of a command is delivered in order, even one without a newline, and its exit code is returned."""
    script = "import sys; print('a'); print('b', end=''); print('c', file=sys.stderr); sys.exit(3)"
    output: list[str] = []
    errors: list[str] = []
    code = await run_command([sys.executable, "-c", script], {}, on_output=output.append, on_error=errors.append)
    assert (code, output, errors) == (3, ["a", "b"], ["c"])


@pytest.mark.parametrize("persona", ["api1", "api2", "api3"])
def test_dirt_is_what_it_says(persona: str) -> None:
    """The first five records lack an id, are not an object, lack a price, have markup, or are a duplicate."""
    clean = page_of(persona, 1, 2, pages=7, per_page=20)
    identity, name, price = list(clean[0])[:3]
    dirty = soiled(clean)
    assert (len(dirty), dirty[5:]) == (20, clean[5:])
    assert identity not in dirty[0]
    assert isinstance(dirty[1], str)
    assert dirty[2][price] == "ask us"
    assert "<script>" in dirty[3][name]
    assert dirty[3][identity] == dirty[4][identity]
    assert soiled(clean[:4]) == clean[:4]
