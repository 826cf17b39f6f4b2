"""Progress lines, for standard error without a terminal."""

import json
import re
from pathlib import Path

import pytest
import trio
from helpers.end_to_end import mocks, run
from loguru import logger

from pipeline.model.status import EndpointStatus, RunStatus
from pipeline.ui.progress import log_progress, progress_line
from pipeline.ui.throughput import Paced

UNDER_WAY = Paced(EndpointStatus("api1", pages=17, pages_wanted=25, records=340), 4.0, 80.0)
OPEN = Paced(EndpointStatus("api2", pages=8, pages_wanted=25, records=160, circuit="open", probe_in=8.3), 4.0, 80.0)
PROBED = Paced(EndpointStatus("api3", circuit="half-open"))
PAUSED = Paced(EndpointStatus("api4", pages=1, records=20, paused_for=6.5), 4.0, 80.0)
DONE = Paced(EndpointStatus("api5", pages=9, pages_wanted=9, records=170, paused_for=9.0, ended="complete"))
DEAD = Paced(EndpointStatus("api6", circuit="given up", ended="failed"))


@pytest.mark.parametrize(
    ("endpoints", "line", "outlook"),
    [
        (
            [UNDER_WAY, OPEN, DONE],
            "34 of 59 pages, 670 records, 2 of 3 endpoints active, api2: circuit open (probe in 9 s)",
            "ETA 13 s, 41 s left",
        ),
        (
            [PROBED],
            "0 pages, 0 records, 1 of 1 endpoint active, api3: circuit open (probing)",
            "ETA unknown, 41 s left",
        ),
        (
            [PAUSED, DEAD],
            "1 page, 20 records, 1 of 2 endpoints active, api4: paused for 7 s",
            "ETA unknown, 41 s left",
        ),
        (
            [OPEN, PROBED, PAUSED, PAUSED],
            "10 pages, 200 records, 4 of 4 endpoints active, 2 circuits open, 2 endpoints paused",
            "ETA unknown, 41 s left",
        ),
        ([DONE], "9 of 9 pages, 170 records, 0 of 1 endpoint active", "ETA 0 s, 41 s left"),
    ],
)
def test_a_line_says_how_the_run_stands(endpoints: list[Paced], line: str, outlook: str) -> None:
    """A line has pages, records, open circuits, pauses, and the outlook."""
    status = RunStatus([endpoint.status for endpoint in endpoints], elapsed=19.5, timeout=60)
    assert progress_line(status, endpoints) == f"progress: {line}, {outlook}"


@pytest.mark.virtual_time
@pytest.mark.parametrize(("seconds", "lines"), [(4.9, 0), (5.1, 1), (61, 12)])
async def test_a_line_comes_every_five_seconds(seconds: float, lines: int) -> None:
    """Shorter runs have no line; the level of the lines is INFO."""
    heard: list[str] = []
    logger.enable("pipeline")
    logger.add(heard.append, format="{level} {message}")
    with trio.move_on_after(seconds):
        await log_progress(lambda: RunStatus([UNDER_WAY.status], trio.current_time(), timeout=60))
    assert len(heard) == lines
    assert all(line.startswith("INFO progress: 17 of 25 pages, 340 records, ") for line in heard)


async def test_a_run_into_a_pipe_logs_its_progress(tmp_path: Path) -> None:
    """Progress lines have the format of the log; --no-progress disables them, and there are no bars."""
    ways = {"text": (), "json": ("--log-format", "json"), "none": ("--no-progress",)}
    told: dict[str, str] = {}

    async def run_with(way: str) -> None:
        result = await run(urls, tmp_path / f"{way}.json", "timeout=8", flags=ways[way])
        told[way] = result.stderr

    async with mocks("api1:2:hang", pages=2) as urls, trio.open_nursery() as nursery:
        for way in ways:
            nursery.start_soon(run_with, way)
    (text,) = re.findall(r"^\d\d:\d\d:\d\d INFO    (progress: .*)$", told["text"], re.MULTILINE)
    (line,) = [entry for entry in map(json.loads, told["json"].splitlines()) if "progress" in entry["message"]]
    for message in (text, line["message"]):
        assert message.startswith("progress: 5 of 6 pages, 100 records, 1 of 3 endpoints active, ETA ")
    assert "progress" not in told["none"]
    assert "|" not in "".join(told.values())
