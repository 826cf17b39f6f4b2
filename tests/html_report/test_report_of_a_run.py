"""The report of a run: when it is written, where, and what its failures may affect."""

import json
import signal
import sys
from collections.abc import Callable
from importlib import util
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner
from helpers.reports import run, trouble, with_report
from helpers.support import FakeApi, config
from loguru import logger

from pipeline import cli, runner
from pipeline.config.load import load_config
from pipeline.errors import ConfigError
from pipeline.html_report import drawing, render
from pipeline.html_report.facts import Facts
from pipeline.model.status import Poll
from pipeline.output.files import OutputFiles, report_file
from pipeline.shutdown import ECHO_SECONDS

pytestmark = pytest.mark.virtual_time


async def test_a_run_with_trouble_has_a_report_of_it(tmp_path: Path) -> None:
    """The report of a partial run shows results and faults, and no temporary file is left."""
    summary = await run(with_report(tmp_path, "busy", "ill", "dead"), trouble())
    text = (tmp_path / "report.html").read_text()
    assert summary.report == tmp_path / "report.html"
    assert summary.summary.status == "partial"
    for said in ("1 of 3 sources incomplete", "circuit open", ">refused<", "2 rejected records", "--resume"):
        assert said in text, said
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "rejects.jsonl",
        "report.html",
        "summary.json",
    ]


async def test_a_run_that_a_signal_stopped_has_a_report(tmp_path: Path) -> None:
    """A run that was stopped by a signal has a report that names the signal."""

    async def stop(poll: Poll) -> None:
        await trio.sleep(1.5)
        signal.raise_signal(signal.SIGTERM)

    apis = {"a": FakeApi(pages=99, latency=1)}
    summary = await run(with_report(tmp_path, "a"), apis, signals=[signal.SIGTERM], watch=stop)
    assert summary.stopped_by == signal.SIGTERM
    assert "stopped by SIGTERM" in (tmp_path / "report.html").read_text()


async def test_without_a_word_there_is_no_report_and_nothing_of_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ``report``, its libraries are not imported, and an earlier report is left alone."""
    for name in ("jinja2", "vl_convert"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "report.html").write_text("earlier")
    summary = await run(config(tmp_path / "summary.json", "a"), {"a": FakeApi()})
    assert summary.report is None
    assert (tmp_path / "report.html").read_text() == "earlier"
    assert not {"jinja2", "vl_convert"} & sys.modules.keys()


async def test_a_missing_library_is_said_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the library and the command that installs it."""
    find = util.find_spec
    monkeypatch.setattr(drawing, "find_spec", lambda name: None if name == "vl_convert" else find(name))
    api = FakeApi()
    with pytest.raises(ConfigError, match=r"report: .*vl_convert.*pip install 'catalogue-pipeline\[report\]'"):
        await run(with_report(tmp_path, "a"), {"a": api})
    assert api.asked == []


async def test_the_catalogue_is_in_place_before_anything_is_drawn(tmp_path: Path) -> None:
    """When drawing begins, the new summary and products are there, and the report of an earlier run is not."""
    for name in ("summary.json", "products.jsonl", "report.html"):
        (tmp_path / name).write_text("earlier")
    seen: dict[str, str] = {}

    async def draw(_: Facts) -> bytes:
        await trio.lowlevel.checkpoint()
        seen.update((path.name, path.read_text()) for path in tmp_path.iterdir() if path.is_file())
        return b"drawn"

    config = with_report(tmp_path, "a", products=str(tmp_path / "products.jsonl"))
    summary = await run(config, {"a": FakeApi()}, draw=draw)
    assert seen.keys() == {"summary.json", "products.jsonl"}
    assert "earlier" not in seen.values()
    assert summary.report == tmp_path / "report.html"
    assert summary.report.read_text() == "drawn"


def _break_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "gather", broken)


def _break_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render.charts, "draw", broken)


def _break_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OutputFiles, "write_report", broken)


def broken(*_: object, **__: object) -> None:
    raise ValueError("no chart today")


