"""The shops: a walk to the end in a shop's own paging style reads its true products."""

import html
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from helpers.mock_shops import fetch, new_token, shop

from mockapi.content import DIGITS
from mockapi.settings import Settings
from mockapi.shops import SHOPS
from mockapi.truth import Truth

Record = dict[str, Any]
Pages = list[list[Record]]


async def until_empty(client: httpx.AsyncClient, path: str, parameter: str, key: str | None = None) -> Pages:
    pages: Pages = []
    while True:
        body, _ = await fetch(client, path, **{parameter: len(pages) + 1})
        if not (records := body[key] if key else body):
            return pages
        pages.append(records)


async def walk_link_header(client: httpx.AsyncClient, path: str) -> Pages:
    body, answer = await fetch(client, path)
    pages = [body["products"]]
    while "next" in answer.links:
        body, answer = await fetch(client, answer.links["next"]["url"])
        assert "previous" in answer.links
        pages.append(body["products"])
    return pages


async def walk_total_pages(client: httpx.AsyncClient, path: str) -> Pages:
    pages: Pages = []
    while True:
        body, answer = await fetch(client, path, page=len(pages) + 1)
        pages.append(body)
        assert ("next" in answer.links) == (len(pages) < int(answer.headers["X-WP-TotalPages"]))
        if "next" not in answer.links:
            assert int(answer.headers["X-WP-Total"]) == sum(map(len, pages))
            return pages


async def walk_total_count(client: httpx.AsyncClient, path: str) -> Pages:
    pages: Pages = []
    while True:
        criteria = {"searchCriteria[currentPage]": len(pages) + 1, "searchCriteria[pageSize]": 100}
        body, _ = await fetch(client, path, **criteria)
        pages.append(body["items"])
        if sum(map(len, pages)) >= body["total_count"]:
            return pages


async def walk_pagination(client: httpx.AsyncClient, path: str) -> Pages:
    pages, query = [], "?limit=250"
    while query:
        body, _ = await fetch(client, path.replace("mockstore", "any5tore") + query)
        pages.append(body["data"])
        query = body["meta"]["pagination"]["links"].get("next")
        assert (query is None) == (body["meta"]["pagination"]["total_pages"] == len(pages))
    return pages


async def walk_next_url(client: httpx.AsyncClient, path: str) -> Pages:
    pages: Pages = []
    url: str | None = path
    while url:
        client.headers.update(await new_token(client))
        body, _ = await fetch(client, url)
        assert ("prev" in body) == bool(pages)
        pages.append(body["itemSummaries"])
        url = body.get("next")
    return pages


async def walk_last_id(client: httpx.AsyncClient, path: str) -> Pages:
    body, _ = await fetch(client, path)
    pages = [body["data"]]
    while body["has_more"]:
        body, _ = await fetch(client, path, starting_after=pages[-1][-1]["id"])
        pages.append(body["data"])
    return pages


async def walk_skip(client: httpx.AsyncClient, path: str) -> Pages:
    pages: Pages = []
    done = total = 0
    while done < total or not pages:
        body, _ = await fetch(client, path, skip=done, limit=30)
        assert body["limit"] == len(body["products"])
        pages.append(body["products"])
        done, total = done + body["limit"], body["total"]
    return pages


async def walk_offset(client: httpx.AsyncClient, path: str) -> Pages:
    pages: Pages = []
    while True:
        body, _ = await fetch(client, path, offset=sum(map(len, pages)), limit=100)
        if not body:
            return pages
        pages.append(body)


async def walk_cursor(client: httpx.AsyncClient, path: str) -> Pages:
    body, _ = await fetch(client, path)
    pages = [body["items"]]
    while body["next_cursor"] is not None:
        body, _ = await fetch(client, path, cursor=body["next_cursor"])
        pages.append(body["items"])
    return pages


async def walk_from_zero(client: httpx.AsyncClient, path: str) -> Pages:
    pages: Pages = []
    while True:
        body, _ = await fetch(client, path, page=len(pages), size=100)
        assert body["first"] == (not pages)
        pages.append(body["content"])
        if body["last"]:
            assert (len(pages), sum(map(len, pages))) == (body["totalPages"], body["totalElements"])
            return pages


async def walk_once(client: httpx.AsyncClient, path: str) -> Pages:
    return [(await fetch(client, path))[0]]


