"""The commands check, preview and schema."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from helpers.discovering import file_server, invoke, persona
from jsonschema import Draft202012Validator

from mockapi.faults import parse_fault
from mockapi.probe import fetch_stats
from mockapi.serve import serving
from mockapi.settings import Settings
from pipeline.cli import main
from pipeline.config.schema import config_schema
from pipeline.config.settings import Config
from pipeline.ui.columns import cells, columns

ROOT = Path(__file__).parents[2]

FIVE_MISTAKES = """
timeout: -1
retry: {max_retrys: 3}
endpoints:
  - {name: a, url: 'ftp://a.test/', preset: shopify_admin}
  - {name: b, url: 'http://b.test/', preset: shopyfi_admin}
  - {name: c, url: 'http://c.test/', auth: {bearer: '${NOBODY_SET_THIS}'}}
"""


@pytest.mark.parametrize("command", [["check"], ["preview"], ["run"]])
def test_five_mistakes_are_listed_at_once(tmp_path: Path, command: list[str]) -> None:
    """Every command reports all errors in the configuration with their paths, and exits with 2."""
    (tmp_path / "config.yaml").write_text(FIVE_MISTAKES)
    done = CliRunner().invoke(main, [*command, "-c", str(tmp_path / "config.yaml")], env={})
    assert done.exit_code == 2
    lines = [line.strip() for line in done.output.splitlines()]
    assert lines[0] == "Error: 5 problems in the configuration:"
    paths = ["timeout", "retry.max_retrys", "endpoints.0.url", "endpoints.1.preset", "endpoints.2.auth.bearer"]
    assert [line.split(": ")[1] for line in lines[1:6]] == paths
    assert "did you mean `max_retries`?" in lines[2]
    assert "did you mean `shopify_admin`?" in lines[4]


def config(tmp_path: Path, *endpoints: dict[str, object]) -> str:
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps({"endpoints": endpoints}))
    return str(file)


async def test_check_asks_each_api_once(tmp_path: Path) -> None:
    """`check` requests each API once and reports success, number of records and paging."""
    async with serving(Settings(personas=("api1", "api3", "cursors"), ports=(0, 0, 0))) as urls:
        file = config(
            tmp_path,
            {"name": "shop", "url": f"{urls['api1']}/products"},
            {"name": "list", "url": f"{urls['api3']}/products"},
            {"name": "feed", "url": f"{urls['cursors']}/items"},
        )
        done = await invoke("check", "-c", file, env={})
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.output.splitlines()]
    assert [(row[0], row[1], row[3]) for row in rows[1:]] == [(name, "yes", "20") for name in ("shop", "list", "feed")]
    assert rows[0][4:6] == ["priced", "conflict"]
    assert rows[1][4:] == ["20", "0", "page", "(detected)"]
    assert rows[2][4:] == ["20", "0", "unknown,", "tries", "page=2"]
    assert rows[3][4:] == ["20", "0", "cursor", "(detected)"]


async def test_check_names_endpoints_that_may_share_a_rate_limit(tmp_path: Path) -> None:
    """Endpoints on one host and port without a group are listed below the table."""
    async with serving(Settings(personas=("api1",), ports=(0,))) as urls:
        pair = [{"name": name, "url": f"{urls['api1']}/products"} for name in ("one", "two")]
        done = await invoke("check", "-c", config(tmp_path, *pair), env={})
        grouped = [{**endpoint, "rate_limit": {"group": "shop"}} for endpoint in pair]
        quiet = await invoke("check", "-c", config(tmp_path, *grouped), env={})
    host = urls["api1"].removeprefix("http://")
    assert done.exit_code == quiet.exit_code == 0
    assert done.output.splitlines()[3].startswith(f"one, two: 2 endpoints use {host}; ")
    assert len(quiet.output.splitlines()) == 3


async def test_a_refused_first_page_is_not_asked_for_again(tmp_path: Path) -> None:
    """`check` reports a refusal with the server's words instead of waiting."""
    settings = Settings(personas=("api1",), ports=(0,), faults=[parse_fault("api1:*:429")])
    async with serving(settings) as urls:
        done = await invoke(
            "check", "-c", config(tmp_path, {"name": "shop", "url": f"{urls['api1']}/products"}), env={}
        )
        stats = await fetch_stats(urls["api1"])
    assert done.exit_code == 1
    assert "HTTP 429 Too Many Requests" in done.output
    assert stats.requests == 1


