"""Servers with the defaults of frameworks, over real sockets: the URL alone reads each of them completely."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mockapi.frameworks import FRAMEWORKS
from mockapi.personas import path
from mockapi.serve import serving
from mockapi.settings import Settings
from pipeline.config.load import load_config
from pipeline.config.settings import Config
from pipeline.model.summary import Summary
from pipeline.runner import run

PAGES = 4
# In JSON:API the fields of a record are in `attributes`, and the server refuses requests that accept plain JSON only.
EXTRA: dict[str, dict[str, Any]] = {
    "json_api": {"fields": {"price": "attributes.price"}, "headers": {"Accept": "*/*"}},
}


def config(tmp_path: Path, name: str, url: str) -> Config:
    file = tmp_path / "config.yaml"
    endpoint = {"name": "shop", "url": url + path(name), **EXTRA.get(name, {})}
    limits = {"rate_limit": {"rps": 0, "concurrency": 1}, "retry": {"base_delay": 0.05}, "expect": {"min_products": 0}}
    file.write_text(json.dumps({"output": str(tmp_path / "summary.json"), **limits, "endpoints": [endpoint]}))
    return load_config(file, environ={})


async def read(name: str, tmp_path: Path, **settings: Any) -> tuple[Summary, Settings]:
    chosen = Settings(personas=(name,), ports=(0,), pages=PAGES, per_page=7, **settings)
    async with serving(chosen) as urls:
        return await run(config(tmp_path, name, urls[name]), environ={}), chosen


def assert_complete(summary: Summary, name: str, settings: Settings, tmp_path: Path) -> None:
    """Assert a complete run with the true products and exact prices, and at most two requests more than pages."""
    (source,) = summary.sources
    assert (summary.summary.status, summary.errors) == ("complete", [])
    document = json.loads((tmp_path / "summary.json").read_text(), parse_float=Decimal, parse_int=Decimal)
    found = [(product["id"], product["price"]) for product in document["products"]]
    truth = FRAMEWORKS[name].truth(settings.seed, settings.records)
    assert found == [(f"shop:{one.id}", None if one.price is None else Decimal(one.price)) for one in truth]
    assert (source.rejected, source.duplicates, source.errors) == (0, 0, 0)
    assert source.requests <= source.pages_fetched + 2


@pytest.mark.parametrize("name", FRAMEWORKS)
async def test_the_url_alone_reads_a_framework_completely(name: str, tmp_path: Path) -> None:
    """Each framework is read with its own end, parameters and errors."""
    summary, settings = await read(name, tmp_path)
    assert_complete(summary, name, settings, tmp_path)


@pytest.mark.parametrize("past_end", ["own", "400", "404", "410", "416", "422", "last"])
@pytest.mark.parametrize("name", FRAMEWORKS)
async def test_every_answer_after_the_end_is_an_end(name: str, past_end: str, tmp_path: Path) -> None:
    """A refusal, an empty list and the last page again are ends, whichever framework they come from."""
    summary, settings = await read(name, tmp_path, past_end=past_end)
    assert_complete(summary, name, settings, tmp_path)


@pytest.mark.parametrize("unknown", ["ignore", "filter", "refuse"])
@pytest.mark.parametrize("name", FRAMEWORKS)
async def test_no_unknown_parameter_costs_a_record(name: str, unknown: str, tmp_path: Path) -> None:
    """Servers that refuse unknown parameters, or take them for filters, are read like those that ignore them."""
    summary, settings = await read(name, tmp_path, unknown_parameters=unknown)
    assert_complete(summary, name, settings, tmp_path)


@pytest.mark.parametrize(
    ("unknown", "past_end"), [("ignore", "404"), ("ignore", "last"), ("filter", "own"), ("refuse", "own")]
)
@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("name", FRAMEWORKS)
async def test_a_small_catalogue_is_read_completely(
    name: str, count: int, unknown: str, past_end: str, tmp_path: Path
) -> None:
    """A catalogue of one page, or of none, costs at most two requests more, whatever a wrong guess gets."""
    chosen = Settings(
        personas=(name,), ports=(0,), pages=count, per_page=7, past_end=past_end, unknown_parameters=unknown
    )
    async with serving(chosen) as urls:
        summary = await run(config(tmp_path, name, urls[name]), environ={})
    assert_complete(summary, name, chosen, tmp_path)


@pytest.mark.parametrize(
    ("unknown", "past_end"),
    [("filter", "own"), ("refuse", "own"), *(("", each) for each in ("400", "404", "410", "416", "422", "last"))],
)
@pytest.mark.parametrize(("name", "records"), [("api1", 28), ("pages_from_zero", 26), ("cursors", 26)])
async def test_other_mocks_with_these_behaviours_are_read_completely(
    name: str, records: int, unknown: str, past_end: str, tmp_path: Path
) -> None:
    """An API that announces its pages or has cursors is read from the URL alone, however it answers after the end."""
    summary, _ = await read(name, tmp_path, past_end=past_end, unknown_parameters=unknown)
    (source,) = summary.sources
    assert (source.status, source.items_fetched, source.errors) == ("complete", records, 0)
    assert source.requests <= source.pages_fetched + 2


@pytest.mark.parametrize("past_end", ["own", "404", "last"])
async def test_a_refusal_after_a_full_page_is_no_end_without_a_total(past_end: str, tmp_path: Path) -> None:
    """An API that says nothing about its pages, and whose last page is full, may have more after a refusal."""
    summary, _ = await read("api3", tmp_path, past_end=past_end)
    (source,) = summary.sources
    assert source.items_fetched == 28
    assert (source.status, source.missing_from) == (("partial", 7) if past_end == "404" else ("complete", None))
