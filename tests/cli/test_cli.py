"""The command line, in process: flags, exit codes and messages."""

import json
import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner, Result
from helpers.processes import ENVIRONMENT

from pipeline import cli
from pipeline.cli import run as running
from pipeline.config.load import Loaded
from pipeline.config.settings import Config
from pipeline.errors import AbortedError, OutputError
from pipeline.model.summary import RunStatistics, SourceReport, Summary, Totals
from pipeline.ui.table import closing_table

CONFIG = """
timeout: 5
endpoints:
  - {name: api1, url: "http://127.0.0.1:1/products"}
"""


def invoke(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(cli.main, arguments, env=env, prog_name="pipeline")


def a_summary(status: str, stopped_by: int | None = None) -> Summary:
    return Summary(
        Totals(status, 0, 0.0, 0.0, [], {}, ""), [], [], Path("out.json"), RunStatistics(0, 0, 0), stopped_by
    )


@pytest.mark.parametrize(
    ("status", "stopped_by", "allow_partial", "code"),
    [
        ("complete", None, False, 0),
        ("failed", None, False, 1),
        ("failed", None, True, 1),
        ("partial", None, False, 3),
        ("partial", None, True, 0),
        ("partial", 2, True, 130),
        ("failed", 15, False, 143),
        ("partial", 1, True, 129),
    ],
)
def test_exit_codes(status: str, stopped_by: int | None, allow_partial: bool, code: int) -> None:
    """Each outcome of a run has its exit code."""
    assert running.exit_code(a_summary(status, stopped_by), allow_partial=allow_partial) == code


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], ["run", "-h"]])
def test_help_names_every_flag_of_run(arguments: list[str]) -> None:
    """The help lists the flags of `run`, with and without the command's name."""
    result = invoke(*arguments)
    assert result.exit_code == 0
    for flag in ("--config", "--output", "--timeout", "--rate-limit", "--workers", "--log-level", "--log-format"):
        assert flag in result.output
    for flag in ("--progress / --no-progress", "--set KEY=VALUE", "--allow-partial", "--products PATH"):
        assert flag in result.output


def test_version_is_told() -> None:
    """--version prints the program's name and version."""
    result = invoke("--version")
    assert (result.exit_code, result.output) == (0, "pipeline 0.1.0\n")


