"""The documents list everything that exists, and their examples work."""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import click
import msgspec
import pytest
import trio

import pipeline
from docs.documents import ROOT, made
from mockapi.cli import main as mocks
from mockapi.personas import usual_port
from mockapi.serve import serving
from mockapi.settings import Settings
from mockapi.shops import SHOPS
from pipeline.cli import main
from pipeline.cli.exit_codes import ExitCode
from pipeline.config.auth import ApiKey, Auth, BasicAuth, OAuth2
from pipeline.config.endpoint import Endpoint
from pipeline.config.load import config_of_text, load_config
from pipeline.config.resolve import resolve
from pipeline.config.section import Section, keys_of
from pipeline.config.settings import Config
from pipeline.config.source import Fields, Paging, PagingStyle, Price

README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs" / "REFERENCE.md").read_text()
DOCUMENTS = (
    "README.md",
    "ARCHITECTURE.md",
    "DECISIONS.md",
    "CHANGELOG.md",
    "bench/README.md",
    "mockapi/README.md",
    *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))),
)


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}".strip("."))
    elif path != "endpoints":
        yield path, value


@pytest.mark.parametrize(("key", "default"), list(leaves(msgspec.to_builtins(Config()))))
def test_the_reference_has_every_key_with_its_default(key: str, default: object) -> None:
    """The configuration table names each key and the default that it has."""
    match default:
        case None:
            shown = ""
        case bool():
            shown = f" {str(default).lower()}"
        case float():
            shown = f" {default:g}"
        case _:
            shown = f" {default}"
    assert f"| `{key}` |{shown} |" in REFERENCE


@pytest.mark.parametrize("path", made(), ids=lambda path: path.name)
def test_the_documents_are_as_the_program_is(path: Path) -> None:
    """The tables, the schema and the shipped configuration are those that `just docs` makes."""
    assert path.read_text(encoding="utf-8") == made()[path], "run: just docs"


@pytest.mark.parametrize("section", [Config, Endpoint])
def test_every_key_says_what_it_means(section: type[Section]) -> None:
    """Every key has a description of at most 250 characters beside its field."""
    assert [key.path for key in keys_of(section) if not key.meaning or len(key.meaning) > 250] == []


@pytest.mark.parametrize(("group", "document"), [(main, "docs/REFERENCE.md"), (mocks, "mockapi/README.md")])
def test_every_flag_and_command_is_explained(group: click.Group, document: str) -> None:
    """Every command and flag has a help text and is in the document."""
    text = (ROOT / document).read_text()
    options = [
        o for command in (group, *group.commands.values()) for o in command.params if isinstance(o, click.Option)
    ]
    flags = [flag for option in options for flag in (*option.opts, *option.secondary_opts)]
    assert [flag for flag in flags if not re.search(rf"(?<![-\w]){flag}(?![-\w])", text)] == []
    assert [name for name, command in group.commands.items() if name not in text or not command.help] == []
    assert [option.name for option in options if not option.help] == []


def test_readme_has_every_exit_code() -> None:
    """The README lists the exit codes of the contract and no others."""
    rows = README.partition("<!-- exit codes: begin")[2].partition("<!-- exit codes: end")[0]
    assert re.findall(r"^\| (\d+) \| ", rows, re.MULTILINE) == ["0", "1", "2", "3", "129", "130", "143"]
    assert {0, 1, 2, 3, 129, 130, 143} == set(ExitCode)


async def test_the_first_run_of_the_readme_works(tmp_path: Path) -> None:
    """The commands of the first run, in their order, lead from the URL of a mock to all of its products."""
    block = README.partition("## First run")[2].partition("```sh\n")[2].partition("```")[0]
    async with serving(Settings(personas=("dummyjson",), ports=(0,), pages=3, rate_limit=1000.0, burst=1000)) as urls:
        for line in block.replace("http://127.0.0.1:8012", urls["dummyjson"]).splitlines():
            program, *arguments = shlex.split(line, comments=True)
            assert program == "pipeline"
            await trio.run_process([sys.executable, "-m", "pipeline", *arguments], cwd=tmp_path, capture_stdout=True)
    expected = SHOPS["dummyjson"].truth(1, 54)
    assert len(json.loads((tmp_path / "out" / "shops.json").read_text())["products"]) == len(expected)


def test_example_configurations_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every YAML file in config/ loads and resolves."""
    files = sorted((ROOT / "config").glob("*.yaml"))
    assert len(files) >= 2
    for file in files:
        assert resolve(load_config(file, environ={}))


def test_architecture_has_every_room() -> None:
    """ARCHITECTURE.md names every package, with a slash after its name."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    packages = [
        path.parent.name for name in ("pipeline", "mockapi", "docs") for path in (ROOT / name).rglob("__init__.py")
    ]
    assert len(packages) > 15
    assert [name for name in packages if f"{name}/" not in text] == []


