"""Peculiarities of the shops: awkward records, maximum page sizes, and odd ends."""

import json

import pytest
from helpers.mock_shops import fetch, new_token, shop

from mockapi.cursor import cursor_at, start_of
from mockapi.settings import Settings
from mockapi.shops import SHOPS
from mockapi.truth import Truth

RECORDS = 40


def truths(name: str) -> list[Truth]:
    return SHOPS[name].truth(1, RECORDS)


@pytest.mark.parametrize("name", SHOPS)
def test_truth_is_a_pure_function_of_the_seed(name: str) -> None:
    """The same seed gives the same products, a longer catalogue begins with them, and another seed differs."""
    assert truths(name) == SHOPS[name].truth(1, RECORDS + 5)[:RECORDS]
    assert truths(name) != SHOPS[name].truth(2, RECORDS)


@pytest.mark.parametrize("name", sorted(set(SHOPS) - {"stripe_prices"}))
def test_titles_are_awkward(name: str) -> None:
    """Some titles are blank, some have non-ASCII letters, and some have HTML entities."""
    titles = [one.title for one in truths(name)]
    assert None in titles
    assert any(title and not title.isascii() for title in titles)
    assert any(title and "&" in title for title in titles)


@pytest.mark.parametrize(
    ("name", "currencies"),
    [
        ("shopify_admin", {"USD", "EUR", "JPY", "KWD"}),
        ("woocommerce_store", {"EUR", "JPY", "KWD"}),
        ("ebay_browse", {"USD", "GBP", "EUR"}),
        ("stripe_prices", {"USD", "JPY", "KWD", "EUR"}),
        ("cursors", {"EUR", "BHD", "KRW"}),
    ],
)
def test_a_catalogue_has_several_currencies(name: str, currencies: set[str]) -> None:
    """The first records cover all currencies, including those with no or three decimal digits."""
    assert {one.currency for one in SHOPS[name].truth(1, 6)} == currencies


async def test_prices_keep_their_digits() -> None:
    """A price with binary floating-point noise is sent digit by digit."""
    async with shop("dummyjson") as client:
        text = (await client.get("/products")).text
    assert {"206.99999999999997", "0.30000000000000004"} <= {one.price for one in truths("dummyjson")}
    assert '"price":206.99999999999997,' in text


async def test_variants_of_a_product_differ_in_price() -> None:
    """The cheapest variant is not always the first."""
    async with shop("shopify_storefront") as client:
        products = (await client.get("/products.json")).json()["products"]
    prices = [[float(variant["price"]) for variant in product["variants"]] for product in products]
    assert any(min(variants) < variants[0] for variants in prices)


async def test_what_has_no_price_says_so_in_its_own_way() -> None:
    """Grouped products have an empty price, configurable ones 0, and some of Stripe's amounts are in another field."""
    async with shop("woocommerce_v3") as client:
        grouped = [
            one["price"] for one in (await fetch(client, "/wp-json/wc/v3/products"))[0] if one["type"] == "grouped"
        ]
    async with shop("magento2") as client:
        items = (await fetch(client, "/rest/V1/products"))[0]["items"]
    async with shop("stripe_prices") as client:
        amounts = [one["unit_amount"] for one in (await fetch(client, "/v1/prices"))[0]["data"]]
    assert set(grouped) == {""}
    assert {one["price"] for one in items if one["type_id"] == "configurable"} == {0}
    assert None in amounts


async def test_a_variable_product_has_the_range_of_its_prices() -> None:
    """The price of a variable product is the lower end of its range."""
    async with shop("woocommerce_store") as client:
        products = (await fetch(client, SHOPS["woocommerce_store"].path))[0]
    ranges = [one["prices"] for one in products if one["type"] == "variable"]
    assert ranges
    assert all(one["price"] == one["price_range"]["min_amount"] for one in ranges)


@pytest.mark.parametrize(
    ("name", "parameter", "key", "most", "usual"),
    [
        ("shopify_storefront", "limit", "products", 250, 30),
        ("shopify_admin", "limit", "products", 250, 50),
        ("woocommerce_v3", "per_page", None, 100, 10),
        ("woocommerce_store", "per_page", None, 100, 10),
        ("magento2", "searchCriteria[pageSize]", "items", 300, 20),
        ("bigcommerce", "limit", "data", 250, 50),
        ("ebay_browse", "limit", "itemSummaries", 200, 50),
        ("stripe_prices", "limit", "data", 100, 10),
        ("dummyjson", "limit", "products", 400, 30),
        ("platzi", "limit", None, 400, 400),
        ("pages_from_zero", "size", "content", 400, 20),
    ],
)
async def test_a_page_is_as_long_as_asked_for_and_allowed(
    name: str, parameter: str, key: str | None, most: int, usual: int
) -> None:
    """The size parameter is respected up to the maximum of the API and of the mock."""
    path = SHOPS[name].path
    lengths = []
    for per_page in (400, 8):
        async with shop(name, pages=2, per_page=per_page) as client:
            if name == "ebay_browse":
                client.headers.update(await new_token(client))
            bodies = [(await fetch(client, path, **size))[0] for size in ({}, {parameter: 3}, {parameter: 1000})]
        lengths.append([len(body[key] if key else body) for body in bodies])
    assert lengths == [[usual, 3, most], [8, 3, 8]]


