"""The whole program as a user runs it: a process, real sockets, and mocks."""

import json
import signal
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
import trio
from helpers.end_to_end import BRISK, command, mocks, outcome, run
from helpers.products_files import FORMATS, ids

from mockapi.demo.evidence import keeps_rate
from mockapi.probe import fetch_stats


def adds_up(document: dict[str, Any]) -> bool:
    return all(s["items_fetched"] == s["products"] + s["duplicates"] + s["rejected"] for s in document["sources"])


async def test_fault_free_run_on_the_defaults(tmp_path: Path) -> None:
    """Without faults, all products arrive, the exit code is 0, and the servers see the rate kept and refuse nothing."""
    async with mocks(rate_limit=5.0, burst=5) as urls:
        result = await run(urls, tmp_path / "s.json")
        stats = [await fetch_stats(url) for url in urls.values()]
    assert result.code == 0, result.stderr
    assert result.document is not None
    assert result.document["summary"]["status"] == "complete"
    assert result.document["summary"]["total_products"] == len(result.products()) == 3 * 7 * 20
    assert adds_up(result.document)
    assert result.document["errors"] == []
    for each in stats:
        assert keeps_rate([seen.at for seen in each.log], 5, 5), each.log
        assert each.statuses.keys() <= {"200", "204"}
    assert "Traceback" not in result.stderr


async def test_errors_and_server_side_limits_cost_no_product(tmp_path: Path) -> None:
    """With 10 % errors and an enforced limit, the products are the same as without, and the exit code is 0."""
    async with mocks() as urls:
        whole = await run(urls, tmp_path / "whole.json", *BRISK)
    async with mocks(error_rate=0.1, rate_limit=5.0, burst=5, seed=1) as urls:
        result = await run(urls, tmp_path / "s.json")
    assert result.code == 0, result.stderr
    assert result.products() == whole.products()
    assert any(error["action"] == "retry" for error in result.document["errors"])


async def test_one_dead_endpoint(tmp_path: Path) -> None:
    """An API that resets every connection is `failed`, the others are complete; exit 3, or 0 with --allow-partial."""
    async with mocks("api2:*:reset") as urls:
        result = await run(urls, tmp_path / "s.json", *BRISK)
        allowed = await run(urls, tmp_path / "s.json", *BRISK, flags=["--allow-partial"])
    assert (result.code, allowed.code) == (3, 0)
    assert [result.source(name)["status"] for name in urls] == ["complete", "failed", "complete"]
    assert result.source("api2")["missing_from"] == 1
    assert len(result.products()) == 2 * 140


async def test_all_dead(tmp_path: Path) -> None:
    """If nothing listens, the exit code is 1, and one line reports it and what to start, without a traceback."""
    async with mocks() as urls:
        pass
    result = await run(urls, tmp_path / "s.json", *BRISK)
    assert result.code == 1
    assert result.document["summary"]["status"] == "failed"
    assert result.document["summary"]["success_rate"] == 0
    first = result.stderr.splitlines()[0]
    assert "nothing listens on 127.0.0.1:" in first
    assert "python -m mockapi" in first
    assert "Traceback" not in result.stderr


async def test_an_endpoint_that_recovers(tmp_path: Path) -> None:
    """An outage that ends while the circuit is open loses no product."""
    async with mocks("api1:3:503x3") as urls:
        result = await run(urls, tmp_path / "s.json", *BRISK)
    assert result.code == 0, result.stderr
    assert result.source("api1")["products"] == 140
    assert "circuit_break" in {error["action"] for error in result.document["errors"]}


async def test_bad_pages_are_missing_alone(tmp_path: Path) -> None:
    """Malformed JSON and HTML lose only their own page, which is listed with the reason."""
    async with mocks("api1:2:malformed", "api1:4:html", "api3:7:malformed") as urls:
        result = await run(urls, tmp_path / "s.json", *BRISK)
    assert result.code == 3
    assert result.source("api1")["pages_missing"] == [2, 4]
    assert result.source("api3")["pages_missing"] == [7]
    assert len(result.products()) == 420 - 3 * 20
    skipped = [
        (e["source"], e["page"], "HTML" in e["error"]) for e in result.document["errors"] if e["action"] == "skip"
    ]
    assert skipped == [("api1", 2, False), ("api1", 4, True), ("api3", 7, False)]


