"""The drawing process: hostile texts, a crash, a hang and a cancellation cost at most the report."""

import json
import os
import signal
import sys
import unicodedata
from pathlib import Path

import pytest
import trio
from helpers.discovering import file_server
from helpers.reports import facts, run, with_report
from helpers.support import FakeApi
from loguru import logger

import pipeline
from pipeline.config.load import load_config
from pipeline.html_report import drawing
from pipeline.html_report.drawing import DrawingError, draw
from pipeline.html_report.transfer import TEXT_LENGTH, decode_facts, encode_facts
from pipeline.model.status import Poll
from pipeline.shutdown import ECHO_SECONDS

ABORTS = ("-c", "import os; os.abort()")
FATAL = "\x00\x07\x1b\ufffe\uffff"  # vl-convert aborts the process at each


def hangs(pid: Path) -> tuple[str, str]:
    return "-c", f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"


def is_alive(pid: Path) -> bool:
    try:
        os.kill(int(pid.read_text()), 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("character", FATAL)
async def test_a_character_that_cannot_be_drawn_is_replaced(character: str) -> None:
    """A text with the character is drawn with U+FFFD in its place."""
    page = (await draw(facts(f"a{character}b"))).decode()
    assert "a\ufffdb" in page
    assert character not in page


async def test_no_unusual_character_is_fatal() -> None:
    """All control, format, separator and surrogate characters, and samples of the unassigned ones, are drawn."""
    odd = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zs", "Zl", "Zp")]
    odd += [chr(code) for code in (0xD800, 0xDFFF, 0xE000, 0xFDD0, 0x1FFFE, 0x1FFFF, 0x10FFFF)]
    texts = ["a".join(odd[start : start + 40]) for start in range(0, len(odd), 40)]
    page = await draw(facts(categories=[(text, 1) for text in texts]))
    assert page.endswith(b"</html>")


@pytest.mark.parametrize("length", [10_000, 200_000])
async def test_a_long_text_takes_seconds(length: int, tmp_path: Path) -> None:
    """A run whose titles and categories are this long has its report soon after."""
    text = "".join(chr(ord("a") + number % 26) for number in range(length))
    (tmp_path / "shop.json").write_text(json.dumps([{"id": 1, "title": text, "category": text, "price": 1}]))
    with file_server(tmp_path) as home, trio.fail_after(20):
        endpoint = {"name": "shop", "url": f"{home}/shop.json", "paging": "none"}
        config = load_config({"endpoints": [endpoint], "output": str(tmp_path / "summary.json"), "report": True})
        summary = await pipeline.run(config)
    assert summary.report
    page = summary.report.read_text()
    assert text[:90] in page
    assert text[: TEXT_LENGTH + 1] not in page


def test_texts_are_cut_except_for_the_configuration() -> None:
    """Long texts end with an ellipsis; the configuration is whole, and cleaned like them."""
    long = "x" * (TEXT_LENGTH + 1)
    sent = decode_facts(encode_facts(facts(long, configuration=f"{long}: \x1b\n\ttab\n")))
    assert sent.samples[0].title == f"{long[:-1]}…"
    assert sent.configuration == f"{long}: \ufffd\n\ttab\n"


async def test_the_process_ignores_modules_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that has the name of a library is not imported."""
    for name in ("msgspec", "jinja2", "pipeline"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    assert (await draw(facts())).endswith(b"</html>")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (ABORTS, "ended by SIGABRT"),
        (("-c", "raise ValueError('no chart today')"), "failed: ValueError: no chart today"),
        (("-c", "raise SystemExit(7)"), "failed: exit code 7"),
    ],
)
async def test_a_process_that_fails_is_an_error_with_its_reason(
    command: tuple[str, ...], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the signal, the last line of the output, or the exit code."""
    monkeypatch.setattr(drawing, "_COMMAND", command)
    with pytest.raises(DrawingError, match=reason):
        await draw(facts())


async def test_a_python_that_cannot_be_started_costs_no_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is complete without a report."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    summary = await run(with_report(tmp_path, "a"), {"a": FakeApi()}, draw=draw)
    assert (summary.summary.status, summary.report) == ("complete", None)


async def test_a_process_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When its time is over, the log reports it, the run is complete without a report, and the process is gone."""
    monkeypatch.setattr(drawing, "_COMMAND", hangs(tmp_path / "pid"))
    monkeypatch.setattr(drawing, "TIME_LIMIT", 3.0)
    (tmp_path / "report.html").write_text("earlier")
    lines: list[str] = []
    logger.enable("pipeline")
    logger.add(lines.append, format="{message}", level="ERROR")
    summary = await run(with_report(tmp_path, "a"), {"a": FakeApi()}, draw=draw)
    assert (summary.summary.status, summary.report) == ("complete", None)
    assert not is_alive(tmp_path / "pid")
    assert not (tmp_path / "report.html").exists()
    assert "drawing it took more than 3 s; there is no report of this run, and that of an earlier one" in lines[0]


async def test_a_second_signal_kills_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run ends soon and is complete, the process is gone, and the log says that there is no report."""
    monkeypatch.setattr(drawing, "_COMMAND", hangs(tmp_path / "pid"))
    lines: list[str] = []
    logger.enable("pipeline")
    logger.add(lines.append, format="{message}", level="ERROR")

    async def stop(_: Poll) -> None:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            await trio.sleep(0.01)
        signal.raise_signal(signal.SIGTERM)
        await trio.sleep(ECHO_SECONDS + 0.2)
        signal.raise_signal(signal.SIGTERM)

    with trio.fail_after(20):
        config = with_report(tmp_path, "a")
        summary = await run(config, {"a": FakeApi()}, signals=[signal.SIGTERM], watch=stop, draw=draw)
    assert (summary.summary.status, summary.stopped_by, summary.report) == ("complete", None, None)
    assert not is_alive(tmp_path / "pid")
    assert "the report could not be made: it was ended by a cancellation or a signal" in lines[0]


async def test_a_process_that_was_left_alone_ends_by_itself() -> None:
    """If nobody kills it when its time is over, because the run was killed, it ends anyway."""
    code = (
        "import runpy; from pipeline.html_report import drawing; drawing.TIME_LIMIT = 0.5;"
        "runpy.run_module('pipeline.html_report', run_name='__main__')"
    )
    read, write = os.pipe()  # never written to
    try:
        with trio.fail_after(20):
            ended = await trio.run_process([sys.executable, "-c", code], stdin=read, capture_stderr=True, check=False)
    finally:
        os.close(read)
        os.close(write)
    assert ended.returncode == 1
    assert b"Timeout" in ended.stderr


async def test_a_crash_of_the_chart_library_changes_no_exit_code(tmp_path: Path) -> None:
    """The command ends with 0, says that there is no report, and has written the summary."""
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    (libraries / "vl_convert.py").write_text("import os\ndef vegalite_to_svg(*_, **__): os.abort()")
    (tmp_path / "shop.json").write_text('[{"id": 1, "price": 5, "category": "a"}]')
    with file_server(tmp_path) as home:
        command = [sys.executable, "-m", "pipeline", "--report", "-o", str(tmp_path / "out" / "summary.json")]
        endpoint = f'endpoints=[{{"name": "shop", "url": "{home}/shop.json", "paging": "none"}}]'
        ended = await trio.run_process(
            [*command, "--set", endpoint], capture_stdout=True, capture_stderr=True, check=False,
            env={**os.environ, "PYTHONPATH": str(libraries)},
        )  # fmt: skip
    assert ended.returncode == 0
    assert b"the drawing process was ended by SIGABRT" in ended.stdout + ended.stderr
    assert b"report.html" not in ended.stdout
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["summary.json"]