@pytest.mark.parametrize("break_it", [_break_gather, _break_charts, _break_writing])
async def test_a_report_that_cannot_be_made_costs_no_catalogue(
    break_it: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The summary is written, the error is logged, the outdated report and the journal are removed."""
    break_it(monkeypatch)
    (tmp_path / "report.html").write_text("earlier")
    lines: list[str] = []
    logger.enable("pipeline")
    logger.add(lines.append, format="{level} {message}", level="ERROR")
    summary = await run(with_report(tmp_path, "a"), {"a": FakeApi()})
    assert (summary.summary.status, summary.report) == ("complete", None)
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]
    (line,) = lines
    assert "the report could not be made: ValueError('no chart today'); there is no report of this run" in line


async def test_a_report_that_cannot_be_written_costs_no_catalogue(tmp_path: Path) -> None:
    """The log names the reason of the system, and gives no advice about the catalogue."""

    async def draw(_: Facts) -> bytes:
        await trio.lowlevel.checkpoint()
        (tmp_path / "report.html").mkdir()
        return b"drawn"

    lines: list[str] = []
    logger.enable("pipeline")
    logger.add(lines.append, format="{message}", level="ERROR")
    summary = await run(with_report(tmp_path, "a"), {"a": FakeApi()}, draw=draw)
    assert (summary.summary.status, summary.report, summary.journal) == ("complete", None, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "summary.json"]
    (line,) = lines
    assert "directory" in line
    assert "--resume" not in line


async def test_a_cancellation_while_drawing_costs_only_the_report(tmp_path: Path) -> None:
    """The new summary is in place, and the journal of a complete run is removed."""
    for name in ("summary.json", "report.html"):
        (tmp_path / name).write_text("earlier")
    with trio.CancelScope() as scope:

        async def draw(_: Facts) -> bytes:
            scope.cancel()
            await trio.sleep_forever()
            raise AssertionError

        await run(with_report(tmp_path, "a"), {"a": FakeApi()}, draw=draw)
    assert scope.cancelled_caught
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]
    assert json.loads((tmp_path / "summary.json").read_bytes())["summary"]["status"] == "complete"


async def test_a_second_signal_ends_the_drawing(tmp_path: Path) -> None:
    """The first signal changes nothing when fetching is over; the second ends the drawing and no more."""

    async def draw(_: Facts) -> bytes:
        for _ in range(2):
            signal.raise_signal(signal.SIGTERM)
            await trio.sleep(ECHO_SECONDS + 1)
        raise AssertionError

    summary = await run(with_report(tmp_path, "a"), {"a": FakeApi()}, signals=[signal.SIGTERM], draw=draw)
    assert (summary.summary.status, summary.stopped_by, summary.report) == ("complete", None, None)
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]


async def test_a_folder_in_its_place_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    """A folder in place of the report is an error before anything is fetched."""
    (tmp_path / "report.html").mkdir()
    with pytest.raises(ConfigError, match=r"report\.html is not a regular file"):
        await run(with_report(tmp_path, "a"), {"a": FakeApi()})


def test_it_goes_by_the_name_of_the_output() -> None:
    """Two outputs in one folder have separate reports."""
    assert report_file(Path("out/summary.json")) == Path("out/report.html")
    assert report_file(Path("out/shops.json")) == Path("out/shops.report.html")


@pytest.mark.parametrize(
    ("flags", "env", "wanted"),
    [([], {}, False), (["--report"], {}, True), (["--no-report"], {"PIPELINE_REPORT": "true"}, False),
     ([], {"PIPELINE_REPORT": "true"}, True), (["--set", "report=true"], {}, True)],
)  # fmt: skip
def test_flag_environment_and_set_reach_the_key(
    flags: list[str], env: dict[str, str], wanted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``report`` can be set by flag, environment or --set, and the flag has precedence."""
    (tmp_path / "c.yaml").write_text("endpoints: [{name: a, url: 'http://a.test'}]")
    seen: list[bool] = []
    monkeypatch.setattr("pipeline.cli.run._run", lambda loaded, *_, **__: seen.append(loaded.config.report))
    CliRunner().invoke(cli.main, ["-c", str(tmp_path / "c.yaml"), *flags], env=env)
    assert seen == [wanted]
    assert load_config(tmp_path / "c.yaml", environ=env).report is (env != {})
