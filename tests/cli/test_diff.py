"""`pipeline diff` and `--changes`: what is printed and written, and the exit codes."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
from helpers.discovering import invoke

from pipeline.config.load import load_config
from pipeline.runner import run

FIRST = [
    {"id": 1, "title": "Lamp", "price": "10.00", "currency": "EUR"},
    {"id": 2, "title": "Chair", "price": "5.00", "currency": "EUR"},
]
SECOND = [
    {"id": 1, "title": "Lamp", "price": "9.50", "currency": "EUR"},
    {"id": 3, "title": "Shelf", "price": "7.00", "currency": "EUR"},
]


def prepare(records: Sequence[object], folder: Path) -> Path:
    """Write a file with these records, and a configuration that has the same URL each time."""
    (folder / "shop.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))
    config = folder / "config.yaml"
    config.write_text(f"endpoints: [{{name: shop, url: 'file://{folder}/shop.jsonl', format: jsonl}}]")
    return config


@pytest.fixture
async def summaries(tmp_path: Path) -> tuple[Path, Path]:
    """The summaries of two nights."""
    for name, records in (("old", FIRST), ("new", SECOND)):
        await run(load_config(prepare(records, tmp_path), flags={"output": str(tmp_path / f"{name}.json")}, environ={}))
    return tmp_path / "old.json", tmp_path / "new.json"


async def test_people_see_counts_and_the_biggest_moves(summaries: tuple[Path, Path]) -> None:
    """The text has a line for each source, and the prices that moved most."""
    done = await invoke("diff", *map(str, summaries))
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.output.splitlines()]
    assert lines[:2] == [
        ["source", "added", "removed", "changed", "up", "down", "median"],
        ["shop", "1", "1", "1", "0", "1", "-5.00", "%"],
    ]
    assert lines[-1] == ["shop:1", "Lamp", "10.00", "→", "9.50", "EUR", "-5.00", "%"]


async def test_programs_get_json_lines(summaries: tuple[Path, Path], tmp_path: Path) -> None:
    """A file has JSON Lines, unless text is asked for; the same lines can be printed."""
    await invoke("diff", *map(str, summaries), "-o", str(tmp_path / "changes.jsonl"))
    printed = await invoke("diff", *map(str, summaries), "--format", "jsonl")
    text = (tmp_path / "changes.jsonl").read_text()
    assert printed.output == text
    first, *changes = map(json.loads, text.splitlines())
    assert first == {"source": "shop", "comparable": True, "why": None, "added": 1, "removed": 1, "changed": 1}
    assert [change["change"] for change in changes] == ["price", "added", "removed"]
    await invoke("diff", *map(str, summaries), "--format", "text", "-o", str(tmp_path / "changes.txt"))
    assert (tmp_path / "changes.txt").read_text().startswith("source")


async def test_the_exit_code_says_whether_anything_changed(summaries: tuple[Path, Path], tmp_path: Path) -> None:
    """With --exit-code it is 0 without a change, 1 with one, and 2 if nothing can be compared."""
    old, new = map(str, summaries)
    other = tmp_path / "other.json"
    definition = json.loads(Path(new).read_text())["sources"][0]["definition"]
    other.write_text(Path(new).read_text().replace(definition, "other"))
    assert (await invoke("diff", old, old, "--exit-code")).exit_code == 0
    assert "nothing changed" in (await invoke("diff", old, old)).output
    assert (await invoke("diff", old, new, "--exit-code")).exit_code == 1
    done = await invoke("diff", old, str(other), "--exit-code")
    assert done.exit_code == 2
    assert "its definition has changed since" in done.output


async def test_a_file_that_is_not_a_summary_is_a_usage_error(summaries: tuple[Path, Path], tmp_path: Path) -> None:
    """The error names the damaged file, without a traceback."""
    done = await invoke("diff", str(summaries[0]), str(tmp_path / "missing.json"))
    assert done.exit_code == 2
    assert "missing.json: is not a readable summary: No such file or directory" in done.output


async def test_a_damaged_summary_is_an_error(summaries: tuple[Path, Path]) -> None:
    """The error is one line, and the exit code is 1."""
    old, new = summaries
    new.write_text(new.read_text().replace('"title":', '"tit'))
    done = await invoke("diff", str(old), str(new))
    assert done.exit_code == 1
    assert "Error: the catalogues cannot be compared" in done.output


async def test_a_run_with_changes_writes_them_and_says_how_many(tmp_path: Path) -> None:
    """`--changes` compares with the summary that is replaced; the closing lines have the counts and the file."""
    shown = []
    for records, *flags in ((FIRST, "--changes"), (SECOND, "--changes"), (SECOND,)):
        config = prepare(records, tmp_path)
        command = [sys.executable, "-m", "pipeline", "-c", str(config), "-o", str(tmp_path / "summary.json"), *flags]
        done = await trio.run_process(command, capture_stdout=True, capture_stderr=True)
        shown.append(done.stdout.decode().replace("\n", ""))
    assert "changes: nothing could be compared → " in shown[0]
    assert f"changes: 1 added, 1 removed, 1 changed → {tmp_path / 'changes.jsonl'}" in shown[1]
    assert "changes:" not in shown[2]
    assert len((tmp_path / "changes.jsonl").read_text().splitlines()) == 4
