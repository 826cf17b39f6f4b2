"""Monitors: the pings at the start and the end of a run, and the file of metrics."""

import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers.end_to_end import BRISK, mocks, run

SAMPLE = re.compile(r'^(pipeline_[a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\.)*",?)*\})? (\S+)$')

UNWRITABLE = Path("/dev/null/s.json")


@contextmanager
def monitor(status: int = 200) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Serve a monitor; yield its URL, and the paths and bodies of its requests."""
    heard: list[tuple[str, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            heard.append((self.path, body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", heard
        finally:
            server.shutdown()
            thread.join()


def samples(path: Path) -> dict[str, float]:
    """Return the samples of a file of metrics by name and labels; each line must be valid."""
    found: dict[str, float] = {}
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            match = SAMPLE.match(line)
            assert match, line
            found[match[1] + (match[2] or "")] = float(match[3])
    return found


async def test_the_monitor_learns_of_the_start_and_the_end(tmp_path: Path) -> None:
    """The exit code is in the path of the second request, and the closing table is its body."""
    with monitor() as (url, heard):
        async with mocks("api1:2:malformed") as urls:
            result = await run(urls, tmp_path / "s.json", *BRISK, f"ping={url}/check-7/?x=1")
    assert [path for path, _ in heard] == ["/check-7/start?x=1", "/check-7/3?x=1"]
    assert heard[0][1] == ""
    assert heard[1][1] == result.stdout.rstrip("\n")
    assert "partial: 400 products" in heard[1][1]


async def test_the_monitor_learns_why_a_run_has_no_result() -> None:
    """If the run ends before it fetches, the error is the body."""
    with monitor() as (url, heard):
        result = await run({"a": "http://127.0.0.1:9"}, UNWRITABLE, *BRISK, f"ping={url}")
    assert result.code == 2
    assert [path for path, _ in heard] == ["/start", "/2"]
    assert "cannot write '/dev/null/s.json'" in heard[1][1]


async def test_a_monitor_that_fails_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal and a dead port cost a warning each, which does not show the secret URL, and not the exit code."""
    with monitor(500) as (url, heard):
        async with mocks() as urls:
            monkeypatch.setenv("PING_URL", f"{url}/secret-path-of-the-check")
            refused = await run(urls, tmp_path / "s.json", *BRISK, "ping=${PING_URL}")
    assert len(heard) == 4
    dead = await run(urls, tmp_path / "t.json", *BRISK, "ping=${PING_URL}", "breaker.max_probes=1")
    assert (refused.code, dead.code) == (0, 1)
    assert refused.stderr.count("WARNING the ping to http://127.0.0.1 failed: HTTP 500; the run is not affected") == 2
    assert dead.stderr.count("WARNING the ping to http://127.0.0.1 failed: ConnectError") == 2
    assert "secret-path" not in refused.stderr + dead.stderr + refused.stdout + dead.stdout


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("ftp://x.example/a", "is not the URL of a monitor; expected https://HOST/PATH"),
        ("${NO_SUCH_URL}", "the environment variable NO_SUCH_URL is not set"),
    ],
)
async def test_a_ping_that_is_not_a_url_is_an_error(tmp_path: Path, value: str, error: str) -> None:
    """The key is named before anything is fetched."""
    result = await run({"a": "http://127.0.0.1:9"}, tmp_path / "s.json", f"ping={value}")
    assert result.code == 2
    assert "ping: " in result.stderr
    assert error in result.stderr


async def test_the_metrics_are_those_of_the_summary(tmp_path: Path) -> None:
    """Each number of each source is in the file, with the exit code and the times of the run."""
    path = tmp_path / "deep" / "run.prom"
    async with mocks("api1:2:malformed", "api2:3:503x1") as urls:
        result = await run(urls, tmp_path / "s.json", *BRISK, f"metrics={path}")
    found = samples(path)
    assert result.document is not None
    totals = result.document["summary"]
    assert found["pipeline_run_exit_code"] == 3
    labels = f'run="{totals["run"]}",version="{totals["version"]}",status="partial"'
    assert found[f"pipeline_run_info{{{labels}}}"] == 1
    assert found["pipeline_run_duration_seconds"] >= totals["processing_time_seconds"]
    end = found["pipeline_run_start_timestamp_seconds"] + found["pipeline_run_duration_seconds"]
    assert found["pipeline_run_end_timestamp_seconds"] == pytest.approx(end)
    for source in result.document["sources"]:
        name = source["name"]
        for key in ("products", "priced", "duplicates", "rejected", "pages_fetched", "requests", "retries", "errors"):
            assert found[f'pipeline_source_{key}{{source="{name}"}}'] == source[key], (name, key)
        assert found[f'pipeline_source_pages_missing{{source="{name}"}}'] == len(source["pages_missing"])
        assert found[f'pipeline_source_status{{source="{name}",status="{source["status"]}"}}'] == 1
        spent = sum(found[each] for each in found if each.startswith(f'pipeline_source_seconds{{source="{name}"'))
        assert spent == pytest.approx(source["time"]["wall"])


async def test_a_run_without_a_summary_has_metrics(tmp_path: Path) -> None:
    """The exit code of a run that could not begin replaces that of the run before, whose sources are gone."""
    path = tmp_path / "run.prom"
    async with mocks() as urls:
        await run(urls, tmp_path / "s.json", *BRISK, f"metrics={path}")
        assert samples(path)["pipeline_run_exit_code"] == 0
        await run(urls, UNWRITABLE, *BRISK, f"metrics={path}")
    assert samples(path)["pipeline_run_exit_code"] == 2
    assert not any("source" in each for each in samples(path))


async def test_metrics_that_cannot_be_written_are_a_warning(tmp_path: Path) -> None:
    """A file that cannot be written costs a warning, and not the exit code."""
    (tmp_path / "run.prom").mkdir()
    async with mocks() as urls:
        result = await run(urls, tmp_path / "s.json", *BRISK, f"metrics={tmp_path / 'run.prom'}")
    assert result.code == 0
    assert "WARNING the metrics are not written: " in result.stderr
