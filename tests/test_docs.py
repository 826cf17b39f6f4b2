"""The documents: what they list is all there is, and what they promise to show is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

import pipeline
from pipeline.cli import main
from pipeline.config import Config
from pipeline.layers import load_config
from pipeline.normalize.fields import CATEGORY_KEYS, CURRENCY_KEYS, ID_KEYS, PRICE_KEYS, TITLE_KEYS
from pipeline.section import Section
from pipeline.validation import section_in

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def leaves(section: type[Section], prefix: str = "") -> Iterator[tuple[str, object]]:
    for field in msgspec.structs.fields(section):
        if nested := section_in(field.type):
            yield from leaves(nested, f"{prefix}{field.name}.")
        elif field.name != "endpoints":
            yield f"{prefix}{field.name}", getattr(field.default, "value", field.default)


@pytest.mark.parametrize(("key", "default"), list(leaves(Config)))
def test_readme_has_every_key_with_its_default(key: str, default: object) -> None:
    """The configuration table names each key and the default that it has."""
    shown = f"{default:g}" if isinstance(default, float) else str(default)
    assert f"| `{key}` | {shown} |" in README


def test_readme_has_every_flag() -> None:
    """Each flag of the command line stands in the README."""
    flags = [flag for option in main.commands["run"].params for flag in (*option.opts, *option.secondary_opts)]
    flags += [flag for option in main.params for flag in option.opts]
    assert isinstance(main, click.Group)
    assert [flag for flag in flags if f"{flag}" not in README] == []


@pytest.mark.parametrize("code", ["0", "1", "2", "3", "130, 143"])
def test_readme_has_every_exit_code(code: str) -> None:
    """Each exit code has its row."""
    assert f"\n| {code} | " in README


def test_readme_has_every_field_name() -> None:
    """The table of fields names all that are looked for, in their order."""
    for keys in (ID_KEYS, TITLE_KEYS, PRICE_KEYS, CURRENCY_KEYS, CATEGORY_KEYS):
        assert ", ".join(f"`{key}`" for key in keys) in README


def test_example_configurations_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file in config/ loads."""
    files = sorted((ROOT / "config").glob("*.yaml"))
    assert len(files) >= 2
    for file in files:
        assert load_config(file, environ={}).resolved()


def test_architecture_has_every_module() -> None:
    """Each module of both packages is in ARCHITECTURE.md, under its name."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    modules = [path for name in ("pipeline", "mockapi") for path in (ROOT / name).rglob("*.py")]
    missing = [path.name for path in modules if not path.stem.startswith("__") and f"{path.name}`" not in text]
    assert missing == []


def test_requirements_name_tests_that_exist() -> None:
    """Every test that REQUIREMENTS.md points to is there."""
    text = (ROOT / "REQUIREMENTS.md").read_text()
    named = re.findall(r"`(test_\w+\.py|smoke\.py)(?:::(test_\w+))?`", text)
    assert len(named) > 40
    for file, test in named:
        source = (ROOT / "tests" / file).read_text()
        assert not test or f"def {test}(" in source, f"{file}::{test}"


def test_the_library_exports_what_it_says() -> None:
    """`pipeline` has the configuration, `run` and the nouns, and nothing else."""
    assert {"Config", "load_config", "run", "Summary", "Product"} <= set(pipeline.__all__)
    assert all(hasattr(pipeline, name) for name in pipeline.__all__)
