"""`pipeline init` with a body, with a path of the records, and into an existing file."""

import json
from pathlib import Path

import pytest
import yaml
from helpers.discovering import file_server, invoke

from mockapi.personas import path as path_of
from mockapi.serve import serving
from mockapi.settings import Settings
from pipeline.config.load import load_config
from pipeline.discovery.append import appended
from pipeline.errors import ConfigError
from pipeline.runner import run

PRODUCTS = json.dumps([{"id": n, "title": f"Lamp {n}", "price": f"{n}.50", "currency": "EUR"} for n in (1, 2, 3)])

EXISTING = """\
# My shops.
timeout: 77   # enough

endpoints:
- name: lamps      # the first one
  url: https://lamps.example/products
  fields: {price: cost}
  # Nothing to check.

expect: {min_products: 5}   # after the endpoints
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "lamps.json").write_text(PRODUCTS)
    return tmp_path


async def test_endpoints_are_added_to_a_file_that_stays_as_it_is(folder: Path) -> None:
    """With --add, the new endpoint follows the last one; other lines and comments are kept, and the file is valid."""
    config = folder / "config.yaml"
    config.write_text(EXISTING)
    with file_server(folder / "files") as home:
        done = await invoke("init", "--add", f"{home}/lamps.json", "-c", str(config))
    assert done.exit_code == 0, done.output
    text = config.read_text()
    before, after = EXISTING.split("\nexpect:")
    assert text.startswith(before)
    assert text.endswith(f"\nexpect:{after}")
    loaded = load_config(config)
    assert [endpoint.name for endpoint in loaded.endpoints] == ["lamps", "lamps-2"]
    assert (loaded.timeout, loaded.expect.min_products) == (77, 5)


async def test_line_ends_of_another_system_are_kept(folder: Path) -> None:
    """A file with CR LF at its line ends has no other ones after --add."""
    config = folder / "config.yaml"
    config.write_bytes(EXISTING.replace("\n", "\r\n").encode())
    with file_server(folder / "files") as home:
        done = await invoke("init", "--add", f"{home}/lamps.json", "-c", str(config))
    assert done.exit_code == 0, done.output
    raw = config.read_bytes()
    assert raw.count(b"\n") == raw.count(b"\r\n") > EXISTING.count("\n")
    assert [endpoint.name for endpoint in load_config(config).endpoints] == ["lamps", "lamps-2"]


async def test_add_begins_a_file_if_there_is_none(folder: Path) -> None:
    """With --add and without a file, the file is that of `init` without --add."""
    config = folder / "config.yaml"
    with file_server(folder / "files") as home:
        done = await invoke("init", "--add", f"{home}/lamps.json", "-c", str(config))
        assert done.exit_code == 0, done.output
        added = config.read_text()
        await invoke("init", "--force", f"{home}/lamps.json", "-c", str(config))
    assert config.read_text() == added


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("endpoints: [{name: a, url: 'http://a.test'}]\n", "is not a list with a line for each endpoint"),
        ("endpoints: {}\n", "is not a list with a line for each endpoint"),
        ("a: [\n", "is not valid YAML"),
    ],
)
async def test_a_file_that_cannot_be_added_to_is_an_error_before_any_request(
    text: str, problem: str, tmp_path: Path
) -> None:
    """The error names the file and the remedy, and the file is unchanged."""
    config = tmp_path / "config.yaml"
    config.write_text(text)
    done = await invoke("init", "--add", "http://127.0.0.1:1/", "-c", str(config))
    assert (done.exit_code, config.read_text()) == (2, text)
    assert problem in done.output
    assert str(config) in done.output


@pytest.mark.parametrize(
    "text",
    [
        "",
        "timeout: 5",
        "endpoints:\n  - name: a\n    url: http://a.test",
        "endpoints:\n  - name: a\n    url: http://a.test\n    # a comment\n    headers:\n      X-A: b\n\n# the end\n",
        "endpoints:\n  - {name: a, url: 'http://a.test'}\nlog: {level: INFO}\n",
        "endpoints:\n    - name: a\n      url: |-\n        http://a.test\noutput: x.json\n",
    ],
)
def test_the_order_and_the_indentation_of_a_file_do_not_matter(text: str) -> None:
    """Whatever the layout, the file has all that it had, and the new endpoint last."""
    added = appended(Path("c.yaml"), text, "  - name: new\n    url: http://new.test\n    # Please check:\n")
    before, after = yaml.safe_load(text) or {}, yaml.safe_load(added)
    endpoints = after.pop("endpoints")
    assert endpoints == [*before.pop("endpoints", []), {"name": "new", "url": "http://new.test"}]
    assert after == before
    for line in text.splitlines():
        assert line in added.splitlines()


def test_a_flow_list_is_not_changed() -> None:
    """A list on one line is an error with a remedy."""
    with pytest.raises(ConfigError, match="draft to another file with -c"):
        appended(Path("c.yaml"), "endpoints: []", "")


async def test_a_search_by_post_is_drafted_from_its_body(tmp_path: Path) -> None:
    """With --json, requests are by POST with that body; a run of the draft is complete."""
    config, body = tmp_path / "config.yaml", tmp_path / "body.json"
    body.write_text(json.dumps({"query": "lamp", "page": {"from": 0, "size": 7}}))
    settings = Settings(personas=("search",), ports=(0,), pages=4, per_page=7, rate_limit=1000.0, burst=1000)
    async with serving(settings) as urls:
        url = urls["search"] + path_of("search")
        done = await invoke("init", "--json", f"@{body}", "--items", "hits.hits", url, "-c", str(config), env={})
        assert done.exit_code == 0, done.output
        loaded = load_config(config, flags={"output": str(tmp_path / "summary.json")}, environ={})
        summary = await run(loaded, environ={})
    assert summary.summary.status == "complete", config.read_text()
    assert summary.summary.total_products == settings.records
    assert loaded.endpoints[0].request.method.value == "POST"
    assert loaded.endpoints[0].paging.into == "json.page.from"


@pytest.mark.parametrize(
    ("body", "problem"),
    [("{", "is not valid JSON"), ("[1]", "is not a JSON object"), ("@/no/such/file", "cannot be read")],
)
async def test_a_body_that_cannot_be_sent_is_a_usage_error(body: str, problem: str, tmp_path: Path) -> None:
    """A body must be a JSON object; the error names what is wrong, before any request."""
    done = await invoke("init", "--json", body, "http://127.0.0.1:1/", "-c", str(tmp_path / "config.yaml"))
    assert done.exit_code == 2
    assert problem in done.output


async def test_a_path_that_is_not_dotted_is_an_error(tmp_path: Path) -> None:
    """`--items` is checked before any request."""
    done = await invoke("init", "--items", "a..b", "http://127.0.0.1:1/", "-c", str(tmp_path / "config.yaml"))
    assert done.exit_code == 2
    assert "'a..b' is not a dotted path" in done.output


async def test_preview_shows_that_whole_numbers_may_be_minor_units(folder: Path) -> None:
    """Prices that are whole numbers beside a currency, without a proof of their unit, are doubtful in the preview."""
    amounts = [{"id": n, "title": "Lamp", "price": {"amount": 1000 + n, "currency": "EUR"}} for n in (1, 2, 3)]
    (folder / "files" / "cents.json").write_text(json.dumps(amounts))
    config = folder / "config.yaml"
    with file_server(folder / "files") as home:
        drafted = await invoke("init", f"{home}/cents.json", "-c", str(config))
        shown = await invoke("preview", "-c", str(config))
    for done in (drafted, shown):
        assert done.exit_code == 0, done.output
        assert "the whole numbers at `price.amount` may be minor units" in " ".join(done.output.split())
