"""A user's function changes the records, and values from the whole body belong to each of them."""

import json
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from helpers.running import run_pipeline
from helpers.support import NO_TLS, ok

import pipeline
from pipeline.config.load import load
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.errors import ConfigError
from pipeline.fetch.http.client import Client
from pipeline.normalize.normalizer import normalize_batch, reader_for
from pipeline.output.expectations import expectations_of
from pipeline.output.files import OutputFiles
from pipeline.output.replay import replay_rejects

SHOPS = """
import sys

def clean(record):
    if record["kind"] == "service":
        return None
    if record["kind"] == "exit":
        sys.exit(3)
    if record["kind"] == "text":
        return "text"
    if record["kind"] == "set":
        return [{**record, "id": f"{record['id']}-{size}"} for size in record["sizes"]]
    record["price"] = record["net"] * 2
    return record

NUMBER = 7
"""

RECORDS = [
    {"id": 1, "kind": "good", "title": "Lamp", "net": 1.15},
    {"id": 2, "kind": "service", "title": "Delivery"},
    {"id": 3, "kind": "set", "title": "Shirt", "price": 20.10, "sizes": ["s", "m"]},
    {"id": 4, "kind": "good", "title": "No price"},
    {"id": 5, "kind": "exit"},
    {"id": 6, "kind": "text"},
    {"id": 7, "kind": "good", "title": "Chair", "net": 10},
]
BODY = {"shop": {"currencies": ["EUR", "USD"], "country": "DE"}, "items": RECORDS}


class Shop(httpx.AsyncBaseTransport):
    """An API of one page."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return ok(BODY)


def write(folder: Path, **keys: Any) -> Path:
    endpoint = {"name": "shop", "url": "http://shop.test/items", "paging": "none", **keys}
    text = json.dumps({"output": str(folder / "s.json"), "retry": {"jitter": 0}, "endpoints": [endpoint]})
    (folder / "config.yaml").write_text(text)
    return folder / "config.yaml"


async def run(path: Path, *, resume: bool = False) -> dict[str, Any]:
    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=Shop())

    config = load(path, environ={}).config
    await run_pipeline(config, connect=connect, rng=Random(7), resume=resume)
    return dict(json.loads(Path(config.output).read_text(), parse_float=str))


def values(document: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(product[name] for name in names) for product in document["products"]]


async def test_a_transform_changes_multiplies_and_drops_records(tmp_path: Path) -> None:
    """Records are changed with exact numbers, become several, or are dropped; its exceptions reject the record."""
    (tmp_path / "shops.py").write_text(SHOPS)
    document = await run(write(tmp_path, transform="shops.py:clean"))
    assert values(document, "id", "price") == [
        ("shop:1", "2.30"),
        ("shop:3-s", "20.1"),
        ("shop:3-m", "20.1"),
        ("shop:7", 20),
    ]
    (source,) = document["sources"]
    assert (source["items_fetched"], source["products"], source["rejected"], source["dropped"]) == (7, 4, 3, 1)
    letters = [json.loads(line) for line in (tmp_path / "s.rejects.jsonl").read_text().splitlines()]
    assert [(letter["position"], letter["reason"]) for letter in letters] == [
        (4, "transform clean: KeyError: 'net' (line 13)"),
        (5, "transform clean: SystemExit: 3 (line 8)"),
        (6, "transform clean: TypeError: it returned str; expected a dict, a list of dicts, or None"),
    ]
    assert letters[0]["record"] == RECORDS[3]


async def test_rejected_records_are_replayed_through_the_transform(tmp_path: Path) -> None:
    """After the function is mended, `replay-rejects` gives it the records as they arrived."""
    (tmp_path / "shops.py").write_text(SHOPS)
    path = write(tmp_path, transform="shops.py:clean", fields={"currency": "$body.shop.currencies[0]"})
    await run(path)
    mended = SHOPS.replace('record["net"] * 2', 'record.get("net", 4) * 2').replace("sys.exit(3)", "pass")
    (tmp_path / "shops.py").write_text(mended)
    loaded = load(path, environ={})
    (endpoint,) = loaded.endpoints
    reader = reader_for(endpoint.fields, endpoint.explode, endpoint.transform)
    replay_rejects(
        OutputFiles.of_newest(loaded.config),
        lambda pages: normalize_batch(pages, {"shop": reader}),
        expectations_of(loaded.config),
    )
    document = json.loads(Path(loaded.config.output).read_text())
    assert values(document, "id", "price", "currency")[-2:] == [("shop:4", 8, "EUR"), ("shop:5", 8, "EUR")]
    (source,) = document["sources"]
    assert (source["items_fetched"], source["products"], source["rejected"], source["dropped"]) == (7, 6, 1, 1)


async def test_a_value_of_the_whole_body_belongs_to_each_record(tmp_path: Path) -> None:
    """`$body` paths work in every field, also within templates; a path that leads nowhere gives no value."""
    fields = {
        "id": "{$body.shop.country}-{id}",
        "currency": "$body.shop.currencies[1]",
        "extra": {"country": "$body.shop.country", "none": "$body.shop.none"},
    }
    document = await run(write(tmp_path, fields=fields))
    assert values(document, "id", "currency", "extra")[0] == ("shop:DE-1", None, {"country": "DE", "none": None})
    priced = next(product for product in document["products"] if product["price"])
    assert (priced["id"], priced["currency"]) == ("shop:DE-3", "USD")


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (None, "shops.py cannot be read: No such file or directory; the path is relative to the configuration file"),
        ("def clean(:", "shops.py is not valid Python: invalid syntax (line 1)"),
        ("import nothing_like_it", "cannot be executed: ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("def other(record): ...", "shops.py has no function 'clean'; define `def clean(record)` there"),
        ("clean = 7", "shops.py has no function 'clean'; define `def clean(record)` there"),
    ],
)
def test_a_transform_that_cannot_be_used_is_a_configuration_error(
    source: str | None, problem: str, tmp_path: Path
) -> None:
    """A missing file or function, and code that cannot be executed, are reported with the key before the run."""
    if source is not None:
        (tmp_path / "shops.py").write_text(source)
    with pytest.raises(ConfigError, match=r"endpoints\.0\.transform") as raised:
        load(write(tmp_path, transform="shops.py:clean"), environ={})
    assert problem in str(raised.value)


def test_the_content_of_the_file_is_part_of_the_definition(tmp_path: Path) -> None:
    """A changed function is a changed endpoint; a file that has moved is not."""
    definitions = []
    for folder, source in (("a", SHOPS), ("b", SHOPS), ("c", SHOPS + "# changed")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "shops.py").write_text(source)
        (endpoint,) = load(write(tmp_path / folder, transform="shops.py:clean"), environ={}).endpoints
        definitions.append(endpoint.definition)
    assert definitions[0] == definitions[1] != definitions[2]


def test_a_path_in_the_body_is_checked() -> None:
    """After `$body.` a dotted path is expected."""
    with pytest.raises(ConfigError, match=r"'\$body.a \|\| b' is not a dotted path after `\$body.`"):
        pipeline.load_config(
            {"endpoints": [{"name": "a", "url": "http://a.test", "fields": {"title": "$body.a || b"}}]}, environ={}
        )
