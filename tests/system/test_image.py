"""The image: the steps of its Dockerfile, run in clean environments, and the services of compose.yaml.

An engine for containers is not needed: paths of the image become paths below a temporary folder, and its interpreter
becomes one of a new environment.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import yaml
from helpers.end_to_end import mocks

from pipeline.config.load import load_config
from pipeline.config.store import resolve_store

ROOT = Path(__file__).parents[2]
UV = shutil.which(os.environ.get("UV", "uv"))

pytestmark = pytest.mark.skipif(UV is None, reason="needs uv, from the environment variable UV or the PATH")


class Stage(msgspec.Struct):
    """A stage of the Dockerfile: its name, and its instructions with their arguments."""

    name: str
    steps: list[tuple[str, str]]


def stages() -> Mapping[str, Stage]:
    found: list[Stage] = []
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        instruction, _, arguments = line.partition(" ")
        if instruction == "FROM":
            found.append(Stage(arguments.split(" AS ")[1], []))
        else:
            found[-1].steps.append((instruction, arguments))
    return {stage.name: stage for stage in found}


class Builder:
    """A stand-in for an engine: it executes the steps of stages below ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def build(self, stage: Stage) -> tuple[Path, list[str]]:
        """Execute a stage; return the folder of its programs, and its entry point."""
        environment = self._root / f"{stage.name}-env"
        self._execute([UV, "venv", "--quiet", "--seed", "--python", sys.executable, environment], self._root, {})
        programs = environment / "bin"
        folder, entry_point = self._root, list[str]()
        for instruction, arguments in stage.steps:
            match instruction:
                case "WORKDIR":
                    folder = self._inside(arguments)
                    folder.mkdir(parents=True, exist_ok=True)
                case "COPY":
                    *sources, target = arguments.split()
                    for source in sources:
                        if source.startswith("--from="):
                            continue
                        self._copy(source, folder / target)
                case "RUN" if not arguments.startswith("useradd"):
                    self._execute(
                        ["sh", "-ec", self._localized(arguments)], folder, {"PATH": f"{programs}:/usr/bin:/bin"}
                    )
                case "ENTRYPOINT":
                    entry_point = json.loads(arguments)
        return programs, entry_point

    def _inside(self, path: str) -> Path:
        return self._root / path.lstrip("/")

    def _copy(self, source: str, target: Path) -> None:
        if source.startswith("/"):  # from another stage, which has the same root
            return
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        else:
            shutil.copy(ROOT / source, target)

    def _localized(self, command: str) -> str:
        return re.sub(r"(?<![\w.])/wheels", str(self._inside("/wheels")), command)

    def _execute(self, command: Sequence[object], folder: Path, environ: Mapping[str, str]) -> None:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Return a builder whose first stage is built: the wheel of the package, and the versions that are tested."""
    builder = Builder(tmp_path_factory.mktemp("image"))
    builder.build(stages()["build"])
    return builder


@pytest.fixture(scope="module")
def image(builder: Builder) -> list[str]:
    """Return the entry point of the image, installed by its own steps."""
    programs, entry_point = builder.build(stages()["pipeline"])
    return [str(programs / entry_point[0]), *entry_point[1:]]


async def test_the_image_can_write_all_that_is_documented(image: list[str], tmp_path: Path) -> None:
    """In an empty folder, with no home and one's own YAML, a run writes its report, Parquet and store."""
    async with mocks(pages=2) as urls:
        endpoints = [{"name": name, "url": f"{url}/products"} for name, url in urls.items()]
        files = {"output": "out/s.json", "products": "out/p.parquet", "report": True, "store": "sqlite:///out/h.db"}
        (tmp_path / "shops.yaml").write_text(json.dumps({"endpoints": endpoints, **files}))
        done = await trio.run_process(
            [*image, "-c", "shops.yaml"],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "error"},
            capture_stderr=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"s.json", "s.report.html", "p.parquet", "h.db"}
    assert json.loads((tmp_path / "out" / "s.json").read_bytes())["summary"]["total_products"] == 120


def test_the_image_has_the_package_and_not_the_mocks(image: list[str], tmp_path: Path) -> None:
    """Its program is that of the wheel, in the versions that are tested, and it starts in any folder."""
    done = subprocess.run([*image, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("pipeline ")
    python = Path(image[0]).with_name("python")
    found = subprocess.run([python, "-c", "import mockapi"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "No module named 'mockapi'" in found.stderr
    versions = subprocess.run([python, "-m", "pip", "freeze"], capture_output=True, text=True, check=True).stdout
    pinned = (ROOT / "pyproject.toml").read_text()
    for name in ("httpx", "trio", "msgspec", "pyarrow", "SQLAlchemy"):
        version = re.search(rf"(?mi)^{name}==(.+)$", versions)
        assert version
        assert f'"{name.lower()}=={version[1]}"' in pinned


def test_the_mocks_start_from_their_stage(builder: Builder, tmp_path: Path) -> None:
    """The other target has the mock APIs and what they need."""
    programs, entry_point = builder.build(stages()["mocks"])
    folder = programs.parents[1] / "app"
    command = [str(programs / entry_point[0]), *entry_point[1:], "--ports", "0,0,0", "exec", "--", "true"]
    assert subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def services() -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return found


def test_the_services_are_built_from_stages_and_checked_where_they_listen() -> None:
    """Each target is a stage, each mock is checked at one of the ports on which it listens, and all are waited for."""
    compose = services()
    assert {each["build"]["target"] for each in compose.values() if "build" in each} == {"mocks", "pipeline"}
    assert {"mocks", "pipeline"} <= stages().keys()
    for name in ("api1", "api2", "api3"):
        _, _, _, ports = compose[name]["command"]
        (port,) = re.findall(r":(\d+)/health", " ".join(compose[name]["healthcheck"]["test"]))
        assert port in ports.split(",")
        assert compose["pipeline"]["environment"][f"PIPELINE_ENDPOINTS_{name.upper()}_URL"] == (
            f"http://{name}:{port}/products"
        )
        assert compose[name]["environment"]["MOCKAPI_PERSONA"] == name
    assert compose["pipeline"]["depends_on"].keys() == compose.keys() - {"pipeline"}


def test_the_environment_of_the_service_is_a_configuration() -> None:
    """The program accepts its variables beside the shipped file, and the store has the password of the database."""
    compose = services()
    environ = {name: value.replace("$$", "$") for name, value in compose["pipeline"]["environment"].items()}
    default = re.fullmatch(r"\$\{STORE_PASSWORD:-(.+)\}", environ["STORE_PASSWORD"])
    assert default
    assert environ["STORE_PASSWORD"] == compose["postgres"]["environment"]["POSTGRES_PASSWORD"]
    environ["STORE_PASSWORD"] = default[1]
    config = load_config(ROOT / "config" / "config.yaml", environ=environ)
    assert config.report
    store = resolve_store(config.store, environ)
    assert store
    assert (
        store.url
        == f"postgresql://{compose['postgres']['environment']['POSTGRES_USER']}:{default[1]}@postgres/catalogue"
    )


def test_the_instructions_are_those_that_the_tests_know() -> None:
    """An instruction that the stand-in does not execute would not be tested."""
    known = {"WORKDIR", "COPY", "RUN", "USER", "ENTRYPOINT"}
    assert {instruction for stage in stages().values() for instruction, _ in stage.steps} <= known
    assert stages()["pipeline"].steps[-1] == ("ENTRYPOINT", '["pipeline"]')
    assert ("USER", "app") in stages()["pipeline"].steps
