"""Names of output files with the date, the time and the id of a run."""

import json
import os
from datetime import datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from helpers.configs import problems
from helpers.running import run_pipeline
from helpers.support import NO_LIMIT, NO_TLS, FakeApi, config, dispatch_inline, forever, reply
from hypothesis import given
from hypothesis import strategies as st

import pipeline
from pipeline.config.endpoint import Endpoint
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Config
from pipeline.fetch.http.client import Client
from pipeline.normalize.normalizer import normalize_batch
from pipeline.output.dated_names import dated, new_run, newest_first, undated
from pipeline.output.files import OutputFiles
from pipeline.output.replay import replay_rejects

pytestmark = pytest.mark.virtual_time

RUN = "20261121T103005Z-9f86d081"


@pytest.mark.parametrize(
    ("pattern", "name", "plain"),
    [
        ("out/{date}.json", "out/2026-11-21.json", "out/summary.json"),
        ("out/shop-{date}-{time}.json", "out/shop-2026-11-21-103005.json", "out/shop--.json"),
        ("out/{date}-{time}.json", "out/2026-11-21-103005.json", "out/summary.json"),
        ("out/{date}_shop.json", "out/2026-11-21_shop.json", "out/shop.json"),
        ("out/{date}/summary.json", "out/2026-11-21/summary.json", "out/summary.json"),
        ("out/{run}.json", f"out/{RUN}.json", "out/summary.json"),
        ("out/{date}/{date}.json", "out/2026-11-21/2026-11-21.json", "out/summary.json"),
        ("out/summary.json", "out/summary.json", "out/summary.json"),
    ],
)
def test_placeholders_become_the_start_and_the_id_of_the_run(pattern: str, name: str, plain: str) -> None:
    """The names of a run follow from its id; the journal has the name without the placeholders."""
    assert dated(pattern, RUN) == Path(name)
    assert undated(pattern) == Path(plain)


def test_an_id_begins_with_the_start_of_its_run() -> None:
    """Ids sort by time, and differ for runs that start in the same second."""
    first, second = (new_run("2026-11-21T10:30:05Z") for _ in range(2))
    assert first[:17] == second[:17] == "20261121T103005Z-"
    assert first != second


@pytest.mark.parametrize("key", ["output", "products"])
def test_an_unknown_placeholder_is_an_error(key: str, tmp_path: Path) -> None:
    """The message names the placeholder, and those that there are."""
    text = f"endpoints: [{{name: a, url: 'http://a.test'}}]\n{key}: 'out/{{day}}.csv'"
    assert problems(tmp_path, text)[key].endswith("{day}, which is not a placeholder; there are: {date}, {time}, {run}")


SECONDS = st.datetimes().map(lambda moment: moment.replace(microsecond=0, fold=0))


@given(st.sets(SECONDS, min_size=1), st.sampled_from(["{run}", "{date}-{time}", "{time}-{date}", "{time}-{run}"]))
def test_the_newest_file_is_that_of_the_latest_run(starts: set[datetime], name: str) -> None:
    """The files of a pattern are in the order of their runs, whenever they were written."""
    with TemporaryDirectory() as folder:
        pattern = f"{folder}/shop-{name}.json"
        files = [dated(pattern, new_run(f"{start.isoformat()}Z")) for start in sorted(starts, reverse=True)]
        for file in Random(7).sample(files, len(files)):
            file.write_text("{}")
        (Path(folder) / "shop-2026.json").write_text("not of the pattern")
        assert list(newest_first(pattern)) == files


def test_without_a_date_the_file_written_last_is_the_newest(tmp_path: Path) -> None:
    """Times of the day alone do not sort, so the time of writing counts."""
    for age, time in enumerate(("235900", "000100")):
        (tmp_path / f"{time}.json").write_text("{}")
        os.utime(tmp_path / f"{time}.json", (1_000_000 + age, 1_000_000 + age))
    assert [path.stem for path in newest_first(str(tmp_path / "{time}.json"))] == ["000100", "235900"]