def test_architecture_names_files_that_exist() -> None:
    """Every module that ARCHITECTURE.md names is in a package."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    modules = [path for name in ("pipeline", "mockapi", "docs") for path in (ROOT / name).rglob("*.py")]
    named = set(re.findall(r"`(?:[\w./]*/)?(\w+\.py)`", text))
    assert named <= {path.name for path in modules}


def test_requirements_name_tests_that_exist() -> None:
    """Every test that REQUIREMENTS.md names exists."""
    text = (ROOT / "REQUIREMENTS.md").read_text()
    named = re.findall(r"`((?:\w+/)*(?:test_\w+|smoke)\.py)(?:::(test_\w+))?`", text)
    assert len(named) > 40
    for file, test in named:
        source = (ROOT / "tests" / file).read_text()
        assert not test or f"def {test}(" in source, f"{file}::{test}"


def test_the_library_exports_what_it_says() -> None:
    """`pipeline` has every name that it exports, and all names that the README and a configuration need."""
    needed = {"Config", "Endpoint", "Paging", "Fields", "RateLimit", "load_config", "run", "Summary", "Product"}
    assert needed | {"PipelineError", "ConfigError", "OutputError", "AbortedError"} <= set(pipeline.__all__)
    assert all(hasattr(pipeline, name) for name in pipeline.__all__)


DESCRIBE = (ROOT / "docs" / "DESCRIBE.md").read_text()


@pytest.mark.parametrize("style", [style.value for style in PagingStyle if style is not PagingStyle.AUTO])
def test_the_page_has_a_worked_example_of_every_paging_style(style: str) -> None:
    """Every paging style has a heading in docs/DESCRIBE.md and an example below it."""
    section = DESCRIBE.partition(f"\n### {style}\n")[2].partition("\n##")[0]
    assert re.search(rf"paging: (\{{style: )?{style}\b", section)


@pytest.mark.parametrize("section", [Paging, Price, Auth, BasicAuth, ApiKey, OAuth2, Fields])
def test_the_page_names_every_key_of_a_description(section: type[Section]) -> None:
    """DESCRIBE.md names every key of the sections that describe an API."""
    missing = [key for key in section.__struct_fields__ if not re.search(rf"\b{key}\b", DESCRIBE)]
    assert missing == []


def test_every_example_on_the_page_is_a_valid_configuration() -> None:
    """Every complete configuration in the documents loads."""
    blocks = re.findall(r"```yaml\n(endpoints:.*?)```", DESCRIBE + README, re.DOTALL)
    assert len(blocks) >= 12
    for block in blocks:
        assert config_of_text(block).endpoints, block


@pytest.mark.parametrize(
    ("port", "block"),
    [(int(port), block) for block in re.findall(r"```yaml\n(.*?)```", DESCRIBE, re.DOTALL)
     for port in re.findall(r"http://127\.0\.0\.1:(\d+)", block)],
)  # fmt: skip
async def test_every_worked_example_reads_its_mock_completely(port: int, block: str, tmp_path: Path) -> None:
    """Each worked example, run against the mock on its port, gives all products of that mock."""
    persona = next(name for name in SHOPS if usual_port(name) == port)
    settings = Settings(personas=(persona,), ports=(0,), pages=3, per_page=7, rate_limit=1000.0, burst=1000)
    async with serving(settings) as urls:
        config = config_of_text(block.replace(f"http://127.0.0.1:{port}", urls[persona]))
        summary = await pipeline.run(msgspec.structs.replace(config, output=str(tmp_path / "summary.json")))
    assert summary.summary.status == "complete"
    expected = SHOPS[persona].truth(settings.seed, settings.records)
    found = json.loads((tmp_path / "summary.json").read_text(), parse_float=Decimal, parse_int=Decimal)["products"]
    assert [(product["id"].partition(":")[2], product["title"], product["price"]) for product in found] == [
        (truth.id, truth.title, None if truth.price is None else Decimal(truth.price)) for truth in expected
    ]


def test_links_within_the_documents_lead_somewhere() -> None:
    """Every file and heading that a document links to exists."""
    for name in DOCUMENTS:
        text = (ROOT / name).read_text()
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
            file, _, anchor = target.partition("#")
            linked = (ROOT / name).parent / file if file else ROOT / name
            assert linked.exists(), target
            if anchor:
                headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
                slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
                assert anchor in slugs, target


def test_programs_name_documents_that_exist() -> None:
    """Every document that a module, script, example or configuration names exists, from its folder or from the root."""
    folders = ("pipeline", "mockapi", "tests", "bench", "config", "docs", ".ci")
    files = [each for folder in folders for each in (ROOT / folder).rglob("*") if each.is_file()]
    files += [ROOT / name for name in ("Dockerfile", "compose.yaml", "justfile", "pyproject.toml")]
    suffixes = {"", ".py", ".sh", ".yaml", ".toml", ".service", ".timer"}
    for file in files:
        if file.suffix in suffixes:
            for name in re.findall(r"(?<![\w./])(?:[\w-]+/)*[A-Z]{3,}\.md\b", file.read_text(errors="replace")):
                places = (ROOT / name, ROOT / "docs" / name, file.parent / name)
                assert any(each.exists() for each in places), f"{file}: {name}"
