"""What ends a run before its time: signals, a full disk, a bug."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import trio
from helpers.running import run_pipeline
from helpers.support import NO_LIMIT, NO_TLS, FakeApi, config, dispatch_inline

import pipeline
from pipeline import shutdown
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.errors import AbortedError, OutputError
from pipeline.fetch.http.client import Client
from pipeline.model.status import Poll
from pipeline.output import atomic as atomic_module
from pipeline.output.files import OutputFiles

pytestmark = pytest.mark.virtual_time

# The package's `run` is the function.

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def run(output: Path, api: FakeApi, **options: Any) -> pipeline.Summary:
    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=api)

    chosen = config(output, "shop", rate_limit=NO_LIMIT)
    return await run_pipeline(chosen, connect=connect, **{"dispatch": dispatch_inline, "signals": SIGNALS, **options})


async def run_with_signals(output: Path, *plan: tuple[float, signal.Signals], **options: Any) -> pipeline.Summary:
    """Run against a slow API and raise signals so many seconds after its second page."""

    async def send_signals(poll: Poll) -> None:
        second_page = trio.current_time() + 2
        for seconds, number in plan:
            await trio.sleep_until(second_page + seconds)
            signal.raise_signal(number)

    return await run(output, FakeApi(pages=99, latency=1), watch=send_signals, **options)


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_signal_ends_the_fetching_and_keeps_what_arrived(tmp_path: Path, number: signal.Signals) -> None:
    """The first signal stops the fetchers where they are; the summary is written and tells it."""
    summary = await run_with_signals(tmp_path / "s.json", (0.5, number))
    assert summary.stopped_by == number
    assert trio.current_time() == 2.5
    document = json.loads((tmp_path / "s.json").read_text())
    assert document["sources"][0]["products"] == 6
    assert [(e["page"], e["action"], e["error"]) for e in document["errors"]] == [
        (3, "stopped", f"stopped by {number.name}")
    ]


async def test_an_echo_of_the_signal_is_no_second_one(tmp_path: Path) -> None:
    """The same signal twice within a second, as wrappers pass it on, counts once."""

    async def slow(batch: Any) -> Any:
        await trio.sleep(5)
        return await dispatch_inline(batch)

    plan = (0.5, signal.SIGINT), (1.4, signal.SIGINT)
    summary = await run_with_signals(tmp_path / "s.json", *plan, dispatch=slow)
    assert summary.stopped_by == signal.SIGINT
    assert summary.summary.total_products == 6


async def test_a_second_signal_ends_the_run_at_once(tmp_path: Path) -> None:
    """Another signal after more than a second ends everything; an old summary stays as it was."""
    (tmp_path / "s.json").write_text("old")

    async def stuck(batch: Any) -> Any:
        await trio.sleep(1_000)
        return []

    plan = (0.5, signal.SIGTERM), (2, signal.SIGTERM)
    with pytest.raises(AbortedError) as caught:
        await run_with_signals(tmp_path / "s.json", *plan, dispatch=stuck)
    assert caught.value.signal == signal.SIGTERM
    assert trio.current_time() == 4
    assert (tmp_path / "s.json").read_text() == "old"


async def test_the_usual_handling_of_signals_is_restored(tmp_path: Path) -> None:
    """After a run the signals do what they did before it."""
    before = signal.getsignal(signal.SIGTERM)
    await run(tmp_path / "s.json", FakeApi())
    assert signal.getsignal(signal.SIGTERM) is before


async def test_a_disk_that_fills_up_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the summary cannot be written in the end, that is the error, by itself and not in a group."""

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_module.os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        await run(tmp_path / "s.json", FakeApi())


async def test_a_broken_dispatch_ends_the_run(tmp_path: Path) -> None:
    """An error that concerns all sources is not swallowed, and no fetcher waits for ever on a consumer that is gone."""

    async def broken(batch: Any) -> Any:
        await trio.lowlevel.checkpoint()
        raise ZeroDivisionError

    with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
        await run(tmp_path / "s.json", FakeApi(pages=9_999), dispatch=broken)
    assert not (tmp_path / "s.json").exists()


async def test_a_cancelled_run_writes_no_summary(tmp_path: Path) -> None:
    """Whoever embeds a run may cancel it: it ends there, and leaves nothing but its journal."""

    async def cancel(poll: Poll) -> None:
        await trio.sleep(1.5)
        scope.cancel()

    with trio.CancelScope() as scope:
        await run(tmp_path / "s.json", FakeApi(pages=99, latency=1), watch=cancel)
    assert scope.cancelled_caught
    assert [path.name for path in tmp_path.iterdir()] == ["s.journal"]


def signal_while_writing(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let so many SIGTERMs come while the summary is being written; none is taken for the echo of another."""
    write = OutputFiles.write

    def interrupted(*arguments: Any, **options: Any) -> None:
        for _ in range(times):
            trio.from_thread.run_sync(signal.raise_signal, signal.SIGTERM)
            time.sleep(0.05)  # for the event loop to hear it
        write(*arguments, **options)

    monkeypatch.setattr(OutputFiles, "write", interrupted)
    monkeypatch.setattr(shutdown, "ECHO_SECONDS", -1)


@pytest.mark.virtual_time(threads=True)
async def test_a_signal_after_the_fetching_cuts_nothing_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal while a complete summary is being written comes too late: it is written, and the run is what it is."""
    signal_while_writing(monkeypatch, times=1)
    summary = await run(tmp_path / "s.json", FakeApi())
    assert (summary.summary.status, summary.stopped_by) == ("complete", None)
    assert json.loads((tmp_path / "s.json").read_text())["summary"]["status"] == "complete"


@pytest.mark.virtual_time(threads=True)
async def test_a_second_signal_ends_the_writing_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cannot wait for the summary gets the old one, nothing half written, and a journal with everything."""
    (tmp_path / "s.json").write_text("old")
    with monkeypatch.context() as patch:
        signal_while_writing(patch, times=2)
        with pytest.raises(AbortedError):
            await run(tmp_path / "s.json", FakeApi())
    assert (tmp_path / "s.json").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.journal", "s.json"]
    nobody = FakeApi(pages=0)
    summary = await run(tmp_path / "s.json", nobody, resume=True)
    assert (summary.summary.total_products, nobody.asked) == (9, [])


async def test_a_signal_while_the_last_pages_are_normalized_cuts_nothing_off(tmp_path: Path) -> None:
    """Once all is fetched, a signal changes neither the status nor the exit code."""

    async def interrupted(batch: Any) -> Any:
        await trio.sleep(5)
        signal.raise_signal(signal.SIGTERM)
        await trio.sleep(0.1)
        return await dispatch_inline(batch)

    summary = await run(tmp_path / "s.json", FakeApi(pages=1), dispatch=interrupted)
    assert (summary.summary.status, summary.stopped_by) == ("complete", None)