def at(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Let runs begin at a moment."""
    monkeypatch.setattr("pipeline.runner.utc_timestamp", lambda: moment)


async def run(folder: Path, api: FakeApi, **options: Any) -> pipeline.Summary:
    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=api)

    chosen = config(
        folder / "{date}" / "shop-{time}.json",
        "a",
        rate_limit=NO_LIMIT,
        products=str(folder / "{date}.jsonl"),
        changes=True,
    )
    return await run_pipeline(chosen, connect=connect, dispatch=dispatch_inline, rng=Random(7), **options)


async def test_each_night_has_its_own_files_and_is_compared_with_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nights leave two summaries; the second one has the changes since the first, and its baseline."""
    at(monkeypatch, "2026-11-21T02:00:00Z")
    first = await run(tmp_path, FakeApi(pages=2))
    at(monkeypatch, "2026-11-22T02:00:05Z")
    second = await run(tmp_path, FakeApi(pages=3))
    assert first.output == tmp_path / "2026-11-21" / "shop-020000.json"
    assert second.output == tmp_path / "2026-11-22" / "shop-020005.json"
    assert first.output.exists()
    assert second.products == tmp_path / "2026-11-22.jsonl"
    assert second.changes == tmp_path / "2026-11-22" / "shop-020005.changes.jsonl"
    assert second.changed is not None
    assert second.changed.sources[0].added == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "2026-11-21",
        "2026-11-21.jsonl",
        "2026-11-22",
        "2026-11-22.jsonl",
    ]


async def test_a_resumed_run_keeps_the_names_of_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After midnight too, --resume completes the files of the night, and compares them with the night before."""
    at(monkeypatch, "2026-11-20T23:00:00Z")
    await run(tmp_path, FakeApi(pages=2))
    at(monkeypatch, "2026-11-21T23:59:00Z")
    partial = await run(tmp_path, FakeApi(pages=3, script={2: forever(lambda: reply(404))}))
    assert partial.journal == tmp_path / "shop-.journal"
    at(monkeypatch, "2026-11-22T00:10:00Z")
    resumed = await run(tmp_path, FakeApi(pages=3), resume=True)
    assert resumed.output == partial.output == tmp_path / "2026-11-21" / "shop-235900.json"
    assert resumed.products == tmp_path / "2026-11-21.jsonl"
    assert resumed.summary.run == partial.summary.run
    assert resumed.summary.status == "complete"
    assert resumed.changed is not None
    assert (resumed.changed.sources[0].added, resumed.changed.sources[0].removed) == (3, 0)
    assert not (tmp_path / "shop-.journal").exists()


async def test_a_run_that_starts_afresh_has_its_own_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --resume, an unfinished journal does not decide the names."""
    at(monkeypatch, "2026-11-21T02:00:00Z")
    await run(tmp_path, FakeApi(pages=3, script={2: forever(lambda: reply(404))}))
    at(monkeypatch, "2026-11-22T02:00:00Z")
    assert (await run(tmp_path, FakeApi(pages=3))).output == tmp_path / "2026-11-22" / "shop-020000.json"


async def test_rejected_records_of_the_newest_night_are_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`replay-rejects` works on the newest files of the pattern."""
    for day in (21, 22):
        at(monkeypatch, f"2026-11-{day}T02:00:00Z")
        summary = await run(tmp_path, FakeApi(pages=1))
    output, names = tmp_path / "{date}" / "shop-{time}.json", str(tmp_path / "{date}.jsonl")
    chosen = Config(output=str(output), products=names, endpoints=(Endpoint(name="a", url="http://a.test"),))
    files = OutputFiles.of_newest(chosen)
    assert (files.summary, files.products) == (summary.output, tmp_path / "2026-11-22.jsonl")
    assert replay_rejects(files, normalize_batch).letters == 0
    assert json.loads(summary.output.read_text())["summary"]["total_products"] == 3
