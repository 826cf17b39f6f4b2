"""`init`, `preview` and `check` on feeds, and on APIs that take a query by POST."""

from pathlib import Path

import pytest
import yaml
from helpers.discovering import invoke, products, truth

from mockapi.feed import Feed
from mockapi.personas import path
from mockapi.serve import serving
from mockapi.settings import Settings
from pipeline.config.load import load_config
from pipeline.config.request import BodyFormat
from pipeline.runner import run

MANY = Settings(personas=("feed",), ports=(0,), pages=300, per_page=7, rate_limit=10_000.0, burst=10_000)


@pytest.mark.parametrize(("url_path", "body_format"), [("/google.tsv", "tsv"), ("/feed.jsonl.gz", "jsonl")])
async def test_the_draft_of_a_feed_names_its_format(url_path: str, body_format: str, tmp_path: Path) -> None:
    """`init` reads the beginning of a feed, and a run of its draft reads all of it with one request."""
    config = tmp_path / "config.yaml"
    async with serving(MANY) as urls:
        drafted = await invoke("init", urls["feed"] + url_path, "-c", str(config))
        assert drafted.exit_code == 0, drafted.output
        (endpoint,) = yaml.safe_load(config.read_text())["endpoints"]
        assert endpoint["format"] == body_format
        assert "paging" not in endpoint
        loaded = load_config(config, flags={"output": str(tmp_path / "summary.json")}, environ={})
        summary = await run(loaded, environ={})
    (source,) = summary.sources
    assert (source.status, source.products, source.requests) == ("complete", MANY.records, 1)


async def test_a_file_is_drafted_as_a_feed(tmp_path: Path) -> None:
    """`init` takes the URL of a file; its format is found by its content, and files are in no group."""
    config = tmp_path / "config.yaml"
    (tmp_path / "one.csv").write_text("id,title,price\n" + "".join(f"{n},Lamp {n},{n}.50\n" for n in range(1, 6)))
    (tmp_path / "two.data").write_text('{"id": 1, "title": "Lamp"}\n{"id": 2, "title": "Table"}\n')
    drafted = await invoke("init", f"file://{tmp_path}/one.csv", f"file://{tmp_path}/two.data", "-c", str(config))
    assert drafted.exit_code == 0, drafted.output
    loaded = load_config(config, flags={"output": str(tmp_path / "summary.json")}, environ={})
    assert [(endpoint.format, endpoint.rate_limit) for endpoint in loaded.endpoints] == [
        (BodyFormat.CSV, None),
        (BodyFormat.JSONL, None),
    ]
    summary = await run(loaded, environ={})
    assert [(source.status, source.products) for source in summary.sources] == [("complete", 5), ("complete", 2)]


@pytest.mark.parametrize(
    ("name", "problem"), [("none.csv", "cannot be read: No such file"), ("list.json", "is not recognised as a feed")]
)
async def test_a_file_that_is_not_a_feed_is_an_error(name: str, problem: str, tmp_path: Path) -> None:
    """A file that is missing, or a JSON document, is an error that names its URL."""
    (tmp_path / "list.json").write_text('[{"id": 1}]')
    done = await invoke("init", f"file://{tmp_path}/{name}", "-c", str(tmp_path / "config.yaml"))
    assert done.exit_code == 2
    assert f"file://{tmp_path}/{name}: {problem}" in done.output


async def test_preview_and_check_read_the_beginning_of_a_feed(tmp_path: Path) -> None:
    """Both show the first 1,000 records of a feed, with the products that a run makes of them."""
    config = tmp_path / "config.yaml"
    async with serving(MANY) as urls:
        feed = f"{{name: shop, url: '{urls['feed']}/awin.csv.gz', preset: awin}}"
        config.write_text(f"endpoints: [{feed}]")
        previewed = await invoke("preview", "-c", str(config))
        checked = await invoke("check", "-c", str(config))
    assert (previewed.exit_code, checked.exit_code) == (0, 0)
    assert "1000 records" in previewed.output
    assert Feed.truth(MANY.seed, 1)[0].id in previewed.output
    assert checked.output.splitlines()[1].split()[3] == "1000"


async def test_a_graphql_preset_is_drafted_by_its_name(tmp_path: Path) -> None:
    """`init --preset` sends the query of the preset, and a run of its draft reads everything."""
    chosen = Settings(personas=("saleor",), ports=(0,), pages=3, per_page=7, rate_limit=10_000.0, burst=10_000)
    config = tmp_path / "config.yaml"
    async with serving(chosen) as urls:
        url = urls["saleor"] + path("saleor")
        drafted = await invoke("init", "--preset", "saleor", url, "-c", str(config), env={})
        assert drafted.exit_code == 0, drafted.output
        loaded = load_config(config, flags={"output": str(tmp_path / "summary.json")}, environ={})
        summary = await run(loaded, environ={})
    assert summary.summary.status == "complete"
    assert summary.summary.total_products == chosen.records
    assert [product.price for product in products(tmp_path)][:4] == [each.price for each in truth("saleor")][:4]


async def test_preview_and_check_send_the_body(tmp_path: Path) -> None:
    """Both send the first request of a search as a run does, and find its paging in the response."""
    chosen = Settings(personas=("search",), ports=(0,), pages=3, per_page=7, rate_limit=10_000.0, burst=10_000)
    config = tmp_path / "config.yaml"
    async with serving(chosen) as urls:
        request = "{method: POST, json: {page: {from: 0, size: 7}}}"
        fields = "{id: _id, title: _source.title, price: _source.price}"
        entry = f"{{name: s, url: '{urls['search']}/search', request: {request}, items: hits.hits, fields: {fields}}}"
        config.write_text(f"endpoints: [{entry}]")
        previewed = await invoke("preview", "-c", str(config))
        checked = await invoke("check", "-c", str(config))
    assert (previewed.exit_code, checked.exit_code) == (0, 0)
    assert "h0" in previewed.output
    assert checked.output.splitlines()[1].split()[3:5] == ["7", "7"]