async def test_check_says_what_is_wrong_and_where(tmp_path: Path) -> None:
    """`check` reports each error; the exit code is 3 if some APIs fail, and 1 if all fail."""
    faults = [parse_fault("api1:1:503"), parse_fault("api2:1:html")]
    async with serving(Settings(ports=(0, 0, 0), faults=faults)) as urls:
        dead = [
            {"name": "ill", "url": f"{urls['api1']}/products"},
            {"name": "page", "url": f"{urls['api2']}/products"},
            {"name": "gone", "url": "http://127.0.0.1:1/"},
        ]
        done = await invoke("check", "-c", config(tmp_path, *dead), env={})
        some = await invoke(
            "check", "-c", config(tmp_path, *dead, {"name": "well", "url": f"{urls['api3']}/products"}), env={}
        )
    assert (done.exit_code, some.exit_code) == (1, 3)
    for text in ("HTTP 503 Service Unavailable", "HTML or XML instead of JSON", "nothing listens on 127.0.0.1:1"):
        assert text in done.output
        assert text in some.output


async def test_preview_shows_raw_and_normalized_side_by_side(tmp_path: Path) -> None:
    """`preview` shows raw records beside products and coercions, and totals of the page below."""
    async with serving(Settings(personas=("api2",), ports=(0,))) as urls:
        file = config(tmp_path, {"name": "shop", "url": f"{urls['api2']}/products"})
        done = await invoke("preview", "shop", "-n", "2", "-c", file, env={"COLUMNS": "100"})
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert max(map(len, lines)) <= 100
    halves = [line.split(" │ ") for line in lines if " │ " in line]
    left, right = "\n".join(half[0].rstrip() for half in halves), "\n".join(half[1] for half in halves)
    assert ' "product_id": "V-0001",' in left
    assert 'id: "shop:V-0001"' in right
    assert "price: 1021.13" in right
    assert right.count("coercion: shared_currency_sign") == 2
    assert "the page: 20 products, 20 with a price, 0 duplicates, 0 conflicting, 0 rejected" in done.output
    assert "shared_currency_sign 20" in done.output


async def test_preview_shows_rejects_variants_and_long_records_as_they_are(tmp_path: Path) -> None:
    """`preview` shows rejects and exact numbers, shortens long values, and escapes control characters."""
    (tmp_path / "feed.json").write_text(
        '[{"title": "no id"},'
        ' {"id": 1, "price": 206.99999999999997, "title": "\\u001b[31mred\\u009b", "list": [1, 2, 3]},'
        ' {"id": 2, "variants": [{"id": 1, "price": "1.50"}, {"id": 2}], "wide": "灯灯"},'
        ' {"id": 3, "x": {"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1}, "text": "'
        + "long " * 40
        + '"}, NaN]'
    )
    with file_server(tmp_path) as home:
        endpoint = {"name": "feed", "url": f"{home}/feed.json", "paging": "none", "explode": "variants"}
        done = await invoke("preview", "-n", "9", "-c", config(tmp_path, endpoint), env={"COLUMNS": "110"})
    assert done.exit_code == 0, done.output
    for text in (
        "rejected: the record has no id",
        '"price": 206.99999999999997',
        "price: 206.99999999999997",
        '"… 2 more"',
        '"…": "1 more"',
        'id: "feed:2:1"',
        'id: "feed:2:2"',
        "rejected: the record cannot be decoded",
        "the page: 4 products, 2 with a price, 0 duplicates, 0 conflicting, 2 rejected",
    ):
        assert text in done.output, text
    assert "\x1b" not in done.output
    assert "\x9b" not in done.output
    assert "\\u009b" in done.output


