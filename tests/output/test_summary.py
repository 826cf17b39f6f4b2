"""Writing the summary is atomic and durable."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from helpers.products_files import a_catalogue

from pipeline.errors import ConfigError, OutputError
from pipeline.model.summary import Totals
from pipeline.output.atomic import prepare_output, remove_leftovers
from pipeline.output.files import OutputFiles

TOTALS = Totals("complete", 2, 1.5, 1.0, ["a"], {"books": 2}, "2026-01-01T00:00:00Z")
CATALOGUE = a_catalogue(b'{"id":"a:1","price":1.50}\n{"id":"a:2"}', b'{"id":"b:1"}')


def test_the_file_is_one_json_document_with_the_four_parts(tmp_path: Path) -> None:
    """The parts are summary, sources, products and errors, in this order, with decimals unchanged."""
    OutputFiles(tmp_path / "s.json").write(TOTALS, CATALOGUE)
    text = (tmp_path / "s.json").read_text()
    document = json.loads(text)
    assert list(document) == ["summary", "sources", "products", "errors"]
    assert document["summary"]["categories"] == {"books": 2}
    assert [product["id"] for product in document["products"]] == ["a:1", "a:2", "b:1"]
    assert '"price":1.50' in text


def test_an_old_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    """The new file replaces the old one, and no temporary file remains."""
    output = tmp_path / "s.json"
    output.write_text("old")
    OutputFiles(output).write(TOTALS, CATALOGUE)
    assert output.read_text().startswith('{"summary"')
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


def test_a_failure_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    """If writing fails, the old file stays, and the error names the remedy."""
    output = tmp_path / "s.json"
    output.write_text("old")

    def full() -> Iterator[bytes]:
        yield b"{}"
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left"):
        OutputFiles(output).write(TOTALS, msgspec.structs.replace(CATALOGUE, products=full))
    assert output.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


def test_the_folder_is_made(tmp_path: Path) -> None:
    """The folders of the output are created before fetching."""
    prepare_output(tmp_path / "a" / "b" / "s.json")
    assert (tmp_path / "a" / "b").is_dir()
    assert not list((tmp_path / "a" / "b").iterdir())


@pytest.mark.parametrize("place", ["file/s.json", "."])
def test_an_impossible_place_is_found_before_fetching(tmp_path: Path, place: str) -> None:
    """A folder, or a path below a file, is a configuration error."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="output"):
        prepare_output(tmp_path / place)


def test_it_is_on_the_disk_before_it_is_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is flushed to disk before it is moved, and its folder after that."""
    done: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else f"file of {os.fstat(descriptor).st_size}"
        done.append(kind)
        real_fsync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        done.append("moved")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    OutputFiles(tmp_path / "s.json").write(TOTALS, CATALOGUE)
    assert done == [f"file of {(tmp_path / 's.json').stat().st_size}", "moved", "folder"]


def test_what_is_no_regular_file_is_never_replaced(tmp_path: Path) -> None:
    """A device, a pipe or a folder at the output's path is refused before fetching, and stays."""
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path, Path("/dev/null")):
        with pytest.raises(ConfigError, match="not a regular file"):
            prepare_output(place)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    """The target of a link is replaced and keeps its permissions; the link stays."""
    target = tmp_path / "data" / "target.json"
    target.parent.mkdir()
    target.write_text("old")
    target.chmod(0o640)
    (tmp_path / "link.json").symlink_to(target)
    OutputFiles(tmp_path / "link.json").write(TOTALS, CATALOGUE)
    assert (tmp_path / "link.json").is_symlink()
    assert target.read_text().startswith('{"summary"')
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_name_that_no_file_can_have_is_a_mistake(tmp_path: Path, name: str) -> None:
    """A name that the system refuses is a configuration error, not an internal error."""
    with pytest.raises(ConfigError, match="cannot write"):
        prepare_output(tmp_path / name)


def test_leftovers_of_killed_runs_are_removed_and_nothing_else(tmp_path: Path) -> None:
    """Temporary files of a killed run are removed, and no other file."""
    for name in (".s.json.0badcafe.tmp", ".s.jsonx.0badcafe.tmp", "s.json", ".other.json.0badcafe.tmp"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path / "s.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".other.json.0badcafe.tmp",
        ".s.jsonx.0badcafe.tmp",
        "s.json",
    ]
