"""Runs stopped at random instants: a summary, the right exit code, and a resumable state."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import trio
from helpers.processes import ENVIRONMENT, products, run_whole, start

from mockapi.serve import serving
from mockapi.settings import Settings

# Number of stops; CI uses fewer on all but its first Python.
INSTANTS = int(os.environ.get("CRASH_INSTANTS", "50")) // 2
AT_ONCE = 4
MOCKS = Settings(ports=(0, 0, 0), pages=10, latency=0.04)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def status_of(output: Path) -> str:
    return str(json.loads(output.read_bytes())["summary"]["status"])


async def stop_by_signal(urls: Mapping[str, str], output: Path, delay: float, number: signal.Signals) -> str:
    """Send a signal ``delay`` seconds after the first request, and return how the run ended."""
    process = await start(urls, output)
    await trio.sleep(delay)
    process.send_signal(number)
    with trio.fail_after(10):
        code = await process.wait()
    assert code in (0, 128 + number), "cut off, or finished already"
    assert (status_of(output) == "complete") == (code == 0)
    return "finished" if code == 0 else "cut off"


async def stop_by_deadline(urls: Mapping[str, str], output: Path, timeout: float) -> str:
    """Run with a short timeout, and return how the run ended."""
    process = await start(urls, output, "-t", f"{timeout:.3f}")
    with trio.fail_after(10):
        code = await process.wait()
    assert {"complete": 0, "failed": 1, "partial": 3}[status_of(output)] == code
    return "finished" if code == 0 else "cut off"


async def test_stopped_at_any_instant_there_is_a_summary_and_a_way_on(tmp_path: Path) -> None:
    """After SIGINT, SIGTERM, SIGHUP or the deadline, summary and exit code agree, and --resume completes the run."""
    rng = random.Random(2026)
    stops = iter([(rng.uniform(0, 0.6), (*SIGNALS, None)[index % 4]) for index in range(INSTANTS)])
    outcomes: list[str] = []

    async def worker(number: int, undisturbed: list[bytes]) -> None:
        async with serving(MOCKS) as urls:
            for index, (delay, by) in enumerate(stops):
                output = tmp_path / f"{number}-{index}" / "summary.json"
                if by is None:
                    outcomes.append(await stop_by_deadline(urls, output, timeout=delay + 0.05))
                else:
                    outcomes.append(await stop_by_signal(urls, output, delay, by))
                if outcomes[-1] == "cut off":
                    assert await run_whole(urls, output, "--resume") == undisturbed
                assert products(output) == undisturbed
                assert [path.name for path in output.parent.iterdir()] == ["summary.json"]

    async with serving(MOCKS) as urls:
        undisturbed = await run_whole(urls, tmp_path / "undisturbed.json")
    async with trio.open_nursery() as nursery:
        for number in range(AT_ONCE):
            nursery.start_soon(worker, number, undisturbed)
    assert len(outcomes) == INSTANTS
    assert outcomes.count("cut off") > INSTANTS // 5, outcomes


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(("written", "code", "printed"), [(False, None, b""), (True, 0, b"went on")])
def test_signals_end_the_process_before_the_run_and_change_nothing_after_it(
    number: signal.Signals, written: bool, code: int | None, printed: bytes
) -> None:
    """A signal before the run ends the process; a signal after all is written leaves the exit code unchanged."""
    program = f"""
import os
from pipeline.cli.ending import Ending
from pipeline.cli.run import ending_signals, handle_signals_around
from pipeline.cli.session import ErrorLine
last_words = Ending(ErrorLine(as_json=False)).last_words
handle_signals_around(lambda: {written}, ending_signals(), last_words)
os.kill(os.getpid(), {int(number)})
print("went on", end="")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=ENVIRONMENT, check=False)
    assert (done.returncode, done.stdout) == (128 + number if code is None else code, printed)
    assert done.stderr == (b"" if written else b"Error: interrupted\n")


async def test_a_run_under_nohup_survives_the_terminal(tmp_path: Path) -> None:
    """A run that was started with SIGHUP ignored, as by nohup, ignores it too."""
    output = tmp_path / "s.json"
    async with serving(MOCKS) as urls:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            process = await start(urls, output)
        finally:
            signal.signal(signal.SIGHUP, before)
        await trio.sleep(0.2)
        process.send_signal(signal.SIGHUP)
        with trio.fail_after(20):
            assert await process.wait() == 0
    assert status_of(output) == "complete"