async def test_preview_of_a_name_that_is_none(tmp_path: Path) -> None:
    """An unknown endpoint name is an error that lists the existing names."""
    done = await invoke(
        "preview", "shp", "-c", config(tmp_path, {"name": "shop", "url": "http://127.0.0.1:1/"}), env={}
    )
    assert (done.exit_code, "none is named 'shp'; there are: shop" in done.output) == (2, True)


async def test_preview_hides_secrets(tmp_path: Path) -> None:
    """A token that an API returns is redacted in the output."""
    (tmp_path / "feed.json").write_text('[{"id": 1, "title": "a", "price": 1, "you_sent": "open-sesame"}]')
    with file_server(tmp_path) as home:
        endpoint = {"name": "feed", "url": f"{home}/feed.json", "paging": "none", "auth": {"bearer": "${TOKEN}"}}
        done = await invoke("preview", "-c", config(tmp_path, endpoint), env={"TOKEN": "open-sesame"})
    assert done.exit_code == 0
    assert '"you_sent": "${TOKEN}"' in done.output


def test_the_schema_takes_what_the_program_takes() -> None:
    """The schema is a valid JSON Schema that accepts all example configurations."""
    schema = json.loads(config_schema())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for file in (ROOT / "config").glob("*.yaml"):
        assert list(validator.iter_errors(yaml.safe_load(file.read_text()))) == [], file
    texts = {"name": "a", "url": "http://a.test", "paging": "none", "fields": {"price": "cost", "currency": "cur"}}
    assert validator.is_valid({"endpoints": [{**texts, "preset": "dummyjson"}]})


@pytest.mark.parametrize(
    "document",
    [
        {"timeout": 0},
        {"retries": 1},
        {"endpoints": [{"name": "a"}]},
        {"endpoints": [{"name": "a", "url": "http://a.test", "preset": "unknown"}]},
        {"endpoints": [{"name": "a", "url": "http://a.test", "fields": {"prize": "x"}}]},
        {"endpoints": [{"name": "a", "url": "http://a.test", "auth": {"bearer": 1}}]},
    ],
)
def test_the_schema_refuses_what_the_program_refuses(document: object) -> None:
    """The schema rejects unknown keys, wrong types, missing keys and values out of bounds."""
    assert not Draft202012Validator(json.loads(config_schema())).is_valid(document)


def test_the_schema_of_the_repository_is_the_programs() -> None:
    """`config/config.schema.json`, which the examples name for editors, is what `pipeline schema` prints."""
    done = subprocess.run([sys.executable, "-m", "pipeline", "schema"], capture_output=True, check=True, text=True)
    assert (ROOT / "config" / "config.schema.json").read_text() == done.stdout, (
        "run: python -m pipeline schema > config/config.schema.json"
    )
    for file in (ROOT / "config").glob("*.yaml"):
        assert file.read_text().startswith("# yaml-language-server: $schema=config.schema.json\n"), file


def test_the_schema_speaks_of_every_section() -> None:
    """Each section has a one-line description, which editors show on hover."""
    definitions = json.loads(config_schema())["$defs"]
    assert {"Config", "Endpoint", "Auth", "Fields"} <= definitions.keys()
    assert all("\n" not in each.get("description", "") for each in definitions.values())
    assert definitions["Config"]["properties"].keys() == set(Config.__struct_fields__)


async def test_check_asks_once_whatever_the_breaker_would_do(tmp_path: Path) -> None:
    """`check` sends one request even if the breaker would open after it and probe again."""
    async with serving(Settings(personas=("api1",), ports=(0,), faults=[parse_fault("api1:1:503")])) as urls:
        endpoint = {"name": "a", "url": f"{urls['api1']}/products", "breaker": {"failure_threshold": 1, "cooldown": 1}}
        done = await invoke("check", "-c", config(tmp_path, endpoint), env={})
        stats = await fetch_stats(urls["api1"])
    assert "HTTP 503" in done.output
    assert stats.requests == 1


