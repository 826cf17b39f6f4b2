"""The summary that a run replaces: the baselines in it, and files that are none."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from helpers.products_files import a_catalogue
from helpers.reports import a_source
from loguru import logger

from pipeline.model.summary import Totals
from pipeline.output.files import OutputFiles
from pipeline.output.previous import PreviousSummary

SOURCES = [a_source("a", baseline_products=140), a_source("b", status="partial", baseline_products=7), a_source("c")]


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    heard: list[str] = []
    logger.enable("pipeline")
    handler = logger.add(lambda message: heard.append(message.record["message"]), level="WARNING")
    yield heard
    logger.remove(handler)


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    catalogue = msgspec.structs.replace(a_catalogue(b'{"id":"a:1"}\n{"id":"a:2"}', b'{"id":"b:1"}'), sources=SOURCES)
    OutputFiles(tmp_path / "s.json").write(Totals("partial", 3, 1.5, 1.0, ["a", "b"], {}, ""), catalogue)
    return tmp_path / "s.json"


def test_baselines_are_read_from_the_sources(summary: Path, warnings: list[str]) -> None:
    """Each source has the baseline that the summary carries; that of 0.1.0 is its number of products, if complete."""
    assert PreviousSummary.read(summary).baselines == {"a": 140, "b": 7, "c": 20}
    assert warnings == []


def test_a_summary_that_was_formatted_is_read_as_well(summary: Path) -> None:
    """A summary with another indentation is the same summary."""
    summary.write_text(json.dumps(json.loads(summary.read_text()), indent=4))
    assert PreviousSummary.read(summary).baselines == {"a": 140, "b": 7, "c": 20}


def test_products_are_not_read(summary: Path, warnings: list[str]) -> None:
    """Damage after the sources does not matter, since nothing there is read."""
    text = summary.read_bytes()
    summary.write_bytes(text[: text.index(b'"products": [') + 14] + b"\xff" * 1_000_000)
    assert PreviousSummary.read(summary).baselines == {"a": 140, "b": 7, "c": 20}
    assert warnings == []


def test_without_a_file_there_are_none(tmp_path: Path, warnings: list[str]) -> None:
    """The first run has no baseline and logs nothing."""
    assert PreviousSummary.read(tmp_path / "none.json").baselines == {}
    assert warnings == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b'{"a": 1}',
        b'{"summary": {},\n"sources": [\n{"name": "a", "sta',
        b'{"summary": {},\n"sources": [17],\n"products": []}',
        b'\n"products": [',
    ],
)
def test_a_damaged_or_foreign_file_is_ignored_with_a_warning(
    tmp_path: Path, content: bytes, warnings: list[str]
) -> None:
    """A file that is no summary gives no baseline, and one warning names it."""
    (tmp_path / "s.json").write_bytes(content)
    assert PreviousSummary.read(tmp_path / "s.json").baselines == {}
    (warning,) = warnings
    assert "s.json is not a readable summary" in warning
