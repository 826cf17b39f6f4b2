"""The mocks: content, faults, limits, statistics, and their commands."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from mockapi.catalog import page_of
from mockapi.demo.evidence import keeps_rate
from mockapi.faults import PERSONAS, FaultScript, parse_fault
from mockapi.limit import RateLimit
from mockapi.probe import fetch_stats
from mockapi.serve import serving
from mockapi.settings import Settings
from mockapi.stats import Stats, peak_within


@asynccontextmanager
async def persona(name: str, *faults: str, **settings: Any) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    chosen = Settings(ports=(0, 0, 0), personas=(name,), faults=[parse_fault(fault) for fault in faults], **settings)
    async with serving(chosen) as urls, httpx.AsyncClient(base_url=urls[name], trust_env=False) as client:
        yield client, urls[name]


@pytest.mark.parametrize("name", PERSONAS)
def test_content_is_a_pure_function_of_seed_and_page(name: str) -> None:
    """A page is determined by its seed and number; pages do not overlap, and another seed gives other records."""
    pages = [page_of(name, 1, number, pages=7, per_page=20) for number in range(1, 9)]
    assert [len(page) for page in pages] == [20] * 7 + [0]
    assert pages[2] == page_of(name, 1, 3, pages=7, per_page=20)
    assert pages[2] != page_of(name, 2, 3, pages=7, per_page=20)
    flat = [json.dumps(record) for page in pages for record in page]
    assert len(set(flat)) == 140


def test_an_overlapping_page_begins_with_the_end_of_the_one_before() -> None:
    """A shifted page begins with the last records of the previous one."""
    before = page_of("api1", 1, 2, pages=7, per_page=20)
    assert page_of("api1", 1, 3, pages=7, per_page=20, shift=4)[:4] == before[-4:]


async def test_personas_answer_in_their_own_shapes() -> None:
    """api1 has a `products` list, api2 has `items` and ends with 204, api3 has a bare list."""
    async with serving(Settings(ports=(0, 0, 0))) as urls, httpx.AsyncClient(trust_env=False) as client:
        first = {name: (await client.get(f"{url}/products?page=1")).json() for name, url in urls.items()}
        end = {name: await client.get(f"{url}/products?page=8") for name, url in urls.items()}
    assert first["api1"]["products"][0].keys() == {"id", "name", "price", "category", "brand"}
    assert first["api2"]["items"][0].keys() == {"product_id", "title", "cost", "category", "material"}
    assert first["api3"][0].keys() == {"item_id", "product_name", "price", "category", "author"}
    assert (end["api1"].json()["products"], end["api2"].status_code, end["api3"].json()) == ([], 204, [])


async def test_health_and_stats_are_not_counted_as_requests() -> None:
    """/stats reports the requests for products, and no others."""
    async with persona("api1") as (client, url):
        assert (await client.get("/health")).json()["status"] == "ok"
        await client.get("/products?page=2")
        await client.get("/products?page=9")
        assert (await client.get("/products?page=zero")).status_code == 400
        stats = await fetch_stats(url)
    assert (stats.requests, stats.statuses) == (2, {"200": 2})
    assert [(seen.page, seen.status) for seen in stats.log] == [(2, 200), (9, 200)]


async def test_server_side_rate_limit_answers_429_with_retry_after() -> None:
    """A request over the limit gets 429 with the seconds to wait, after which the next one is allowed."""
    async with persona("api1", rate_limit=10.0, burst=2) as (client, url):
        answers = [await client.get("/products") for _ in range(3)]
        await trio.sleep(float(answers[-1].headers["Retry-After"]))
        answers.append(await client.get("/products"))
        stats = await fetch_stats(url)
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert stats.statuses == {"200": 3, "429": 1}


async def test_scripted_faults_follow_each_other_and_end() -> None:
    """Faults of one page occur in scripted order, each its number of times, before the page is answered."""
    async with persona("api1", "api1:1:503x2", "*:1:429=3x1", "api1:1:htmlx1") as (client, url):
        answers = [await client.get("/products") for _ in range(5)]
        stats = await fetch_stats(url)
    assert [answer.status_code for answer in answers] == [503, 503, 429, 200, 200]
    assert answers[2].headers["Retry-After"] == "3"
    assert answers[3].text.startswith("<!DOCTYPE html>")
    assert answers[4].json()["products"]
    assert [seen.fault for seen in stats.log] == ["status", "status", "429", "html", None]


async def test_a_hanging_request_does_not_outlive_its_client() -> None:
    """After the client has disconnected, the servers stop without waiting for its request."""
    with trio.fail_after(5):
        async with persona("api1", "api1:*:hang") as (client, _):
            with pytest.raises(httpx.ReadTimeout):
                await client.get("/products", timeout=0.2)


async def test_a_reset_breaks_the_connection_and_is_counted() -> None:
    """The client gets a connection error, the statistics include the request, and other pages are relayed."""
    async with persona("api2", "api2:2:reset") as (client, url):
        assert (await client.get("/products?page=1")).status_code == 200
        with pytest.raises(httpx.ReadError):
            await client.get("/products?page=2")
        assert (await client.get("/products?page=3")).status_code == 200
        stats = await fetch_stats(url)
    assert [(seen.page, seen.status, seen.fault) for seen in stats.log] == [
        (1, 200, None),
        (2, None, "reset"),
        (3, 200, None),
    ]


def test_random_faults_depend_on_the_seed_alone() -> None:
    """The same requests fail in each run with the same seed, at about the configured rate."""

    def failing(seed: int) -> list[int]:
        script = FaultScript([], persona="api1", seed=seed, error_rate=0.1)
        return [page for page in range(1, 1001) if script.fault(page, 1)]

    assert failing(1) == failing(1)
    assert failing(1) != failing(2)
    assert 70 < len(failing(1)) < 130


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api1:503",
        "api1:x:503",
        "api1:1:explode",
        "api1:1:latency",
        "api1:1:503x",
        "api9:1:503",
        "api1:1:101",
        "api1:1:503x0",
    ],
)
def test_a_fault_that_is_none_is_refused_with_a_reason(text: str) -> None:
    """An invalid fault is quoted in the error, which names the expected form."""
    with pytest.raises(ValueError, match=repr(text)):
        parse_fault(text)


def test_fault_pages_may_be_one_a_range_or_all() -> None:
    """`3`, `2-4` and `*` select the pages."""
    assert [p for p in range(1, 7) if parse_fault("api1:3:503").concerns("api1", p)] == [3]
    assert [p for p in range(1, 7) if parse_fault("*:2-4:503").concerns("api2", p)] == [2, 3, 4]
    assert [p for p in range(1, 7) if parse_fault("api1:*:503").concerns("api1", p)] == [1, 2, 3, 4, 5, 6]
    assert not parse_fault("api1:*:503").concerns("api2", 1)


@given(st.lists(st.floats(0, 0.6), max_size=60), st.floats(0.5, 20), st.integers(1, 6))
def test_the_limit_allows_no_more_than_it_says(gaps: list[float], rate: float, burst: int) -> None:
    """In any window of t seconds, at most burst + rate·t requests are allowed."""
    limit, now, allowed = RateLimit(rate, burst), 0.0, []
    for gap in gaps:
        now += gap
        if limit.refuse(now) is None:
            allowed.append(now)
    assert keeps_rate(allowed, rate, burst)


def test_keeping_a_rate_is_judged_in_every_window() -> None:
    """Five at once and one every 0.2 s keep 5 per second with burst 5; an early one breaks it."""
    times = [0.0] * 5 + [0.2, 0.4, 0.6]
    assert keeps_rate(times, 5, 5)
    assert not keeps_rate([*times[:-1], 0.5], 5, 5)


def test_peak_is_the_busiest_window() -> None:
    """The peak is the maximum number of times within any half-open window."""
    assert peak_within([0, 0.1, 0.9, 1.0, 1.05, 3], 1.0) == 4
    assert peak_within([], 1.0) == 0


def mockapi(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mockapi", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, **options)


def test_exec_runs_a_command_and_exits_with_its_code() -> None:
    """The mocks are healthy under the URLs that the command gets, and its exit code is returned."""
    script = """if True:
        import json, os, sys, urllib.request
        for name in ("API1", "API2", "API3"):
            print(json.load(urllib.request.urlopen(os.environ[f"MOCKAPI_{name}_URL"] + "/health"))["persona"])
        sys.exit(17)
    """
    done = mockapi("--ports", "0", "exec", "--", sys.executable, "-c", script)
    assert (done.returncode, done.stdout.split()) == (17, ["api1", "api2", "api3"])


def test_exec_reports_a_command_that_is_none() -> None:
    """A command that does not exist gives one line and the shell's exit code for it."""
    done = mockapi("--ports", "0", "exec", "--", "no-such-command")
    assert (done.returncode, done.stderr) == (127, "Error: no-such-command: no such command; is it on the PATH?\n")