async def test_the_products_go_to_a_file_of_their_own(tmp_path: Path) -> None:
    """Even after a partial run, the file has the products of the summary in any format, and the table names it."""
    async with mocks("api1:2:malformed") as urls:
        for suffix in FORMATS:
            path = tmp_path / f"p.{suffix}"
            result = await run(urls, tmp_path / "s.json", *BRISK, flags=["--products", str(path)])
            assert result.code == 3
            assert f"products → {path}\n" in result.stdout
            assert ids(path) == [product["id"] for product in result.products()]
            assert len(ids(path)) == 400
    assert {each.name for each in tmp_path.iterdir()} == {
        "s.json",
        "s.journal",
        "s.journal.old",
        *(f"p.{suffix}" for suffix in FORMATS),
    }


async def test_faults_of_the_wire_are_healed(tmp_path: Path) -> None:
    """A truncated body, a reset, a hang and a slow body each cost retries and lose nothing."""
    faults = ("api1:2:truncatex1", "api2:3:resetx2", "api3:1:hangx1", "api3:4:dripx1", "api2:5:429=0.1x2")
    async with mocks(*faults) as urls:
        timeouts = ("http.read_timeout=0.5", "http.total_timeout=1.5")
        result = await run(urls, tmp_path / "s.json", *BRISK, *timeouts)
    assert result.code == 0, result.stderr
    assert len(result.products()) == 420
    assert {(e["source"], e["page"], e["action"]) for e in result.document["errors"]} == {
        ("api1", 2, "retry"),
        ("api2", 3, "retry"),
        ("api2", 5, "retry"),
        ("api3", 1, "retry"),
        ("api3", 4, "retry"),
    }


async def test_shifting_pages_give_duplicates_and_a_stuck_page_ends(tmp_path: Path) -> None:
    """Overlapping pages count as duplicates; a server that ignores the page number, and announces more, is partial."""
    async with mocks("api2:3:overlap=5", "api1:*:ignore-page") as urls:
        result = await run(urls, tmp_path / "s.json", *BRISK)
    assert result.code == 3
    assert result.source("api2")["duplicates"] == 5
    assert result.source("api1")["status"] == "partial"
    assert (result.source("api1")["products"], result.source("api1")["duplicates"]) == (20, 0)
    assert adds_up(result.document)


async def test_the_deadline_keeps_what_arrived(tmp_path: Path) -> None:
    """A run that reaches its timeout is partial with exit code 3 and keeps what arrived."""
    async with mocks("api1:3-9:latency=30") as urls:
        result = await run(urls, tmp_path / "s.json", *BRISK, flags=["-t", "2"])
    assert result.code == 3
    assert result.source("api1")["products"] == 40
    assert result.source("api1")["pages_missing"] == [3, 4, 5, 6, 7]  # the mocks announce how many pages they have
    assert result.source("api1")["end_known_by"] == "announced"
    assert result.document["errors"][-1]["action"] == "deadline"
    assert result.document["summary"]["processing_time_seconds"] < 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_keeps_what_arrived(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """After SIGINT or SIGTERM, the summary is written, and the exit code reports the signal."""
    output = tmp_path / "s.json"
    async with mocks("api1:3-9:latency=30") as urls:
        process = await trio.lowlevel.open_process(
            command(urls, output, BRISK, ["--log-format", "json"]), stdout=PIPE, stderr=PIPE
        )
        with trio.fail_after(30):
            for name, requests in (("api1", 3), ("api2", 8), ("api3", 8)):
                while (await fetch_stats(urls[name])).statuses.get("200", 0) + 1 < requests:
                    await trio.sleep(0.05)
            await trio.sleep(0.3)  # until the last answers have arrived
            process.send_signal(number)
            process.send_signal(number)  # repeated, as `uv run` does
            assert process.stdout is not None
            stdout = b"".join([chunk async for chunk in process.stdout])
            assert process.stderr is not None
            stderr = b"".join([chunk async for chunk in process.stderr])
            await process.wait()
    result = outcome(process.returncode or 0, stdout, stderr, output)
    assert result.code == code, result.stderr
    assert result.source("api1")["products"] == 40
    assert result.source("api3")["status"] == "complete"
    assert result.document["errors"][-1]["action"] == "stopped"
    messages = [json.loads(line)["message"] for line in result.stderr.splitlines()]
    assert any(number.name in message for message in messages)