def test_columns_fit_by_giving_way_where_they_are_widest() -> None:
    """Columns are shortened to the width of the terminal; wide characters count as two cells."""
    table = columns([("id", "title"), ("x" * 40, "灯" * 30)], width=40)
    assert [cells(line) <= 40 for line in table.splitlines()] == [True, True]
    assert "…" in table.splitlines()[1]


async def test_check_and_preview_count_as_a_run_does(tmp_path: Path) -> None:
    """Duplicates of a page and their conflicting prices are counted, as well as products that have a price."""
    (tmp_path / "feed.json").write_text(
        '[{"id": 1, "price": 1}, {"id": 1, "price": 2}, {"id": 1, "price": 1}, {"id": 2}, {"title": "no id"}]'
    )
    with file_server(tmp_path) as home:
        file = config(tmp_path, {"name": "feed", "url": f"{home}/feed.json", "paging": "none"})
        checked, shown = await invoke("check", "-c", file, env={}), await invoke("preview", "-c", file, env={})
    assert checked.output.splitlines()[1].split()[:6:3] == ["feed", "5"]
    assert checked.output.splitlines()[1].split()[4:6] == ["1", "1"]
    assert "the page: 2 products, 1 with a price, 2 duplicates, 1 conflicting, 1 rejected" in shown.output


@pytest.mark.parametrize(
    ("page", "expect", "code", "text"),
    [
        ('[{"id": 1}]', {}, 3, "0 of 1 product have a price; set `fields.price`, or `expect.min_priced: 0`"),
        ('[{"id": 1}]', {"min_priced": 0}, 0, ""),
        ("[]", {}, 3, "the first page is empty; check the URL, or set `expect.min_products: 0`"),
        ("[]", {"min_products": 0}, 0, ""),
        ('[{"title": "no id"}]', {}, 1, "none of 1 record is a product; `pipeline preview` shows why"),
        ('[{"id": 1, "price": 1}]', {"min_products": 500}, 0, ""),
        ('[{"id": 1, "price": 1}, 1, 2]', {}, 3, "2 records rejected; `pipeline preview` shows why"),
    ],
)
async def test_a_page_that_is_not_as_expected_is_not_ok(
    tmp_path: Path, page: str, expect: dict[str, float], code: int, text: str
) -> None:
    """`check` and `preview` report a page whose data is not as expected, with the key, and do not exit with 0."""
    (tmp_path / "feed.json").write_text(page)
    with file_server(tmp_path) as home:
        endpoint = {"name": "feed", "url": f"{home}/feed.json", "paging": "none", "expect": expect}
        for command in ("check", "preview"):
            done = await invoke(command, "-c", config(tmp_path, endpoint), env={"COLUMNS": "200"})
            assert done.exit_code == code, done.output
            assert text in done.output
            if command == "check":
                assert done.output.splitlines()[1].split()[1] == ("no" if code else "yes")


async def test_check_connects_to_the_store(tmp_path: Path) -> None:
    """`check` reports a store that works, and ends with an error for one that does not answer or is not usable."""
    config = tmp_path / "config.yaml"
    async with persona("dummyjson") as url:
        codes = {}
        for name, store in {
            "ok": f"sqlite:///{tmp_path}/catalogue.db",
            "down": "postgresql://me:geheim12@127.0.0.1:1/shop",
            "wrong": "sqlite:////dev/null/x.db",
        }.items():
            config.write_text(f"endpoints: [{{name: shop, url: '{url}'}}]\nstore: '{store}'")
            codes[name] = await invoke("check", "-c", str(config))
    assert [done.exit_code for done in codes.values()] == [0, 1, 2]
    assert f"store: ok, sqlite:///{tmp_path}/catalogue.db" in codes["ok"].output
    assert "Error: postgresql://***@127.0.0.1:1/shop: connection failed" in codes["down"].output
    assert "store: cannot be used: sqlite:////dev/null/x.db: " in codes["wrong"].output
    assert "geheim12" not in codes["down"].output