def test_exec_tells_the_signal_that_killed_its_command() -> None:
    """If signal n kills the command, the exit code is 128 + n."""
    script = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert mockapi("--ports", "0", "exec", "--", sys.executable, "-c", script).returncode == 137


def test_a_port_in_use_is_one_clear_line() -> None:
    """A taken port gives one line that names the persona and the remedy, without a traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = mockapi("--ports", f"{port},0,0")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: port {port} of api1 is in use")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(["--fault", "x"], "PERSONA:PAGES:KIND"), (["--ports", "1,2"], "3 ports"), (["--error-rate", "2"], "0<=x<=1")],
)
def test_bad_options_are_usage_errors(arguments: list[str], text: str) -> None:
    """Invalid options are usage errors that name what was expected."""
    done = mockapi(*arguments)
    assert done.returncode == 2
    assert text in done.stderr


async def test_settings_come_from_the_environment_and_serving_ends_with_a_signal() -> None:
    """MOCKAPI_ variables set the options, and SIGTERM ends the servers with exit code 0."""
    environment = {
        "MOCKAPI_PAGES": "2",
        "MOCKAPI_PORTS": "0",
        "MOCKAPI_PERSONA": "api3",
        "MOCKAPI_FAULT": "api3:1:503x1",
    }
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "mockapi"], env={**os.environ, **environment}, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    with trio.fail_after(20):
        line = (await process.stdout.receive_some()).decode()
        url = line.split()[2]
        async with httpx.AsyncClient(trust_env=False) as client:
            answers = [await client.get(url, params={"page": page}) for page in (1, 1, 2, 3)]
        process.terminate()
        assert await process.wait() == 0
    assert line.startswith("api3 on http://127.0.0.1:")
    assert [answer.status_code for answer in answers] == [503, 200, 200, 200]
    assert [len(answer.json()) for answer in answers[1:]] == [20, 20, 0]
    await process.stdout.aclose()


def test_a_host_that_is_none_is_one_clear_line() -> None:
    """An address that is not of this machine is named in one line, without a traceback."""
    done = mockapi("--ports", "0", "--host", "no-such-host.invalid")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: api1 cannot listen on no-such-host.invalid:0")
    assert done.stderr.count("\n") == 1


def test_what_the_mocks_need_is_named() -> None:
    """If the dependency group is not installed, one line reports how to install it."""
    script = "import runpy, sys; sys.modules['starlette'] = None; runpy.run_module('mockapi', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "uv sync --group mockapi" in done.stderr
    assert "Traceback" not in done.stderr


def test_gaps_show_in_the_log() -> None:
    """Times in the log ascend from 0."""
    stats = Stats("api1")
    for at in (100.0, 100.5, 102.25):
        stats.arrived(at, 1)
    times = [seen.at for seen in stats.report().log]
    assert times == [0, 0.5, 2.25]
    assert all(later > earlier for earlier, later in pairwise(times))
