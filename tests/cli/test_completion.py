"""Shell completion: the offered words, and the modules it loads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import CompletionItem, ShellComplete

from pipeline.cli import main
from pipeline.config.presets import preset_names
from pipeline.config.section import keys_of
from pipeline.config.settings import Config

SHOPS = (
    "endpoints: [{name: shop, url: 'http://a.test'}, {name: shelf, url: 'http://b.test'}, {url: 'http://c.test'}, 5]"
)


def items(line: str) -> list[CompletionItem[str]]:
    """Return the items that are offered at the end of a line; after a blank, for any word."""
    *words, incomplete = line.split(" ")
    return ShellComplete(main, {}, "pipeline", "_PIPELINE_COMPLETE").get_completions(words, incomplete)


def offered(line: str) -> list[str]:
    return [item.value for item in items(line)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands_and_flags_are_offered(folder: Path) -> None:
    """The flags of `run` are offered with and without the command's name, each once."""
    assert offered("") == list(main.commands)
    assert offered("re") == ["replay-rejects"]
    bare = offered("-")
    assert {"--resume", "--set", "--timeout", "--version", "-h"} <= set(bare)
    assert sorted(bare) == sorted(set(bare))
    assert "--resume" in offered("run --re")
    assert "--preset" in offered("init -")


@pytest.mark.parametrize("command", ["run ", "check ", "preview ", "replay-rejects ", ""])
def test_every_key_is_offered_with_its_meaning(command: str, folder: Path) -> None:
    """`--set` offers every key with its meaning and an equals sign."""
    found = {item.value: item.help for item in items(f"{command}--set ")}
    assert found == {f"{key.path}=": key.meaning for key in keys_of(Config) if key.takes_value}
    assert offered(f"{command}--set breaker.c") == ["breaker.cooldown="]


def test_words_are_offered_where_a_key_is_a_choice(folder: Path) -> None:
    """Allowed values are offered for log levels, presets and paging styles."""
    (folder / "shops.yaml").write_text(SHOPS)
    assert offered("run --set log.level=d") == ["log.level=DEBUG"]
    assert offered("run -c shops.yaml --set endpoints.shop.paging.style=l") == [
        "endpoints.shop.paging.style=link_header",
        "endpoints.shop.paging.style=last_id",
    ]
    assert offered("run -c shops.yaml --set endpoints.shop.preset=woo") == [
        "endpoints.shop.preset=woocommerce_store",
        "endpoints.shop.preset=woocommerce_v3",
    ]
    assert [word.upper() for word in offered("check -l w")] == ["WARNING"]
    assert offered("init --preset ") == list(preset_names())


def test_endpoints_are_offered_by_the_names_in_the_file(folder: Path) -> None:
    """Endpoint names are offered for `preview` and in keys; they come from the default file if no other is named."""
    (folder / "shops.yaml").write_text(SHOPS)
    assert offered("preview -c shops.yaml sh") == ["shop", "shelf"]
    keys = offered("run -c shops.yaml --set endpoints.she")
    assert "endpoints.shelf.rate_limit.rps=" in keys
    assert "endpoints.shelf.paging=" in keys
    assert "endpoints.shelf.auth=" not in keys
    assert all(key.startswith("endpoints.shelf.") for key in keys)
    assert offered("preview ") == []
    (folder / "config").mkdir()
    (folder / "config" / "config.yaml").write_text(SHOPS.replace("shelf", "other"))
    assert offered("preview ") == ["shop", "other"]


@pytest.mark.parametrize("text", ["a: [", "5", "endpoints: 5", "endpoints: {a: b}"])
def test_whatever_the_file_is_nothing_is_said(text: str, folder: Path) -> None:
    """A file that is not a valid configuration offers no names and raises no error."""
    (folder / "shops.yaml").write_text(text)
    assert offered("preview -c shops.yaml ") == []
    assert "timeout=" in offered("run -c shops.yaml --set ")


def test_the_program_completes_for_a_shell(folder: Path) -> None:
    """The program completes a line if called with the variables that the shell's function sets."""
    program = Path(sys.executable).with_name("pipeline")
    environment = {**os.environ, "COMP_WORDS": "pipeline run --set retry.m", "COMP_CWORD": "3"}
    environment["_PIPELINE_COMPLETE"] = "bash_complete"
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["plain,retry.max_retries=", "plain,retry.max_delay="]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_lines_of_the_readme_give_a_script(shell: str) -> None:
    """Each shell that docs/REFERENCE.md has a line for."""
    assert (
        f"_PIPELINE_COMPLETE={shell}_source pipeline"
        in (Path(__file__).parents[2] / "docs" / "REFERENCE.md").read_text()
    )
    program = Path(sys.executable).with_name("pipeline")
    environment = {**os.environ, "_PIPELINE_COMPLETE": f"{shell}_source"}
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=True)
    assert "pipeline" in done.stdout


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    """`import pipeline.cli` loads neither Trio nor httpx, tqdm or filelock, which completion and help do not need."""
    code = "import sys, pipeline.cli; print(*sorted({'trio', 'httpx', 'tqdm', 'filelock'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_package_has_run_whatever_is_imported_first() -> None:
    """`pipeline.run` is the function, regardless of which module is imported first."""
    for first in ("pipeline", "pipeline.runner", "pipeline.cli.run"):
        code = f"import {first}; import pipeline; from pipeline import run; print(pipeline.run is run, callable(run))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["True", "True"]
