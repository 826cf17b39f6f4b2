"""What looks like the end, a record or a price at a glance, and is none: found by reviewers, each once in silence."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from helpers.configs import load
from helpers.support import NO_LIMIT, ok, walk
from loguru import logger

from pipeline.config.source import Paging, PagingStyle
from pipeline.model.summary import FetchResult

pytestmark = pytest.mark.virtual_time


class Scripted(httpx.AsyncBaseTransport):
    """Answers each page with what stands there, and with an empty list behind the last."""

    def __init__(self, *bodies: Any, parameter: str = "page", first: int = 1) -> None:
        self.bodies, self.parameter, self.first = bodies, parameter, first

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        index = int(request.url.params.get(self.parameter, self.first)) - self.first
        return ok(self.bodies[index] if index < len(self.bodies) else {"data": [], "docs": []})


def five(page: int) -> list[dict[str, int]]:
    return [{"id": page * 10 + i} for i in range(5)]


async def account_of(api: Scripted, **changes: Any) -> tuple[FetchResult, list[int]]:
    fetcher, pages = await walk(api, rate_limit=NO_LIMIT, **changes)
    return fetcher.result(), [page.number for page in pages]


async def test_an_absent_list_with_a_total_of_nothing_is_no_end_once_there_were_records() -> None:
    """An apology with status 200 costs its page, and says so."""
    api = Scripted({"docs": five(1)}, {"total": 0, "message": "throttled"}, {"docs": five(3)}, {"docs": five(4)})
    account, came = await account_of(api, items="docs", paging=Paging(style=PagingStyle.PAGE))
    assert (came, account.pages_missing, account.status) == ([1, 3, 4], (2,), "partial")


async def test_an_absent_list_with_a_total_of_nothing_is_an_empty_catalogue_at_first() -> None:
    """Some APIs leave out a list that would be empty."""
    account, came = await account_of(
        Scripted({"total": 0, "limit": 50}), items="docs", paging=Paging(style=PagingStyle.PAGE)
    )
    assert (came, account.status) == ([], "complete")


@pytest.mark.parametrize("body", [{"errors": [{"code": "INTERNAL"}], "data": None}, {"notices": [{"id": 1}]}])
async def test_records_stand_where_they_stood(body: dict[str, Any]) -> None:
    """Another list of objects is no page of records once it is known where those are."""
    account, came = await account_of(Scripted({"data": five(1)}, body, {"data": five(3)}))
    assert (came, account.pages_missing) == ([1, 3], (2,))


async def test_a_list_of_errors_is_no_list_of_records() -> None:
    """Not on a first page either."""
    account, came = await account_of(Scripted({"errors": [{"code": "INTERNAL"}], "data": None}))
    assert (came, account.status) == ([], "failed")


async def test_an_api_that_asks_from_one_and_counts_from_zero_is_read_from_its_first_page() -> None:
    """Its first page has the number 0, and the pages after it are 2 and 3."""
    api = Scripted(*({"data": five(n), "number": n - 1, "first": n == 1} for n in (1, 2, 3)))
    account, came = await account_of(api, paging=Paging())
    assert (came, account.status, account.pages_fetched) == ([1, 2, 3], "complete", 3)


async def test_an_api_that_counts_from_zero_is_read_from_its_first_page() -> None:
    """The URL as written is page 0, so the second page is number 1."""
    api = Scripted(*({"data": five(n), "number": n, "first": n == 0} for n in (0, 1, 2)), first=0)
    account, came = await account_of(api, paging=Paging())
    assert (came, account.status) == ([1, 2, 3], "complete")


@pytest.mark.parametrize("style", [PagingStyle.CURSOR, PagingStyle.NEXT_URL])
async def test_a_chain_that_never_began_is_warned_of(style: PagingStyle) -> None:
    """Where nothing follows the first page it is asked whether the place is right, or what it is."""
    log: list[str] = []
    logger.enable("pipeline")
    logger.add(log.append)
    await account_of(Scripted({"data": five(1), "somewhere": "else"}), paging=Paging(style=style))
    assert (
        "nothing follows the first page; if there are more pages, set `paging.path` to where the next one is named"
        in "".join(log)
    )


async def test_a_key_with_a_point_in_it_can_be_a_place() -> None:
    """As in OData: the next URL stands under `@odata.nextLink`."""
    home = "http://shop.test/products?lang=en"
    api = Scripted({"value": five(1), "@odata.nextLink": f"{home}&page=2"}, {"value": five(2)})
    account, came = await account_of(api)
    assert (came, account.status) == ([1, 2], "complete")


async def test_a_refused_parameter_is_named() -> None:
    """An API that knows no `page` says 400 for its own URL: what was asked is told."""

    class Strict(Scripted):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(400, stream=httpx.ByteStream(b"{}"))

    account, _ = await account_of(Strict())
    assert "HTTP 400 Bad Request; requested with page=1" in account.failures[0].error


def fields(tmp_path: Path, keys: str) -> Any:
    text = f"endpoints: [{{name: shop, url: 'http://shop.test', preset: shopify_admin, {keys}}}]"
    return load(tmp_path, text).endpoints[0].fields


def test_a_preset_that_is_exploded_gives_each_variant_its_own_price(tmp_path: Path) -> None:
    """What led to the lowest price of all variants leads to the variant's."""
    made = fields(tmp_path, "explode: variants")
    assert made.price.path == "variant.price"
    assert made.currency.path == "variant.presentment_prices[0].price.currency_code"
    assert fields(tmp_path, "items: products").price.path == "variants[].price"
    assert fields(tmp_path, "explode: variants, fields: {price: cost}").price.path == "cost"


def test_extra_fields_can_be_set_one_by_one(tmp_path: Path) -> None:
    """From the command line, too: what is set is a text like any other."""
    text = "endpoints: [{name: shop, url: 'http://shop.test'}]"
    config = load(tmp_path, text, endpoints__shop__fields__extra__brand="brand.name")
    assert json.dumps(config.endpoints[0].fields.extra) == '{"brand": "brand.name"}'
    assert all(type(path) is str for path in config.endpoints[0].fields.extra.values())


def test_a_text_and_keys_of_its_section_go_together(tmp_path: Path) -> None:
    """`paging: offset` and one key more, from any layer."""
    text = "endpoints: [{name: shop, url: 'http://shop.test', paging: page, fields: {price: cost}}]"
    made = load(
        tmp_path,
        text,
        env={"PIPELINE_ENDPOINTS_SHOP_PAGING": "offset", "PIPELINE_ENDPOINTS_SHOP_FIELDS_PRICE": "price_cents"},
        endpoints__shop__paging__parameter="skip",
        endpoints__shop__fields__price__kind="minor",
    ).endpoints[0]
    assert (made.paging.style, made.paging.parameter) == (PagingStyle.OFFSET, "skip")
    assert (made.fields.price.path, made.fields.price.kind.value) == ("price_cents", "minor")


@pytest.mark.parametrize("null", ["paging: null", "fields: null", "fields: {price: null}", "auth: null"])
def test_nothing_in_a_sections_place_is_no_section(tmp_path: Path, null: str) -> None:
    """What the preset says holds, and its credentials are offered as without the key."""
    text = f"endpoints: [{{name: shop, url: 'http://shop.test', preset: magento2, {null}}}]"
    plain = load(tmp_path, "endpoints: [{name: shop, url: 'http://shop.test', preset: magento2}]")
    assert load(tmp_path, text).endpoints == plain.endpoints
