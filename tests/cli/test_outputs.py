"""Where the files of a run go if only some of them are named on the command line."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline import cli
from pipeline.cli import run as running
from pipeline.config.load import Loaded


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a configuration with a products file, for runs that end before they begin."""

    def instead(loaded: Loaded, *_: object, **__: object) -> None:
        print(f"output={loaded.config.output} products={loaded.config.products}")  # noqa: T201
        sys.exit()

    monkeypatch.setattr(running, "_run", instead)
    path = tmp_path / "shops.yaml"
    path.write_text("{output: out/all.json, products: out/all.csv, endpoints: [{name: a, url: 'http://127.0.0.1:1/'}]}")
    return path


def invoke(*arguments: str, path: Path, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(cli.main, [*arguments, "-c", str(path)], env=env, prog_name="pipeline")


@pytest.mark.parametrize("command", [["run"], ["replay-rejects"]])
@pytest.mark.parametrize("output", [["-o", "trial.json"], ["--set", "output=trial.json"]])
def test_a_configured_products_file_stays_with_its_output(
    command: list[str], output: list[str], configured: Path
) -> None:
    """With another output alone, the products of the configured one would be replaced: the error names both flags."""
    done = invoke(*command, *output, path=configured)
    assert done.exit_code == 2
    assert "products: 'out/all.csv' belongs to the configured output, but -o names 'trial.json'" in done.output
    assert "give --products PATH for this output, or --no-products" in done.output


def test_a_products_file_from_the_environment_is_as_good_as_one_from_the_file(configured: Path) -> None:
    """A products file that an environment variable names is refused with `-o` as well."""
    done = invoke("run", "-o", "trial.json", path=configured, env={"PIPELINE_PRODUCTS": "env.csv"})
    assert done.exit_code == 2
    assert "products: 'env.csv' belongs to the configured output" in done.output


@pytest.mark.parametrize(
    ("arguments", "output", "products"),
    [
        ([], "out/all.json", "out/all.csv"),
        (["-o", "t.json", "--products", "t.csv"], "t.json", "t.csv"),
        (["-o", "t.json", "--set", "products=t.csv"], "t.json", "t.csv"),
        (["-o", "t.json", "--no-products"], "t.json", "None"),
        (["-o", "t.json", "--set", "products=null"], "t.json", "None"),
        (["--no-products"], "out/all.json", "None"),
        (["--products", "t.csv"], "out/all.json", "t.csv"),
    ],
)
def test_the_command_line_decides_where_products_go(
    arguments: list[str], output: str, products: str, configured: Path
) -> None:
    """A products file may be named, or refused, with and without another output."""
    assert f"output={output} products={products}" in invoke("run", *arguments, path=configured).output


def test_an_environment_that_names_both_is_no_command_line(configured: Path) -> None:
    """An output from the environment goes with the products of file and environment."""
    done = invoke("run", path=configured, env={"PIPELINE_OUTPUT": "e.json"})
    assert "output=e.json products=out/all.csv" in done.output
    done = invoke("run", path=configured, env={"PIPELINE_OUTPUT": "e.json", "PIPELINE_PRODUCTS": "null"})
    assert "output=e.json products=None" in done.output


@pytest.mark.parametrize("flags", [["--products", "t.csv", "--no-products"], ["--no-products", "--products", "t.csv"]])
def test_both_flags_contradict_each_other(flags: list[str], configured: Path) -> None:
    """Both flags for the products file together are a usage error."""
    done = invoke("run", *flags, path=configured)
    assert done.exit_code == 2
    assert "contradicts --products; keep one of them" in done.output


def test_commands_that_write_nothing_take_any_output(configured: Path) -> None:
    """`check` writes no products, so `-o` alone is no mistake there."""
    assert "belongs to" not in invoke("check", "-o", "t.json", path=configured).output
