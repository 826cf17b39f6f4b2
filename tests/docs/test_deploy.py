"""The files in docs/deploy: each is accepted by what reads it, and its commands by the program."""

import ast
import configparser
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from pipeline.cli import main
from pipeline.config.load import config_of_text, load_config

FOLDER = Path(__file__).parents[2] / "docs" / "deploy"


def parse(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the options of `run`; a command line that is not valid is a usage error."""
    assert isinstance(main, click.Group)
    return main.commands["run"].make_context("run", list(arguments)).params


def manifests() -> dict[str, Any]:
    return {each["kind"]: each for each in yaml.safe_load_all((FOLDER / "cronjob.yaml").read_text())}


def job() -> dict[str, Any]:
    spec: dict[str, Any] = manifests()["CronJob"]["spec"]["jobTemplate"]["spec"]
    return spec


def container() -> dict[str, Any]:
    (only,) = job()["template"]["spec"]["containers"]
    found: dict[str, Any] = only
    return found


def test_the_configuration_of_the_cronjob_is_valid(tmp_path: Path) -> None:
    """The program loads the file of the ConfigMap, with the variables of the Secret, at the place of its mount."""
    data = manifests()["ConfigMap"]["data"]
    mount = next(each["mountPath"] for each in container()["volumeMounts"] if each["name"] == "config")
    assert parse(container()["args"])["path"] == Path(mount) / "shops.yaml"
    file = tmp_path / "shops.yaml"
    file.write_text(data["shops.yaml"])
    config = load_config(file, environ={"SHOP_KEY": "k", "STORE_PASSWORD": "p"})
    assert config.output.startswith("/data/")
    mounts = [each["mountPath"] for each in container()["volumeMounts"] if not each.get("readOnly")]
    assert {"/data", "/tmp"} == set(mounts)


def test_the_cronjob_lets_a_run_and_its_retry_end() -> None:
    """Its deadline has room for two runs, and a run has time to write after a signal."""
    timeout = config_of_text(manifests()["ConfigMap"]["data"]["shops.yaml"]).timeout
    assert job()["activeDeadlineSeconds"] > 2 * timeout
    assert job()["template"]["spec"]["terminationGracePeriodSeconds"] >= 60
    assert manifests()["CronJob"]["spec"]["concurrencyPolicy"] == "Forbid"
    assert parse(container()["args"])["resume"]
    assert job()["template"]["spec"]["securityContext"]["runAsNonRoot"]


def test_the_units_are_valid(tmp_path: Path) -> None:
    """systemd accepts the units. The service is the script of the cron job, and fails if that does not exit with 0."""
    service = configparser.ConfigParser(interpolation=None, strict=False)
    service.optionxform = str  # type: ignore[assignment,method-assign]  # keys differ in case
    service.read(FOLDER / "pipeline.service")
    program = service["Service"]["ExecStart"]
    assert Path(program) == Path(service["Service"]["WorkingDirectory"]) / "nightly.sh"
    script = (FOLDER / "nightly.sh").read_text()
    given = dict(each.split("=") for each in shlex.split(service["Service"]["Environment"]))
    assert all(f"{name}=${{{name}:-" in script for name in given)
    assert "SuccessExitStatus" not in service["Service"]
    assert service["Unit"]["OnFailure"] == "pipeline-alert.service"
    if shutil.which("systemd-analyze") is None:
        return
    for unit in (*FOLDER.glob("*.service"), *FOLDER.glob("*.timer")):
        text = unit.read_text().replace(program, sys.executable)
        (tmp_path / unit.name).write_text(text)
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(path) for path in tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )
    about_ours = [line for line in found.stderr.splitlines() if "pipeline" in line]
    assert (found.returncode, about_ours) == (0, []), found.stderr


def test_the_commands_of_the_dag_are_valid() -> None:
    """The file is valid Python, and the command of its first task is one of the program."""
    tree = ast.parse((FOLDER / "pipeline_dag.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    keywords = [{each.arg: each.value for each in call.keywords} for call in calls]
    commands = [ast.literal_eval(each["bash_command"]) for each in keywords if "bash_command" in each]
    program, *arguments = shlex.split(commands[0])
    assert program == "pipeline"
    assert parse(arguments)["resume"]


@pytest.mark.parametrize(
    ("codes", "calls", "alert"),
    [
        ([0], 1, ""),
        ([3, 0], 2, ""),
        ([3, 3], 2, "The catalogue is partial"),
        ([3, 1], 2, "not fetched (exit code 1)"),
        ([1], 1, "not fetched (exit code 1)"),
        ([2], 1, "not fetched (exit code 2)"),
        ([143], 1, "not fetched (exit code 143)"),
    ],
)
def test_the_script_alerts_by_exit_code(tmp_path: Path, codes: list[int], calls: int, alert: str) -> None:
    """A partial catalogue is tried once more; what is then not complete is reported, with the end of the log.

    Old files of dated runs are deleted only after a night with a result.
    """
    shutil.copy(FOLDER / "nightly.sh", tmp_path)
    (tmp_path / "out").mkdir()
    for name, age in (("shop-2026-01-01.json", 31), ("shop-2026-01-03.json", 29), ("history.db", 31)):
        (tmp_path / "out" / name).touch()
        changed = (tmp_path / "out" / name).stat().st_mtime - 86_400 * age
        os.utime(tmp_path / "out" / name, (changed, changed))
    program = tmp_path / "program"
    lines = " ".join(map(str, codes))
    program.write_text(
        "#!/bin/sh\necho \"$@\" >> calls; echo last words >&2\n"
        f"set -- {lines}\nshift $(($(wc -l < calls) - 1))\nexit $1\n"
    )  # fmt: skip
    program.chmod(0o755)
    environ = {**os.environ, "PIPELINE": str(program), "ALERT": "tee alert", "RETRY_AFTER": "0"}
    done = subprocess.run(["sh", tmp_path / "nightly.sh"], env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (codes[calls - 1], "")
    called = (tmp_path / "calls").read_text().splitlines()
    assert len(called) == calls
    assert all(parse(each.split())["resume"] for each in called)
    told = (tmp_path / "alert").read_text() if (tmp_path / "alert").exists() else ""
    assert alert in told
    assert bool(alert) == bool(told)
    assert ("last words" in told) == bool(alert)
    kept = {path.name for path in (tmp_path / "out").iterdir()}
    old = set() if codes[-1] in (0, 3) else {"shop-2026-01-01.json"}
    assert kept == {"shop-2026-01-03.json", "history.db"} | old