def test_starting_loads_no_library_without_need() -> None:
    """`--version` loads only the libraries that the configuration needs, and not Trio, httpx or the mocks."""
    command = [sys.executable, "-X", "importtime", "-m", "pipeline", "--version"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    libraries = loaded & {*packages_distributions(), "mockapi"} - {"pipeline"}
    needed = {"click", "idna", "jmespath", "loguru", "msgspec", "yaml"}
    assert needed <= libraries <= needed | {"typing_extensions"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(("soft", "hard", "then"), [(256, 1_000, 1_000), (500, 500, 500)])
def test_run_may_have_as_many_connections_as_the_system_allows(soft: int, hard: int, then: int) -> None:
    """The soft limit of open files is raised to the hard limit if that is below the wanted number."""
    script = f"""if True:
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
        from pipeline.cli.run import allow_many_connections
        allow_many_connections()
        print(*resource.getrlimit(resource.RLIMIT_NOFILE))
    """
    done = subprocess.run([sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert done.stdout == f"{then} {hard}\n"


def test_every_mistake_is_listed_with_its_path(tmp_path: Path) -> None:
    """An invalid configuration exits with 2 and reports each problem with its place, without a traceback."""
    file = tmp_path / "c.yaml"
    file.write_text("timeout: soon\nretrry: {}\nendpoints: [{name: a, url: nowhere}]\n")
    result = invoke("-c", str(tmp_path / "c.yaml"), "--set", "queue.size=0", env={"PIPELINE_HTTP_READ_TIMEOUT": "x"})
    assert result.exit_code == 2
    assert "5 problems" in result.stderr
    for place in (f"{file}:1:1: timeout", f"{file}:2:1: retrry", f"{file}:3:23: endpoints.0.url"):
        assert f"  {place}: " in result.stderr
    for path in ("queue.size", "http.read_timeout"):
        assert f"  {path}: " in result.stderr
    assert "did you mean `retry`?" in result.stderr


@pytest.mark.parametrize("arguments", [["--nonsense"], ["walk"], ["--set", "x"], ["-l", "LOUD"]])
def test_usage_errors_exit_with_2(arguments: list[str]) -> None:
    """An invalid command line is a usage error."""
    assert invoke(*arguments).exit_code == 2


def test_flags_reach_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each flag sets its key and overrides the environment and the file."""
    (tmp_path / "c.yaml").write_text(CONFIG)
    seen: list[Config] = []

    def remember(loaded: Loaded, *_: object, **__: object) -> Summary:
        seen.append(loaded.config)
        return a_summary("complete")

    monkeypatch.setattr(running, "_run", remember)
    flags = [
        "-o",
        "x.json",
        "--products",
        "p.csv",
        "-t",
        "7.5",
        "-r",
        "2",
        "-w",
        "3",
        "-l",
        "debug",
        "--log-format",
        "json",
    ]
    result = invoke("run", "-c", str(tmp_path / "c.yaml"), *flags, env={"PIPELINE_TIMEOUT": "99"})
    assert result.exit_code == 0, result.output
    (config,) = seen
    assert (config.output, config.timeout, config.rate_limit.rps, config.worker_pool.size) == ("x.json", 7.5, 2, 3)
    assert config.products == "p.csv"
    assert (config.log.level.value, config.log.format.value) == ("DEBUG", "json")


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (OutputError("disk full"), 1, "disk full"),
        (AbortedError(15), 143, "second signal"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (RuntimeError("a bug"), 1, "internal error"),
    ],
)
def test_errors_are_one_line_and_a_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, text: str
) -> None:
    """Every error that ends a run is reported in one line that starts with `Error`, without a traceback."""
    (tmp_path / "c.yaml").write_text(CONFIG)

    def fail(loaded: Loaded, *_: object, **__: object) -> Summary:
        raise error

    monkeypatch.setattr(running, "_run", fail)
    result = invoke("-c", str(tmp_path / "c.yaml"))
    assert result.exit_code == code
    assert result.stderr.startswith("Error: ")
    assert text in result.stderr
    assert "Traceback" not in result.stderr


def test_a_signal_while_a_command_loads_is_no_abort_of_clicks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while a command's modules load exits with 130 and one line."""

    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    assert isinstance(cli.main, click.Group)
    monkeypatch.setattr(cli.main.commands["schema"], "callback", interrupted)
    result = invoke("schema")
    assert (result.exit_code, result.stderr) == (130, "Error: interrupted\n")


def test_the_closing_table_tells_what_is_missing() -> None:
    """The closing table has one line per source, the missing pages in short form, and the path of the summary."""
    source = SourceReport(
        name="a",
        status="partial",
        items_fetched=5,
        products=4,
        duplicates=1,
        rejected=0,
        pages_fetched=2,
        pages_missing=(3, 5, 6, 8, 11, 15),
        missing_from=15,
        pages_wanted=None,
        end_known_by="announced",
        records_announced=100,
        records_received=4,
        gaps=(),
        requests=7,
        retries=1,
        errors=2,
        avg_price=None,
        prices={},
        coercions={},
    )
    summary = msgspec.structs.replace(a_summary("partial"), sources=[source])
    summary = msgspec.structs.replace(summary, journal=Path("out.journal"))
    head, row, _, verdict, announced, hint = closing_table(summary).splitlines()
    assert "--resume" in hint
    assert head.split()[:3] == ["source", "status", "products"]
    assert "3, 5-6, 8, 1 more, 15…" in row
    assert announced == "a: 100 records announced, 4 received"
    assert verdict.endswith("→ out.json")


def test_errors_are_json_where_the_log_is(tmp_path: Path) -> None:
    """With `--log-format json` a configuration error is one JSON line, before that of the end of a run."""
    for command in ("check", "run"):
        result = invoke(command, "-c", str(tmp_path / "none.yaml"), "--log-format", "json")
        assert result.exit_code == 2
        line, *end = map(json.loads, result.stderr.splitlines())
        assert line["level"] == "ERROR"
        assert "none.yaml" in line["message"]
        assert [each["event"] for each in end] == (["run_finished"] if command == "run" else [])


def test_version_is_a_flag_of_run_too() -> None:
    """`run --version` prints the same as `--version`."""
    assert invoke("run", "--version").output == invoke("--version").output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_table_that_nobody_can_read_does_not_change_the_outcome(tmp_path: Path) -> None:
    """A standard output that is full or cannot encode the table does not change the exit code."""
    command = [sys.executable, "-c", PRINT_TABLE]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    for environment in (buffered, {**buffered, "PYTHONUNBUFFERED": "1"}):
        with Path("/dev/full").open("w") as full:
            assert subprocess.run(command, stdout=full, check=False, env=environment).returncode == 0
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "latin-1"})
    assert done.returncode == 0
    assert b"? out.json" in done.stdout


PRINT_TABLE = """
from pathlib import Path
from pipeline.cli.session import print_text
from pipeline.ui.table import closing_table
from pipeline.model.summary import RunStatistics, Summary, Totals
totals = Totals("complete", 0, 0.0, 0.0, [], {}, "")
print_text(closing_table(Summary(totals, [], [], Path("out.json"), RunStatistics(0, 0, 0))))
"""
