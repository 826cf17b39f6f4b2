"""The examples on the pages of docs/ about requests, GraphQL, feeds, transforms and changes run as they are written."""

import json
import re
import sys
from pathlib import Path

import pytest
import trio
import yaml

from docs.documents import ROOT
from mockapi.feed import Feed
from mockapi.personas import POSTED, usual_port
from mockapi.serve import serving
from mockapi.settings import Settings
from mockapi.shops import SHOPS

PAGES = ("REQUESTS", "GRAPHQL", "FEEDS", "TRANSFORM", "CHANGES")
MOCKS = {**POSTED, "feed": Feed, "dummyjson": SHOPS["dummyjson"]}
SETTINGS = Settings(personas=tuple(MOCKS), ports=(0,), pages=3, per_page=20, rate_limit=10_000.0, burst=10_000)


def text(page: str) -> str:
    return (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text(page), re.DOTALL)


EXAMPLES = [(page, index) for page in PAGES for index in range(len(blocks(page, "yaml")))]


@pytest.mark.parametrize(("page", "index"), EXAMPLES)
async def test_every_example_reads_its_mock_completely(page: str, index: int, tmp_path: Path) -> None:
    """A configuration of a page is complete, and has as many products as its mock."""
    example = blocks(page, "yaml")[index]
    (persona,) = [name for name in MOCKS if f"127.0.0.1:{usual_port(name)}" in example]
    async with serving(SETTINGS) as urls:
        config = example.replace(f"http://127.0.0.1:{usual_port(persona)}", urls[persona])
        (tmp_path / "config.yaml").write_text(config)
        (tmp_path / "shops.py").write_text("".join(blocks(page, "python")))
        done = await trio.run_process(
            [sys.executable, "-m", "pipeline", "-c", "config.yaml", "--set", "rate_limit.rps=0"],
            cwd=tmp_path,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["summary"]["total_products"] == len(MOCKS[persona].truth(SETTINGS.seed, SETTINGS.records))
    assert yaml.safe_load(example)["endpoints"][0]["name"] == summary["sources"][0]["name"]


def test_each_page_has_examples() -> None:
    """No page is left out, and none has lost its examples."""
    assert {page: len(blocks(page, "yaml")) for page in PAGES} == {
        "REQUESTS": 3,
        "GRAPHQL": 3,
        "FEEDS": 3,
        "TRANSFORM": 1,
        "CHANGES": 1,
    }
