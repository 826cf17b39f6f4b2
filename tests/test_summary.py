"""Writing summary.json: whole, durable, or not at all."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, OutputError
from pipeline.model import Totals
from pipeline.report.aggregator import Catalogue
from pipeline.report.summary import prepare_output, write_summary

TOTALS = Totals("complete", 2, 1.5, 1.0, ["a"], {"books": 2}, "2026-01-01T00:00:00Z")
CATALOGUE = Catalogue([], [], [], {"books": 2})
PRODUCTS = [b'{"id":"a:1","price":1.50}\n{"id":"a:2"}', b'{"id":"b:1"}']


def test_the_file_is_one_json_document_with_the_four_parts(tmp_path: Path) -> None:
    """Summary, sources, products and errors, in this order, decimals as they were."""
    write_summary(tmp_path / "s.json", TOTALS, CATALOGUE, PRODUCTS)
    text = (tmp_path / "s.json").read_text()
    document = json.loads(text)
    assert list(document) == ["summary", "sources", "products", "errors"]
    assert document["summary"]["categories"] == {"books": 2}
    assert [product["id"] for product in document["products"]] == ["a:1", "a:2", "b:1"]
    assert '"price":1.50' in text


def test_an_old_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    """The new file stands in place of the old one; no temporary file remains."""
    output = tmp_path / "s.json"
    output.write_text("old")
    write_summary(output, TOTALS, CATALOGUE, PRODUCTS)
    assert output.read_text().startswith('{"summary"')
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


def test_a_failure_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    """When composing breaks off, readers still see the old file, and the error says what to do."""
    output = tmp_path / "s.json"
    output.write_text("old")

    def full() -> Iterator[bytes]:
        yield b"{}"
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left"):
        write_summary(output, TOTALS, CATALOGUE, full())
    assert output.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


def test_the_folder_is_made(tmp_path: Path) -> None:
    """The output's folders are made before anything is fetched."""
    prepare_output(tmp_path / "a" / "b" / "s.json")
    assert (tmp_path / "a" / "b").is_dir()
    assert not list((tmp_path / "a" / "b").iterdir())


@pytest.mark.parametrize("place", ["file/s.json", "."])
def test_an_impossible_place_is_found_before_fetching(tmp_path: Path, place: str) -> None:
    """A folder, or a place below a file, is named as a mistake in the configuration."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="output"):
        prepare_output(tmp_path / place)
