"""The name of the distribution, in metadata, messages and documents."""

import re
import tomllib
from importlib.metadata import distribution

import pytest

from docs.documents import ROOT
from pipeline.distribution import DISTRIBUTION, VERSION, install_extra

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = "|".join(PROJECT["project"]["optional-dependencies"])

# Places in which only the name of a distribution can be meant.
OTHER_NAME = re.compile(
    rf"""(?<![\w-])pipeline\[(?:{EXTRAS})\b | (?:version|distribution|requires)\(\s*["']pipeline["'] |
    (?:pip|uv|pipx|uvx)\ [a-z -]*(?:install|add|run\ --with)\ [^`\n]*(?<![\w./-])pipeline(?=["'`\s\[]|$) |
    package_name=["']pipeline["']""",
    re.VERBOSE,
)
FOLDERS = ("pipeline", "docs", "mockapi", "bench", "tests", "config", ".ci", ".github")
SUFFIXES = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".j2", ".sh", ""}


def test_the_distribution_has_a_name_of_its_own() -> None:
    """Metadata, wheel and program agree on the name; the command and the package are `pipeline`."""
    assert PROJECT["project"]["name"] == DISTRIBUTION == "catalogue-pipeline"
    installed = distribution(DISTRIBUTION)
    assert installed.version == VERSION
    assert [script.name for script in installed.entry_points if script.group == "console_scripts"] == ["pipeline"]


def test_nobody_is_told_to_install_the_other_project() -> None:
    """No message, document or group of dependencies names the project `pipeline` of the public index."""
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if "__pycache__" not in file.parts]
    files += [file for file in ROOT.iterdir() if file.is_file()]
    told = [
        f"{file.relative_to(ROOT)}: {found[0]}"
        for file in files
        if file.is_file() and file.suffix in SUFFIXES
        for found in OTHER_NAME.finditer(file.read_text(encoding="utf-8", errors="replace"))
    ]
    assert told == []
    groups = [entry for group in PROJECT["dependency-groups"].values() for entry in group if isinstance(entry, str)]
    assert [entry for entry in groups if re.split(r"[\[><=; ]", entry)[0] == "pipeline"] == []


@pytest.mark.parametrize("extra", PROJECT["project"]["optional-dependencies"])
def test_the_remedy_for_a_missing_library_is_a_command(extra: str) -> None:
    """Messages name the extra of this distribution, and the command for a clone."""
    assert f"pip install 'catalogue-pipeline[{extra}]'" in install_extra(extra)
    assert f"uv sync --extra {extra}" in install_extra(extra)


@pytest.mark.parametrize(
    ("text", "is_wrong"),
    [
        ("pip install 'pipe" + "line[report]'", True),
        ("pip install pipe" + "line", True),
        ('version("pipe' + 'line")', True),
        ("pip install 'catalogue-pipeline[report]'", False),
        ("python -m pipeline; uv run -q python -m pipeline", False),
        ("pipeline init -c shops.yaml", False),
    ],
)
def test_the_search_finds_what_it_looks_for(text: str, is_wrong: bool) -> None:
    """The pattern matches the other name in all its places, and no call of the command."""
    assert bool(OTHER_NAME.search(text)) is is_wrong
