"""The log of a run as JSON: each line is an event of the schema, and the last one is the end of the run."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import PIPE

import pytest
import trio
from helpers.end_to_end import BRISK, Outcome, command, mocks, run

from mockapi.probe import fetch_stats
from pipeline.model.events import (
    EVENTS,
    AttemptFailed,
    CircuitOpened,
    EndpointEnded,
    Event,
    Notice,
    OutputWritten,
    Progress,
    RateChanged,
    RunFinished,
    RunStarted,
    decode_event,
)

JSON = ("--log-format", "json")


def events_of(stderr: str) -> list[Event]:
    return [decode_event(line) for line in stderr.splitlines()]


def last_of(result: Outcome) -> RunFinished:
    *others, last = events_of(result.stderr)
    assert isinstance(last, RunFinished)
    assert not any(isinstance(each, RunFinished) for each in others)
    assert last.exit_code == result.code
    return last


@pytest.mark.parametrize("engine", [(), ("--engine", "processes:2")], ids=["alone", "processes"])
async def test_every_line_of_a_run_with_faults_is_an_event_of_the_schema(tmp_path: Path, engine: Sequence[str]) -> None:
    """All kinds of events occur, each line has the id of the run, and the events agree with the summary."""
    faults = ("api1:2:malformed", "api1:4:503x1", "api2:3:503x3", "api2:5:429=0.1x2", "api3:2:hangx2")
    output = tmp_path / "s.json"
    flags = (*JSON, "-l", "DEBUG", "--report", "--products", str(tmp_path / "p.csv"), *engine)
    # Without a limit of the mocks, the refusal is a fault; the hanging page makes the run last for a line of progress.
    times = ("timeout=20", "http.read_timeout=3", "http.total_timeout=3")
    async with mocks(*faults) as urls:
        result = await run(urls, output, *BRISK, "breaker.failure_threshold=2", *times, flags=flags)
    events = events_of(result.stderr)
    assert {type(each) for each in events} == set(EVENTS.values())
    started = next(each for each in events if isinstance(each, RunStarted))
    assert started.run
    assert {each.run for each in events[events.index(started) :]} == {started.run}
    assert (started.endpoints, started.output, started.resumed) == (3, str(output), False)

    assert result.document is not None
    ended = {each.endpoint: each for each in events if isinstance(each, EndpointEnded)}
    assert ended.keys() == urls.keys()
    for source in result.document["sources"]:
        end = ended[source["name"]]
        assert (end.status, end.pages, end.pages_missing) == (
            source["status"],
            source["pages_fetched"],
            len(source["pages_missing"]),
        )
        assert end.requests <= source["requests"] <= end.requests + 2  # some may still be under way at the end
        assert end.retries <= source["retries"]
    failed = [each for each in events if isinstance(each, AttemptFailed) and each.code == 503]
    assert failed
    assert all(each.retry_in is None or each.retry_in > 0 for each in failed)
    assert any(isinstance(each, CircuitOpened) and each.probe_in == 0.3 for each in events)
    assert any(isinstance(each, RateChanged) and each.rps < each.before for each in events)
    assert all(0 < each.seconds_left < 20 for each in events if isinstance(each, Progress))

    last = last_of(result)
    written = {each.output: each.path for each in events if isinstance(each, OutputWritten)}
    assert (
        last.files
        == written
        == {
            "summary": str(output),
            "products": str(tmp_path / "p.csv"),
            "report": str(tmp_path / "s.report.html"),
        }
    )
    assert (last.status, last.products) == ("partial", result.document["summary"]["total_products"])
    assert last.error is None


async def test_the_last_line_ends_a_quiet_log(tmp_path: Path) -> None:
    """With --quiet and the highest level, a complete run logs the last event alone and prints nothing."""
    async with mocks() as urls:
        result = await run(urls, tmp_path / "s.json", *BRISK, flags=(*JSON, "-q", "-l", "ERROR"))
    (last,) = events_of(result.stderr)
    assert isinstance(last, RunFinished)
    assert (last.status, last.exit_code, last.products, result.stdout) == ("complete", 0, 420, "")


async def test_a_quiet_run_logs_warnings_alone(tmp_path: Path) -> None:
    """As text, --quiet shows warnings and no progress, even if the level is DEBUG."""
    async with mocks("api1:2:malformed") as urls:
        result = await run(urls, tmp_path / "s.json", *BRISK, flags=("-q", "-l", "DEBUG"))
    assert (result.code, result.stdout) == (3, "")
    assert {line.split()[1] for line in result.stderr.splitlines() if line[:2].isdigit()} == {"WARNING"}


@pytest.mark.parametrize(
    ("flags", "code", "error"),
    [
        (("-c", "none.yaml"), 2, "no such file"),
        (("--set", "endpoints=[{name: a, url: http://127.0.0.1:9/}]", "-o", "/dev/null/x"), 2, "/dev/null/x"),
        (("--set", "endpoints=[{name: a, url: http://127.0.0.1:9/}]", "--set", "breaker.max_probes=1"), 1, None),
    ],
)
def test_the_last_line_names_the_exit_code_of_a_run_without_products(
    tmp_path: Path, flags: Sequence[str], code: int, error: str | None
) -> None:
    """A configuration that is not valid and an API that does not answer end with an event too."""
    brisk = [part for setting in BRISK for part in ("--set", setting)]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *JSON, "-o", str(tmp_path / "s.json"), *brisk, *flags],
        capture_output=True,
        cwd=tmp_path,
        check=False,
    )
    last = last_of(Outcome(done.returncode, "", done.stderr.decode(), None))
    assert (last.exit_code, last.status, last.products) == (code, "failed", 0)
    assert (last.error is None) if error is None else (last.error and error in last.error)


async def test_a_run_beside_another_ends_with_an_event(tmp_path: Path) -> None:
    """A run that the lock of another one refuses names the reason in its last line."""
    output = tmp_path / "s.json"
    async with mocks("api1:1:latency=30") as urls:
        first = await trio.lowlevel.open_process(command(urls, output, BRISK, ()), stdout=PIPE, stderr=PIPE)
        with trio.fail_after(20):
            while not (tmp_path / "s.journal" / "pages").exists():
                await trio.sleep(0.02)
            second = await run(urls, output, flags=JSON)
            first.send_signal(signal.SIGKILL)
            await first.wait()
    last = last_of(second)
    assert (last.exit_code, last.run) == (2, None)
    assert last.error


async def test_a_signal_ends_the_log_with_its_exit_code(tmp_path: Path) -> None:
    """After a signal the last line has the exit code of the signal, and the numbers of the summary."""
    output = tmp_path / "s.json"
    async with mocks("api1:3-9:latency=30") as urls:
        process = await trio.lowlevel.open_process(command(urls, output, BRISK, JSON), stdout=PIPE, stderr=PIPE)
        with trio.fail_after(30):
            while (await fetch_stats(urls["api1"])).statuses.get("200", 0) < 2:
                await trio.sleep(0.05)
            await trio.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            assert process.stderr is not None
            stderr = b"".join([chunk async for chunk in process.stderr]).decode()
            await process.wait()
    last = last_of(Outcome(process.returncode or 0, "", stderr, None))
    assert (last.exit_code, last.status) == (143, "partial")
    assert last.files["summary"] == str(output)
    assert last.products == json.loads(output.read_bytes())["summary"]["total_products"]


def test_a_line_without_an_event_is_a_notice() -> None:
    """The schema covers each line: one about nothing in particular has the common fields alone."""
    notice = decode_event('{"time":"t","level":"INFO","event":"notice","run":null,"message":"m"}')
    assert notice == Notice(time="t", level="INFO", run=None, message="m")


def test_the_schema_is_printed() -> None:
    """`schema --events` prints a JSON Schema with one definition for each event."""
    done = subprocess.run([sys.executable, "-m", "pipeline", "schema", "--events"], capture_output=True, check=True)
    schema = json.loads(done.stdout)
    assert schema["discriminator"]["mapping"].keys() == EVENTS.keys()
    assert {"exit_code", "status", "run"} <= set(schema["$defs"]["RunFinished"]["required"])
