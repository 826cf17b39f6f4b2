"""Bars on a pseudo-terminal, as a terminal emulator shows them."""

import io
import os
import re
import signal
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path

import msgspec
import pytest
import trio
from helpers.end_to_end import command, mocks
from helpers.terminal import Terminal
from loguru import logger
from tqdm import tqdm

from pipeline.config.settings import Log
from pipeline.model.status import EndpointStatus, RunStatus
from pipeline.ui.bars import Bars, show_bars
from pipeline.ui.logs import configure_logging
from pipeline.ui.progress import log_progress, progress_watch
from pipeline.ui.rows import Row

ROWS = [Row(1, 4, "one |{bar:4}| quarter"), Row(3, None, "two |{bar:4}| unknown")]


def draw(terminal: Terminal, bars: Bars, rows: Sequence[Row] = ROWS) -> list[str]:
    """Draw rows, and return the lines on the screen."""
    bars.draw(rows)
    terminal.read_all()
    return terminal.screen


def close(terminal: Terminal, bars: Bars) -> list[str]:
    """Close the bars, and return the lines on the screen."""
    bars.close()
    terminal.read_all()
    return terminal.screen


def test_bars_are_drawn_over_and_leave_nothing_behind() -> None:
    """Each drawing replaces the one before, whatever their numbers of lines, and the end leaves a clean screen."""
    with Terminal(40) as terminal:
        bars = Bars(terminal.file)
        assert draw(terminal, bars) == ["one |█   | quarter", "two |    | unknown"]
        more = [Row(4, 4, "one |{bar:4}| all"), *ROWS]
        assert draw(terminal, bars, more) == ["one |████| all", "one |█   | quarter", "two |    | unknown"]
        assert draw(terminal, bars, [Row(4, 4, "1 |{bar:4}|")]) == ["1 |████|"]
        assert close(terminal, bars) == []
        assert terminal.cursor == (0, 0)


def test_log_lines_stand_above_the_bars() -> None:
    """Log lines stay intact if they are longer than the terminal is wide, and if the screen scrolls."""
    with Terminal(40) as terminal:
        configure_logging(Log())
        bars = Bars(terminal.file)
        for number in range(30):
            draw(terminal, bars)
            logger.info("{} {}", number, "long " * 10 if number == 28 else "short")
        *_, before, long, rest, last, one, two = draw(terminal, bars)
        assert before.endswith("INFO    27 short")
        assert f"{long}{rest}".replace(" ", "").endswith("INFO28" + 10 * "long")
        assert last.endswith("INFO    29 short")
        assert [one, two] == ["one |█   | quarter", "two |    | unknown"]
        assert close(terminal, bars)[-1] == last


@pytest.mark.parametrize("rewraps", [False, True])
@pytest.mark.parametrize("log_lines", [[], ["log"]])
@pytest.mark.parametrize(("columns", "lines"), [(15, 24), (80, 24), (40, 5), (40, 50)])
def test_a_terminal_may_be_resized_at_any_time(
    columns: int, lines: int, log_lines: Sequence[str], rewraps: bool
) -> None:
    """Nothing is left of the old bars and nothing wraps, even if a log line is written first."""
    with Terminal(40) as terminal:
        configure_logging(Log())
        bars = Bars(terminal.file)
        draw(terminal, bars, [Row(1, 4, "one |{bar:4}| with words up to the right m")] * 2)
        terminal.resize(columns, lines, rewraps=rewraps)
        for line in log_lines:
            logger.info(line)
        *above, one, two = draw(terminal, bars, [Row(1, 4, "{bar:6}")] * 2)
        assert [one, two] == ["█▌"] * 2
        assert "".join(above).replace(" ", "")[len("00:00:00") :] == "".join(f"INFO{line}" for line in log_lines)
        assert close(terminal, bars) == above


@pytest.mark.parametrize("rewraps", [False, True])
def test_bars_go_away_also_right_after_a_resize(rewraps: bool) -> None:
    """Each bar may have been wrapped into several lines, and all of them are erased."""
    with Terminal(40) as terminal:
        bars = Bars(terminal.file)
        draw(terminal, bars)
        terminal.resize(15, 24, rewraps=rewraps)
        assert close(terminal, bars) == []


def test_there_are_never_more_bars_than_lines() -> None:
    """A low terminal shows the last rows; one without any room shows none."""
    with Terminal(40) as terminal:
        bars = Bars(terminal.file)
        for lines, shown in ((6, ["3", "4", "5", "6"]), (3, ["6"]), (2, []), (24, list("0123456"))):
            terminal.resize(40, lines)
            assert draw(terminal, bars, [Row(0, None, str(number)) for number in range(7)]) == shown
        bars.close()


def test_what_the_terminal_cannot_write_takes_no_more_room() -> None:
    """If the encoding lacks blocks and ellipses, bars consist of digits and nothing wraps."""
    with Terminal(20, encoding="ascii") as terminal:
        bars = Bars(terminal.file)
        assert draw(terminal, bars, [Row(1, 2, "name… |{bar:4}| 56789")]) == ["name? |##  | 56789"]
        bars.close()


def status(number: int, **changes: object) -> EndpointStatus:
    return msgspec.structs.replace(EndpointStatus(f"shop-{number}", pages=5, pages_wanted=10, records=100), **changes)


async def screens(terminal: Terminal, endpoints: list[EndpointStatus], *changes: EndpointStatus) -> list[list[str]]:
    """Return the screen for these endpoints, and then the screen after each change."""
    found = []

    def poll() -> RunStatus:
        terminal.read_all()
        return RunStatus(tuple(endpoints), trio.current_time(), timeout=60)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(show_bars, poll)
        for change in (None, *changes):
            if change:
                endpoints[int(change.source.partition("-")[2])] = change
            await trio.sleep(5)
            found.append(terminal.screen)
        nursery.cancel_scope.cancel()
    terminal.read_all()
    assert terminal.screen == []
    return found