async def test_magento_repeats_its_last_page() -> None:
    """Any page past the end has the items of the last page."""
    async with shop("magento2", pages=2, per_page=3) as client:
        path = SHOPS["magento2"].path
        last, past = [(await fetch(client, path, **{"searchCriteria[currentPage]": page}))[0] for page in (2, 9)]
    assert len(last["items"]) == 2
    assert past["items"] == last["items"]
    assert past["search_criteria"]["current_page"] == 9


@pytest.mark.parametrize(
    ("name", "query", "key"),
    [
        ("shopify_storefront", "page=9", "products"),
        ("woocommerce_v3", "page=9", None),
        ("woocommerce_store", "page=9", None),
        ("bigcommerce", "page=9", "data"),
        ("dummyjson", "skip=99", "products"),
        ("platzi", "offset=99", None),
        ("pages_from_zero", "page=9", "content"),
    ],
)
async def test_past_the_end_there_is_an_empty_list(name: str, query: str, key: str | None) -> None:
    """A page past the end is an empty list."""
    async with shop(name, pages=2, per_page=3) as client:
        body, _ = await fetch(client, f"{SHOPS[name].path}?{query}")
    assert (body[key] if key else body) == []


async def test_offsets_are_kept_exactly() -> None:
    """A window may start at any offset."""
    async with shop("dummyjson", pages=2, per_page=10) as client:
        body, _ = await fetch(client, "/products?skip=3&limit=4")
    assert [one["id"] for one in body["products"]] == [4, 5, 6, 7]
    assert (body["skip"], body["limit"], body["total"]) == (3, 4, 17)


async def test_an_unknown_last_id_is_a_bad_request() -> None:
    """Stripe refuses an invalid or unknown last id and names the parameter."""
    async with shop("stripe_prices") as client:
        for last in ("price_none", "price_1Mock0000000999"):
            answer = await client.get("/v1/prices", params={"starting_after": last})
            assert answer.status_code == 400
            assert answer.json()["error"]["param"] == "starting_after"


async def test_page_info_allows_nothing_but_limit_beside_it() -> None:
    """Shopify refuses other parameters beside a cursor, and unknown cursors."""
    async with shop("shopify_admin") as client:
        path, cursor = SHOPS["shopify_admin"].path, cursor_at(20)
        assert (await client.get(path, params={"page_info": cursor, "limit": 5})).status_code == 200
        beside = await client.get(path, params={"page_info": cursor, "status": "active"})
        unknown = await client.get(path, params={"page_info": "x"})
    assert (beside.status_code, list(beside.json()["errors"])) == (400, ["status"])
    assert (unknown.status_code, list(unknown.json()["errors"])) == (400, ["page_info"])


def test_cursors_are_those_that_were_given_out() -> None:
    """A cursor is decoded to its index; any other text is not a cursor."""
    assert [start_of(cursor_at(start)) for start in (0, 7, 123_456)] == [0, 7, 123_456]
    assert [start_of(text) for text in ("", "x", "é", "c3RhcnQ9", "LTE", cursor_at(5) + "=")] == [None] * 6


@pytest.mark.parametrize("query", ["page=0", "page=x", "page=-1", "page=²", "limit=0"])
async def test_what_cannot_be_read_is_a_bad_request(query: str) -> None:
    """A parameter that is not a whole number or is too small gets 400 and is not in the statistics."""
    async with shop("bigcommerce") as client:
        assert (await client.get(f"{SHOPS['bigcommerce'].path}?{query}")).status_code == 400
        assert json.loads((await client.get("/stats")).text)["requests"] == 0


@pytest.mark.parametrize(("pages", "per_page", "records"), [(7, 20, 134), (1, 1, 1), (0, 20, 0), (2, 3, 5)])
def test_the_last_page_is_a_third_short(pages: int, per_page: int, records: int) -> None:
    """The last page is a third short, which determines the number of records."""
    assert Settings(pages=pages, per_page=per_page).records == records


@pytest.mark.parametrize("name", SHOPS)
async def test_a_catalogue_may_be_empty(name: str) -> None:
    """An empty catalogue is answered in the format of the API."""
    async with shop(name, pages=0) as client:
        if name == "ebay_browse":
            client.headers.update(await new_token(client))
        body, _ = await fetch(client, SHOPS[name].path)
    assert isinstance(body, list | dict)