WALKS: dict[str, Callable[[httpx.AsyncClient, str], Any]] = {
    "shopify_storefront": lambda client, path: until_empty(client, path, "page", "products"),
    "shopify_admin": walk_link_header,
    "woocommerce_v3": walk_total_pages,
    "woocommerce_store": lambda client, path: until_empty(client, path, "page"),
    "magento2": walk_total_count,
    "bigcommerce": walk_pagination,
    "ebay_browse": walk_next_url,
    "stripe_prices": walk_last_id,
    "dummyjson": walk_skip,
    "fakestore": walk_once,
    "platzi": walk_offset,
    "cursors": walk_cursor,
    "pages_from_zero": walk_from_zero,
}


def lowest(record: Record) -> str:
    return min((variant["price"] for variant in record["variants"]), key=Decimal)


def scaled(units: object, digits: int) -> Decimal:
    return Decimal(str(units)).scaleb(-digits)


def attribute(record: Record, code: str) -> Any:
    return next((one["value"] for one in record["custom_attributes"] if one["attribute_code"] == code), [None])


# Id, title, price, currency and category, according to each API's documentation.
READ: dict[str, Callable[[Record], tuple[Any, Any, Any, Any, Any]]] = {
    "shopify_storefront": lambda r: (r["id"], r["title"], lowest(r), None, r["product_type"]),
    "shopify_admin": lambda r: (
        r["id"],
        r["title"],
        lowest(r),
        r["variants"][0]["presentment_prices"][0]["price"]["currency_code"],
        r["product_type"],
    ),
    "woocommerce_v3": lambda r: (r["id"], r["name"], r["price"], None, [one["name"] for one in r["categories"]]),
    "woocommerce_store": lambda r: (
        r["id"],
        r["name"],
        scaled(r["prices"]["price"], r["prices"]["currency_minor_unit"]),
        r["prices"]["currency_code"],
        [one["name"] for one in r["categories"]],
    ),
    "magento2": lambda r: (r["sku"], r["name"], r["price"] or "", None, attribute(r, "category_ids")),
    "bigcommerce": lambda r: (r["id"], r["name"], r["price"], None, r["categories"]),
    "ebay_browse": lambda r: (
        r["itemId"],
        r["title"],
        r["price"]["value"],
        r["price"]["currency"],
        r["categories"][0]["categoryName"],
    ),
    "stripe_prices": lambda r: (
        r["id"],
        r["product"],
        scaled(r["unit_amount"] or r["unit_amount_decimal"], DIGITS[r["currency"].upper()]),
        r["currency"].upper(),
        None,
    ),
    "dummyjson": lambda r: (r["id"], r["title"], r["price"], None, r["category"]),
    "fakestore": lambda r: (r["id"], r["title"], r["price"], None, r["category"]),
    "platzi": lambda r: (r["id"], r["title"], r["price"], None, (r["category"] or {}).get("name")),
    "cursors": lambda r: (r["id"], r.get("name"), r["price"], r["currency"], r["category"]),
    "pages_from_zero": lambda r: (
        r["id"],
        r["name"],
        r["price"]["amount"],
        r["price"]["currency"],
        r["category"],
    ),
}


def read(name: str, record: Record) -> Truth:
    """Read a record according to the API's documentation, with the price as a number."""
    number, title, price, currency, category = READ[name](record)
    first = next(iter(category), None) if isinstance(category, list) else category
    return Truth(
        id=str(number),
        title=html.unescape(title or "").strip() or None,
        price=None if price == "" else Decimal(price),  # type: ignore[arg-type]  # compared as a number
        currency=currency,
        category=html.unescape(str(first or "")).strip().lower() or "uncategorized",
    )


@pytest.mark.parametrize("name", SHOPS)
async def test_a_walk_in_its_own_style_finds_what_is_true(name: str) -> None:
    """A walk to the end reads each product once and equal to its truth; the last page is short."""
    settings = {"pages": 3, "per_page": 7, "seed": 5}
    # Refusing shows that the shop declares the parameters of its own style.
    access = {"rate_limit": 1000.0, "burst": 1000, "unknown_parameters": "refuse"}
    async with shop(name, **settings, **access) as client:
        pages = await WALKS[name](client, SHOPS[name].path)
    assert [len(page) for page in pages] == ([19] if name == "fakestore" else [7, 7, 5])
    found = [read(name, record) for page in pages for record in page]
    truth = SHOPS[name].truth(5, Settings(**settings).records)
    assert found == [Truth(t.id, t.title, t.price and Decimal(t.price), t.currency, t.category) for t in truth]
    assert len({one.id for one in truth}) == 19