@pytest.mark.virtual_time
async def test_a_thousand_endpoints_fold_into_one_bar_and_the_worst_ten() -> None:
    """The worst ten are chosen anew for each drawing, and the end leaves a clean screen."""
    endpoints = [status(number, ended="complete") for number in range(1000)]
    endpoints[700:720] = [status(number, retries=number - 700) for number in range(700, 720)]
    with Terminal(80) as terminal:
        before, after = await screens(terminal, endpoints, status(3, circuit="open", probe_in=9.0))
    assert before[0] == "endpoints     980/1,000 ended |█████████▊|"
    assert [line.split()[0] for line in before[1:-1]] == [f"shop-{number}" for number in range(719, 709, -1)]
    assert after[0] == "endpoints     979/1,000 ended |█████████▊| 1 circuit open"
    assert after[1:-1] == ["shop-3             5/10 pages |█████     | 100 records, open, probe in 9 s", *before[1:-2]]
    assert after[-1].startswith("total      5,000/10,000 pages |█████     | 9 of 60 s, ETA unknown, ")


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (6, ["shop-0", "shop-1", "shop-2", "total"]),
        (5, ["endpoints", "shop-2", "total"]),
        (4, ["endpoints", "total"]),
        (3, ["total"]),
        (2, []),
    ],
)
async def test_more_endpoints_than_lines_fold_too(lines: int, shown: list[str]) -> None:
    """The lower the terminal, the fewer rows are shown; the row of the run remains longest."""
    with Terminal(40, lines) as terminal:
        (screen,) = await screens(terminal, [status(number, retries=number) for number in range(3)])
    assert [line.split()[0] for line in screen] == shown


class Clogged(io.StringIO):
    """A terminal in non-blocking mode whose buffer is full."""

    encoding = "utf-8"

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self.fileno = terminal.file.fileno

    def write(self, text: str) -> int:
        raise BlockingIOError


async def test_a_terminal_that_cannot_be_written_to_does_not_end_the_run() -> None:
    """Drawing ends, and other threads can still write log lines."""

    def log() -> None:
        with tqdm.get_lock():
            assert not tqdm._instances

    with Terminal(80) as terminal, redirect_stderr(Clogged(terminal)), trio.fail_after(10):
        await show_bars(lambda: RunStatus([status(1)], 1, timeout=60))
        await trio.to_thread.run_sync(log, abandon_on_cancel=True)


@pytest.mark.parametrize(
    ("columns", "term", "watch"), [(80, "xterm", show_bars), (80, "dumb", log_progress), (0, "xterm", log_progress)]
)
def test_bars_need_a_terminal_to_draw_on(
    monkeypatch: pytest.MonkeyPatch, columns: int, term: str, watch: object
) -> None:
    """A dumb terminal, or one of unknown size, gets progress lines."""
    monkeypatch.setenv("TERM", term)
    with Terminal(columns or 1) as terminal:
        if not columns:
            terminal.tell_size(0, 0)
        assert progress_watch() is watch


@pytest.mark.parametrize("closed", [True, False])
def test_elsewhere_there_are_lines(monkeypatch: pytest.MonkeyPatch, closed: bool) -> None:
    """A pipe or a closed standard error gets progress lines."""
    if closed:
        monkeypatch.setattr(sys, "stderr", None)
    assert progress_watch() is log_progress


@pytest.mark.parametrize("resized", [40, 100])
async def test_a_real_run_leaves_a_clean_screen(tmp_path: Path, resized: int) -> None:
    """Bars and log lines share a terminal that is resized during the run, and no trace of the bars is left."""
    settings = ("rate_limit.rps=20", "rate_limit.burst=1", "retry.base_delay=0.1", "breaker.cooldown=1")
    seen = []
    with Terminal(80, 40) as terminal, trio.fail_after(60):
        async with mocks("api1:3:503x1", "api2:5:503x3", pages=25) as urls:
            arguments = command(urls, tmp_path / "s.json", settings, ())
            ends = {"stdin": terminal.theirs, "stdout": terminal.theirs, "stderr": terminal.theirs}
            process = await trio.lowlevel.open_process(
                arguments, env={**os.environ, "TERM": "xterm", "NO_COLOR": "1"}, **ends
            )
            while process.poll() is None:
                with trio.move_on_after(0.1) as quiet:
                    await trio.lowlevel.wait_readable(terminal.ours)
                    terminal.read_some()
                if quiet.cancelled_caught:
                    seen.append(terminal.screen)
                    if len(seen) == 3:
                        terminal.resize(resized, 40)
                        process.send_signal(signal.SIGWINCH)
        terminal.read_all()
    with_bars = [screen for screen in seen if bars_on(screen)]
    assert len(with_bars) >= 3
    for screen in with_bars:
        assert bars_on(screen) == bars_on(screen[-4:]) == ["api1", "api2", "api3", "total"]
    assert any("open, probe in 1 s" in line for screen in with_bars for line in screen[-4:])
    assert terminal.is_plain
    assert bars_on(terminal.screen) == []
    shown = "".join(terminal.screen).replace(" ", "")
    assert [shown.count(words) for words in ("page5(attempt3)", "api3:allpagesfetched:25", "sourcestatus")] == [1, 1, 1]
    assert "complete:1,500products" in shown


def bars_on(screen: Sequence[str]) -> list[str]:
    """Return the names in front of counts; in the closing table a status follows the name."""
    return re.findall(r"^(api\d|total) +\d", "\n".join(screen), re.MULTILINE)
