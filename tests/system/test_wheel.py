"""The wheel: its contents, and its types as a library user's type checker sees them."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = shutil.which(os.environ.get("UV", "uv"))

pytestmark = pytest.mark.skipif(UV is None, reason="needs uv, from the environment variable UV or the PATH")

PROGRAM = '''
"""A program of a library user: every name that pipeline exports, with its type."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import assert_type

import trio

import pipeline
from pipeline import (
    AbortedError,
    Config,
    ConfigError,
    Endpoint,
    EndpointStatus,
    Failure,
    Fields,
    OutputError,
    Paging,
    PipelineError,
    PriceRange,
    Problem,
    Product,
    RateLimit,
    RunStatus,
    SourceReport,
    Summary,
    Totals,
    load_config,
    run,
)

SHOP = Endpoint(
    name="shop",
    url="https://shop.example/products",
    paging=Paging(size_parameter="limit", size=50),
    fields=Fields(category="kind", extra={"brand": "brand"}),
    rate_limit=RateLimit(rps=2, burst=2),
)


async def watch(poll: Callable[[], RunStatus]) -> None:
    assert_type(poll().endpoints, Sequence[EndpointStatus])
    await trio.sleep(1)


def dearest(source: SourceReport) -> PriceRange | None:
    return max(source.prices.values(), key=lambda prices: prices.max, default=None)


def tell(error: PipelineError) -> list[Problem]:
    match error:
        case ConfigError():
            return list(error.problems)
        case OutputError() | AbortedError():
            return []
    return []


async def in_trio(config: Config) -> Summary:
    summary = await run(config, resume=True, watch=watch)
    assert_type(summary.summary, Totals)
    assert_type(summary.errors, Sequence[Failure])
    return summary


async def in_asyncio() -> Summary:
    config = load_config("shops.yaml", flags={"timeout": "20"})
    # mypy cannot type `to_thread(trio.run, pipeline.run, config)`, which passes one variadic function to another.
    return await asyncio.to_thread(lambda: trio.run(pipeline.run, config))


def titles(products: Sequence[Product]) -> list[str | None]:
    return [product.title for product in products]


def main() -> None:
    try:
        summary = trio.run(partial(in_trio, Config(endpoints=(SHOP,), timeout=120)))
        print(summary.output.name, [dearest(source) for source in summary.sources])
    except PipelineError as error:
        print(tell(error))


if __name__ == "__main__":
    main()
'''


def execute(*command: object, cwd: Path = ROOT) -> str:
    """Return standard output; a failure shows all output."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    execute(UV, "build", "--quiet", "--wheel", "--out-dir", folder)
    (file,) = folder.glob("*.whl")
    return file


def test_the_wheel_contains_the_package_alone(wheel: Path) -> None:
    """The wheel has all files of `pipeline` with `py.typed`, its metadata, and no other package."""
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.partition("/")[0] for name in names} == {
        "pipeline",
        f"{'-'.join(wheel.stem.split('-')[:2])}.dist-info",
    }
    assert "pipeline/py.typed" in names
    package = ROOT / "pipeline"
    files = {path.relative_to(ROOT).as_posix() for path in package.rglob("*") if path.is_file()}
    assert {name for name in files if "__pycache__" not in name} <= names


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of an environment with the wheel, without extras, and mypy."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    execute(UV, "venv", "--quiet", "--python", sys.executable, environment)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    # In the project's folder uv applies the versions that pyproject.toml pins.
    execute(UV, "pip", "install", "--quiet", "--python", python, wheel, "mypy")
    return python


@pytest.mark.parametrize("arguments", ["", "run", "check", "preview", "replay-rejects"])
def test_the_first_call_in_an_empty_folder_names_the_next_one(python: Path, tmp_path: Path, arguments: str) -> None:
    """Without a configuration, the error names the commands that draft and run one, and no file is created."""
    program = python.with_name("pipeline")
    done = subprocess.run([program, *arguments.split()], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "draft a file with `pipeline init -c shops.yaml URL`, then run `pipeline -c shops.yaml`" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        ("--report", "report"),
        ("--store sqlite:///catalogue.db", "store"),
        ("--products p.parquet", "parquet"),
        ("--engine dask:local", "dask"),
    ],
)
def test_a_missing_extra_is_named_before_anything_is_fetched(
    python: Path, tmp_path: Path, arguments: str, extra: str
) -> None:
    """The error has the command that installs the extra, and no file is created."""
    endpoint = "endpoints=[{name: a, url: 'http://127.0.0.1:9/'}]"
    command = [python.with_name("pipeline"), *arguments.split(), "--set", endpoint, "-o", "s.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert f"catalogue-pipeline[{extra}]" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_typed_program_on_the_installed_wheel_passes_mypy(wheel: Path, python: Path, tmp_path: Path) -> None:
    """`mypy --strict` accepts a program that uses all exported names, and rejects a wrong type."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    check = (python, "-m", "mypy", "--strict", "--no-error-summary", program.name)
    execute(*check, cwd=tmp_path)

    program.write_text(PROGRAM.replace("timeout=120", 'timeout="soon"').replace("rps=2", "rsp=2"))
    done = subprocess.run([str(part) for part in check], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert '"timeout" to "Config"' in done.stdout
    assert '"rsp" for "RateLimit"' in done.stdout
    assert wheel.name.split("-")[1] in execute(python, "-m", "pipeline", "--version", cwd=tmp_path)
