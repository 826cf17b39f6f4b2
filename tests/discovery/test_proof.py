"""The second page that `init` requests, and the paging that it proves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from discovery.public_apis.serving import (
    PublicApi,
    PublicApiTransport,
    Record,
    Window,
    by_cursor,
    by_offset,
    by_page,
    cents,
    cursor_of,
    decimal,
    single,
    title,
    truth,
)
from helpers.support import NO_TLS

from mockapi.truth import Truth
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.discovery.init import DraftResult, Target, draft_config
from pipeline.fetch.http.client import Client

pytestmark = pytest.mark.virtual_time


def _record(index: int) -> tuple[Record, Truth]:
    price = decimal(cents("shop", index))
    record = {"id": index, "title": title(index), "price": price, "currency": "EUR", "category": "Home"}
    return record, truth(index, price, "EUR", id=index, of="home")


def api(select: Any, body: Callable[[list[Record], Window], Any], **keys: Any) -> PublicApi:
    return PublicApi("shop", "none", "/items", _record, select, body, **keys)


class Interrupted(httpx.AsyncBaseTransport):
    """A transport whose first ``times`` requests fail because the connection is cut."""

    def __init__(self, inner: PublicApiTransport, times: int) -> None:
        self._inner = inner
        self._left = times

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._left:
            self._left -= 1
            raise httpx.ReadError("cut")
        return await self._inner.handle_async_request(request)


async def draft(served: PublicApi, *, cut: int = 0, **keys: Any) -> tuple[DraftResult, dict[str, Any], list[str]]:
    """Draft a configuration; return the result, the endpoint, and the URLs that were requested."""
    inner = PublicApiTransport(served)
    transport = Interrupted(inner, cut)

    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, request=endpoint.request, ssl_context=NO_TLS, transport=transport)

    result = await draft_config([Target(served.url, **keys)], {}, Path("shops.yaml"), connect=connect)
    (endpoint,) = yaml.safe_load(result.text)["endpoints"]
    return result, endpoint, inner.requests


def with_cursor(name: str) -> Callable[[list[Record], Window], Any]:
    return lambda records, window: {"items": records, "next_cursor": cursor_of(window)}


@pytest.mark.parametrize(
    ("select", "body", "paging"),
    [
        (by_page(), lambda records, window: records, {"style": "page", "parameter": "page"}),
        (by_page("p"), lambda r, window: {"items": r, "page": window.number, "pages": window.pages}, "p"),
        (by_page("seite"), lambda r, window: {"items": r, "seite": window.number}, "seite"),
        (by_offset("skip"), lambda records, window: {"items": records, "found": window.total}, "skip"),
        (by_offset("from", only=()), lambda r, window: {"items": r, "total": window.total}, "from"),
        (by_cursor("after"), with_cursor("after"), "after"),
        (by_cursor("page_token"), with_cursor("page_token"), "page_token"),
        (by_cursor("next_cursor"), with_cursor("next_cursor"), "next_cursor"),
    ],
)
async def test_the_parameter_that_brings_other_records_is_drafted(select: Any, body: Any, paging: Any) -> None:
    """A parameter is tried until the second page has other records, and its line is marked as proved."""
    result, endpoint, requests = await draft(api(select, body))
    found = endpoint["paging"]
    assert found == paging if isinstance(paging, dict) else found["parameter"] == paging
    assert "# proved: the second page has other records" in result.text
    assert not any("paging" in doubt for doubt in result.drafts[0].doubts)
    assert len(requests) <= 9


async def test_one_request_proves_what_the_response_names() -> None:
    """If the response names its next page, `init` makes two requests."""
    served = api(by_page(), lambda r, window: {"items": r, "page": window.number, "total": window.total})
    _, _, requests = await draft(served)
    assert requests == ["https://shop.test/items", "https://shop.test/items?page=2"]


async def test_a_page_that_has_all_that_is_announced_is_the_only_one() -> None:
    """If all announced records are on the first page, and page 2 has no others, the draft has no paging to follow."""
    result, endpoint, requests = await draft(
        api(single, lambda r, window: {"items": r, "page": 1, "total_pages": 1, "total": window.total})
    )
    assert endpoint["paging"] == "none"
    assert "seen: all 23 records that it announces are on this page" in result.text
    assert len(requests) <= 3


async def test_without_a_second_page_the_paging_is_a_doubt() -> None:
    """If no parameter brings other records, the draft has no paging, and a doubt."""
    result, endpoint, requests = await draft(api(single, lambda records, window: {"items": records, "total": 90}))
    assert "paging" not in endpoint
    assert "no second page was found" in result.drafts[0].doubts[0]
    assert len(requests) <= 9


async def test_a_second_page_that_fails_is_a_doubt_with_the_reason() -> None:
    """If the server fails on the second page, the file has the reason."""
    served = api(by_page(), lambda r, window: {"items": r, "page": window.number, "pages": 3})

    class Failing(PublicApiTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.query:
                return httpx.Response(503, json={"message": "out of order"})
            return await super().handle_async_request(request)

    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=Failing(served))

    result = await draft_config([served.url], {}, Path("shops.yaml"), connect=connect)
    assert "`paging`: the second page could not be fetched: HTTP 503" in result.text
    assert "out of order" in result.text


async def test_a_cut_connection_is_tried_again() -> None:
    """One cut connection does not change the draft."""
    served = api(by_page(), lambda r, window: {"items": r, "page": window.number, "pages": 3})
    whole, _, _ = await draft(served)
    again, _, _ = await draft(served, cut=1)
    assert again.drafts == whole.drafts


async def test_a_connection_that_stays_cut_leaves_a_file_with_the_reason() -> None:
    """If every attempt is cut, the draft has the URL, what the user gave, and the reason."""
    served = api(single, lambda records, window: records)
    result, endpoint, _ = await draft(served, cut=9, items="data.items", body={"query": "lamp"})
    assert endpoint == {
        "name": "shop",
        "url": "https://shop.test/items",
        "request": {"method": "POST", "json": {"query": "lamp"}},
        "items": "data.items",
    }
    assert "the first page could not be fetched: the connection broke" in result.text


async def test_lists_that_are_alike_are_both_named() -> None:
    """If two lists look like products, the first is read, and the other is in a comment and in a doubt."""
    served = api(single, lambda records, window: {"fresh": records, "used": records, "total": window.total})
    result, endpoint, _ = await draft(served)
    assert endpoint["items"] == "fresh"
    assert "# guessed; other lists: used" in result.text
    assert "fresh and used look alike" in result.drafts[0].doubts[0]


async def test_the_list_of_products_wins_over_the_first_one() -> None:
    """A list of objects with ids, titles and prices is chosen, however deep, over lists under usual names."""
    facets = [{"name": "Colour", "count": 3, "values": [{"id": 1, "name": "red"}]}]

    def body(records: list[Record], window: Window) -> Any:
        return {"data": facets, "results": {"a": {"b": {"c": {"d": records}}}}, "total": window.total}

    _, endpoint, _ = await draft(api(by_page(), body))
    assert endpoint["items"] == "results.a.b.c.d"


async def test_the_proof_reads_the_list_that_is_drafted() -> None:
    """The second page is proved by the chosen list, also if an earlier list has a usual name."""
    ads = [{"id": 1, "label": "Sale"}, {"id": 2, "label": "New"}, {"id": 3, "label": "Club"}]

    def body(records: list[Record], window: Window) -> Any:
        return {"data": ads, "results": records, "page": window.number, "pages": window.pages}

    result, endpoint, _ = await draft(api(by_page(), body))
    assert endpoint["items"] == "results"
    assert endpoint["paging"] == {"style": "page", "parameter": "page"}
    assert "# proved: the second page has other records" in result.text


async def test_a_recognised_api_is_explored_as_its_preset_describes_it() -> None:
    """The second page is requested with the parameters of the preset, and the draft has no paging of its own."""

    def record(index: int) -> tuple[Record, Truth]:
        own, expected = _record(index)
        variant = {"id": index, "price": own["price"], "available": True}
        return {
            **own,
            "product_type": "Home",
            "vendor": "Acme",
            "handle": "lamp",
            "body_html": "",
            "variants": [variant],
        }, expected

    served = PublicApi(
        "shop", "none", "/items", record, by_page(default=30), lambda r, window: {"products": r}, count=600
    )
    result, endpoint, requests = await draft(served)
    assert endpoint["preset"] == "shopify_storefront"
    assert requests == ["https://shop.test/items", *(f"https://shop.test/items?limit=250&page={n}" for n in (1, 2))]
    assert "paging" not in endpoint
    assert "# seen: Shopify" in result.text
    assert "; proved: the second page has other records" in result.text


async def test_a_list_that_the_user_names_is_read() -> None:
    """`items` of the user is kept, and no other list is sought."""
    served = api(single, lambda records, window: {"products": [], "rows": records, "total": window.total})
    result, endpoint, _ = await draft(served, items="rows")
    assert endpoint["items"] == "rows"
    assert len(result.pages["shop"].records) == 23
