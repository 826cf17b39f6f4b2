"""Servers that take their query in a body: Strawberry's relay connections, and searches on FastAPI."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
import yaml

from servers.program import Ended, call, run
from servers.running import Server, start
from servers.software import missing

FIELDS = ("sku", "title", "price", "currency", "category")
QUERY = """
query ($first: Int, $after: String) {
  products(first: $first, after: $after) { edges { node { FIELDS } } pageInfo { hasNextPage endCursor } }
}
"""
NODE = {"id": "node.sku", "title": "node.title", "price": "node.price", "currency": "node.currency"}
RELAY = {
    "style": "cursor",
    "into": "json.variables.after",
    "path": "data.products.pageInfo.endCursor",
    "has_more": "data.products.pageInfo.hasNextPage",
}


def graphql(*extra: str, query: str = QUERY, **keys: Any) -> dict[str, Any]:
    """Return the description of the connection."""
    body = {"query": query.replace("FIELDS", " ".join((*FIELDS, *extra))), "variables": {"first": 50, "after": None}}
    return {
        "request": {"method": "POST", "json": body},
        "items": "data.products.edges",
        "fields": {**NODE, "category": "node.category"},
        **keys,
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if reason := missing("queries"):
        pytest.skip(reason)
    with start("queries", tmp_path_factory.mktemp("queries")) as running:
        yield running


def read(server: Server, folder: Path, path: str, **keys: Any) -> Ended:
    """Run the program on one endpoint of the server, without a rate limit."""
    endpoint = {"name": "shop", "url": server.url + path, "rate_limit": {"rps": 0}, **keys}
    return trio.run(run, server, folder, [endpoint], 60)


@pytest.mark.parametrize("keys", [{"paging": RELAY}, {}], ids=["described", "auto"])
def test_a_relay_connection_is_read_completely(server: Server, tmp_path: Path, keys: dict[str, Any]) -> None:
    """Strawberry's connection is complete with exact prices, if its paging is described and if it is found."""
    ended = read(server, tmp_path, "/graphql", **graphql(**keys))
    assert ended.code == 0, ended.report
    assert ended.products() == server.products()
    assert len(ended.answers) == 7


def test_a_query_without_a_preset_is_drafted(server: Server, tmp_path: Path) -> None:
    """`init --json` finds the records and the place of the cursor; a run of its draft is complete."""
    body = graphql()["request"]["json"]
    url = f"{server.url}/graphql"
    drafted = trio.run(call, server, tmp_path, "init", "-c", "shops.yaml", "--json", json.dumps(body), url)
    assert drafted.code == 0, drafted.report
    draft = yaml.safe_load((tmp_path / "shops.yaml").read_text())
    assert draft["endpoints"][0]["paging"]["into"] == "json.variables.after"
    ended = trio.run(call, server, tmp_path, "run", "--no-progress", "-c", "shops.yaml", "-o", "summary.json")
    assert ended.code == 0, ended.report
    assert ended.products(draft["endpoints"][0]["name"]) == server.products()


def test_a_hole_in_the_data_is_partial(server: Server, tmp_path: Path) -> None:
    """A resolver that fails leaves `data` with `errors`: the page is kept and counts as missing, with the message."""
    ended = read(server, tmp_path, "/graphql", **graphql("supplier", paging=RELAY))
    assert ended.code == 3, ended.report
    assert ended.products() == server.products()
    assert ended.document is not None
    (source,) = ended.document["sources"]
    assert [int(page) for page in source["pages_missing"]] == [3]
    assert "the supplier is unknown" in source["gaps"][0]["reason"]


def test_a_query_that_is_wrong_is_quoted(server: Server, tmp_path: Path) -> None:
    """The message of the server about an unknown field is in the summary, and the source has failed."""
    ended = read(server, tmp_path, "/graphql", **graphql("colour", paging=RELAY))
    assert ended.code == 1, ended.report
    assert "Cannot query field 'colour' on type 'ProductNode'" in ended.stderr


PAGED = {"style": "page", "into": "json.page.number", "size_into": "json.page.size", "size": 50, "total": "total"}


@pytest.mark.parametrize(
    ("path", "request_", "paging"),
    [
        ("/search", {"method": "POST", "json": {"query": "lamp"}}, PAGED),
        ("/search", {"method": "POST", "json": {"page": {"number": 1, "size": 50}}}, "auto"),
        (
            "/search-form",
            {"method": "POST", "form": {"limit": 50}},
            {"style": "offset", "into": "form.offset", "total": "total"},
        ),
        ("/search-form", {"method": "POST", "form": {"offset": 0, "limit": 50}}, "auto"),
    ],
    ids=["json", "json-auto", "form", "form-auto"],
)
def test_a_search_by_post_is_read_completely(
    server: Server, tmp_path: Path, path: str, request_: dict[str, Any], paging: Any
) -> None:
    """FastAPI's searches are complete by JSON and by form, described and with `paging: auto`."""
    ended = read(server, tmp_path, path, request=request_, paging=paging)
    assert ended.code == 0, ended.report
    assert ended.products() == server.products()
    assert len(ended.answers) <= 7 + 2


def test_a_get_and_a_wrong_body_are_explained(server: Server, tmp_path: Path) -> None:
    """The error of a GET names `request`, and that of a wrong body has FastAPI's own words."""
    (tmp_path / "get").mkdir()
    (tmp_path / "body").mkdir()
    get = read(server, tmp_path / "get", "/search")
    assert get.code == 1
    assert "HTTP 405 Method Not Allowed" in get.stderr
    assert "describe another with `request`" in get.stderr
    body = read(server, tmp_path / "body", "/search", request={"method": "POST", "json": {"colour": "red"}})
    assert body.code == 1
    assert "HTTP 422" in body.stderr
    assert "Extra inputs are not permitted" in body.stderr


def test_the_values_of_an_object_are_records(server: Server, tmp_path: Path) -> None:
    """`items: products.*` reads an object of products."""
    ended = read(server, tmp_path, "/by-id", items="products.*", paging="none")
    assert ended.code == 0, ended.report
    assert ended.products() == server.products()
