"""Servers with the defaults of frameworks: each is walked in its own style, and each ends in its own way."""

import html
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from helpers.mock_shops import fetch, in_process

from mockapi.frameworks import FRAMEWORKS
from mockapi.settings import Settings

SMALL: dict[str, Any] = {"pages": 3, "per_page": 7, "seed": 5}
ACCEPT = {"Accept": "application/vnd.api+json"}

Records = list[dict[str, Any]]


async def walk_next(client: httpx.AsyncClient, path: str) -> list[Records]:
    body, _ = await fetch(client, path)
    pages = [body["results"]]
    while body["next"]:
        body, _ = await fetch(client, body["next"])
        pages.append(body["results"])
        assert body["previous"]
    assert body["count"] == sum(map(len, pages))
    return pages


async def walk_total_pages(client: httpx.AsyncClient, path: str) -> list[Records]:
    pages: list[Records] = []
    while True:
        body, answer = await fetch(client, path, page=len(pages) + 1)
        pages.append(body)
        if len(pages) == int(answer.headers["X-WP-TotalPages"]):
            return pages


async def walk_page_count(client: httpx.AsyncClient, path: str) -> list[Records]:
    pages: list[Records] = []
    while True:
        body, _ = await fetch(client, path, **{"pagination[page]": len(pages) + 1})
        pages.append(body["data"])
        if body["meta"]["pagination"]["pageCount"] == body["meta"]["pagination"]["page"]:
            assert body["meta"]["pagination"]["total"] == sum(map(len, pages))
            return pages


async def walk_links(client: httpx.AsyncClient, path: str) -> list[Records]:
    pages: list[Records] = []
    url: str | None = path
    while url:
        body, _ = await fetch(client, url)
        pages.append([{"id": one["id"], **one["attributes"]} for one in body["data"]])
        url = body["links"]["next"]
    return pages


async def walk_next_number(client: httpx.AsyncClient, path: str) -> list[Records]:
    pages: list[Records] = []
    number: int | None = 1
    while number:
        body, _ = await fetch(client, path, _page=number, _per_page=100)
        pages.append(body["data"])
        number = body["next"]
    assert (body["pages"], body["items"]) == (len(pages), sum(map(len, pages)))
    return pages


async def walk_link_list(client: httpx.AsyncClient, path: str) -> list[Records]:
    pages: list[Records] = []
    url: str | None = path
    while url:
        body, _ = await fetch(client, url)
        pages.append(body["items"])
        assert body["count"] == len(body["items"])
        url = next((link["href"] for link in body["links"] if link["rel"] == "next"), None)
        assert body["hasMore"] == (url is not None)
    return pages


WALKS: dict[str, Callable[[httpx.AsyncClient, str], Any]] = {
    "django_rest": walk_next,
    "wordpress": walk_total_pages,
    "strapi": walk_page_count,
    "json_api": walk_links,
    "json_server": walk_next_number,
    "oracle_rest": walk_link_list,
}


@pytest.mark.parametrize("name", FRAMEWORKS)
async def test_a_walk_in_its_own_style_reads_the_true_products(name: str) -> None:
    """Each product is read once and equal to its truth, and the last page is short."""
    async with in_process(name, **SMALL) as client:
        client.headers.update(ACCEPT)
        pages = await WALKS[name](client, FRAMEWORKS[name].path)
    assert [len(page) for page in pages] == [7, 7, 5]
    found = [(str(r["id"]), Decimal(r["price"]), r["currency"], r["category"].lower()) for page in pages for r in page]
    truth = FRAMEWORKS[name].truth(5, Settings(**SMALL).records)
    assert found == [(t.id, Decimal(t.price or 0), t.currency, t.category.replace("uncategorized", "")) for t in truth]
    titles = [html.unescape(r["name"]).strip() or None for page in pages for r in page]
    assert titles == [t.title for t in truth]


@pytest.mark.parametrize(
    ("name", "query", "status"),
    [
        ("django_rest", {"page": 4}, 404),
        ("wordpress", {"page": 4}, 400),
        ("strapi", {"pagination[page]": 4}, 200),
        ("json_api", {"page[number]": 4}, 200),
        ("json_server", {"_page": 4}, 200),
        ("oracle_rest", {"offset": 21}, 200),
    ],
)
async def test_each_has_its_own_answer_past_the_end(name: str, query: dict[str, int], status: int) -> None:
    """Some refuse, json-server repeats its last page, and the others send an empty list."""
    async with in_process(name, **SMALL) as client:
        answer = await client.get(FRAMEWORKS[name].path, params=query)
    assert answer.status_code == status
    if status == 200:
        records = next(value for key, value in answer.json().items() if isinstance(value, list) and key != "links")
        assert len(records) == (5 if name == "json_server" else 0)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("django_rest", 200),
        ("wordpress", 200),
        ("strapi", 400),
        ("json_api", 400),
        ("json_server", 200),
        ("oracle_rest", 200),
    ],
)
async def test_each_has_its_own_answer_to_unknown_parameters(name: str, status: int) -> None:
    """Strapi and JSON:API refuse, json-server filters, and the others ignore them."""
    async with in_process(name, **SMALL) as client:
        plain, unknown = [await client.get(FRAMEWORKS[name].path, params=query) for query in ({}, {"colour": "red"})]
    assert (plain.status_code, unknown.status_code) == (200, status)
    if name == "json_server":
        assert (len(plain.json()), unknown.json()) == (19, [])


async def test_json_api_enforces_accept() -> None:
    """A request that accepts plain JSON only gets 406 with a message."""
    async with in_process("json_api") as client:
        answer = await client.get("/products", headers={"Accept": "application/json"})
        accepted = await client.get("/products", headers=ACCEPT)
    assert (answer.status_code, accepted.status_code) == (406, 200)
    assert "application/vnd.api+json" in answer.json()["errors"][0]["detail"]
    assert accepted.headers["Content-Type"] == "application/vnd.api+json"


@pytest.mark.parametrize("name", FRAMEWORKS)
async def test_a_refusal_explains_itself(name: str) -> None:
    """A request beyond the rate limit gets 429 with a message in the framework's format."""
    async with in_process(name, rate_limit=0.1, burst=1) as client:
        _, refused = [await client.get(FRAMEWORKS[name].path) for _ in range(2)]
    assert refused.status_code == 429
    text = "Request was throttled. Expected available in 10 seconds." if name == "django_rest" else "Too many requests."
    assert text in refused.text


@pytest.mark.parametrize("name", FRAMEWORKS)
async def test_an_empty_catalogue_is_answered(name: str) -> None:
    """The first page of an empty catalogue is a page without records."""
    async with in_process(name, pages=0) as client:
        answer = await client.get(FRAMEWORKS[name].path)
    assert answer.status_code == 200
    body = answer.json()
    records = (
        body if isinstance(body, list) else body[{"django_rest": "results", "oracle_rest": "items"}.get(name, "data")]
    )
    assert records == []


@pytest.mark.virtual_time
async def test_behaviours_of_a_framework_can_be_replaced() -> None:
    """The settings take precedence over the framework's own behaviours."""
    chosen = {"past_end": "last", "errors": "message", "unknown_parameters": "refuse", "media_type": "text/csv"}
    async with in_process("django_rest", **chosen, **SMALL) as client:
        last = await client.get("/api/products/?page=9")
        unknown = await client.get("/api/products/?colour=red")
        other = await client.get("/api/products/", headers={"Accept": "application/json"})
    assert (len(last.json()["results"]), last.json()["next"]) == (5, None)
    assert (unknown.status_code, list(unknown.json())) == (400, ["message"])
    assert other.status_code == 406
