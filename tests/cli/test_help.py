"""Help: its width, and the examples in it and in the documents."""

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from mockapi.cli import EXAMPLES as MOCK_EXAMPLES
from mockapi.cli import main as mocks
from pipeline.cli import main
from pipeline.cli.app import USUAL_PATH, Command
from pipeline.cli.exit_codes import ExitCode

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "mockapi/README.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))))
PROGRAMS = {("pipeline",): main, ("python", "-m", "pipeline"): main, ("python", "-m", "mockapi"): mocks}


def command_lines() -> Iterator[tuple[click.Group, list[str]]]:
    """Yield each call of the program or the mocks in the shell blocks of the documents, without redirections."""
    for document in DOCUMENTS:
        for block in re.findall(r"```sh\n(.*?)```", (ROOT / document).read_text(), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                for program, group in PROGRAMS.items():
                    if tuple(words[: len(program)]) == program:
                        yield group, list(itertools.takewhile(lambda word: word not in "&|>", words[len(program) :]))


EXAMPLES = [
    *((main, shlex.split(line)) for line in USUAL_PATH),
    *((main, shlex.split(line)) for each in main.commands.values() for line in each.examples),
    *((mocks, shlex.split(line)) for line in MOCK_EXAMPLES),
    *command_lines(),
]


@pytest.mark.parametrize(("group", "arguments"), EXAMPLES)
def test_every_example_is_a_command_line(
    group: click.Group, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every example in `--help` and in the documents is a valid command line."""
    called: list[dict[str, object]] = []
    for command in (group, *group.commands.values()):
        monkeypatch.setattr(command, "callback", lambda **options: called.append(options))
    done = CliRunner().invoke(group, list(itertools.takewhile(lambda word: word != ">", arguments)))
    assert done.exit_code == 0, done.output
    assert called


def shown(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--help"], prog_name="pipeline", env={"COLUMNS": "80"})


@pytest.mark.parametrize("name", main.commands)
def test_help_ends_with_examples_and_fits_80_columns(name: str) -> None:
    """The help of each command fits in 80 columns and ends with its examples."""
    command = main.commands[name]
    assert isinstance(command, Command)
    text = shown(name).output
    assert text.endswith("\nExamples:\n" + "".join(f"  pipeline {example}\n" for example in command.examples))
    assert max(map(len, text.splitlines())) <= 80


def test_the_programs_help_shows_the_usual_path_and_how_it_exits() -> None:
    """The program's help fits in 80 columns and contains every command's summary and every exit code."""
    text = shown().output
    lines = text.splitlines()
    at = lines.index("The usual path:")
    assert lines[at + 1 : at + 1 + len(USUAL_PATH)] == [f"  pipeline {line}" for line in USUAL_PATH]
    summaries = {name: command.get_short_help_str(limit=200) for name, command in main.commands.items()}
    assert [name for name, summary in summaries.items() if summary not in text] == []
    assert max(map(len, lines)) <= 80
    told = re.sub(r"\s+", " ", text)
    assert [code for code in ExitCode if f"{code.value} {code.meaning}" not in told] == []


def test_examples_have_the_name_that_the_program_was_called_by() -> None:
    """The examples start with the name by which the program was called, such as `python -m pipeline`."""
    done = CliRunner().invoke(main, ["check", "--help"], prog_name="python -m pipeline")
    assert done.output.splitlines()[-1].startswith("  python -m pipeline check ")
