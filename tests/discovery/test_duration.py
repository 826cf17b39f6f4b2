"""The deadline that `init` drafts: from the announced size, and the rate at which the API may be asked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from helpers.support import client, records, reply
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.endpoint import Endpoint, RateLimit
from pipeline.config.resolve import resolve
from pipeline.config.settings import Config
from pipeline.config.source import Paging, PagingStyle
from pipeline.discovery.duration import Estimate, estimate, slowest, timeout_for
from pipeline.discovery.first_page import FirstPage
from pipeline.discovery.init import DraftResult, draft_config
from pipeline.fetch.content.response import Response
from pipeline.model.pages import AnnouncedTotals

SLOW = RateLimit(rps=2.5)


def a_page(
    total: int | None,
    *,
    style: PagingStyle = PagingStyle.PAGE,
    seconds: float = 0.1,
    headers: Mapping[str, str] | None = None,
    host: str = "shop.test",
    name: str = "shop",
) -> FirstPage:
    """Return a first page of 20 records from an API that announces so many."""
    endpoint = Endpoint(name=name, url=f"http://{host}/p", paging=Paging(style=style))
    (resolved,) = resolve(Config(endpoints=(endpoint,)), {})
    return FirstPage(
        endpoint=resolved,
        response=Response(status=200, url=endpoint.url, headers=headers or {}, body=b""),
        records=[msgspec.Raw(b"{}")] * 20,
        records_path=None,
        paging=endpoint.paging,
        announced=AnnouncedTotals(records=total),
        seconds=seconds,
    )


def seconds_for(page: FirstPage, limit: RateLimit) -> float | None:
    endpoint = Endpoint(name="shop", url="http://shop.test/p", paging=page.paging)
    found = estimate(page, endpoint, limit)
    return found and found.seconds


def test_the_size_and_the_rate_give_the_time() -> None:
    """3,000 pages at 2.5 per second take 1,200 s, which asks for a deadline of 1,800 s."""
    assert seconds_for(a_page(59_994), SLOW) == pytest.approx(1_200)
    assert timeout_for(Estimate("shop", 3_000, 1_200)) == 1_800
    assert seconds_for(a_page(None), SLOW) is None
    assert seconds_for(a_page(59_994, style=PagingStyle.NONE), SLOW) == pytest.approx(0.4), "all records came"


def test_the_latency_counts_if_it_exceeds_the_rate() -> None:
    """Pages that lead to each other take one latency each; of others several are in flight."""
    assert seconds_for(a_page(2_000, style=PagingStyle.CURSOR, seconds=2), SLOW) == pytest.approx(200)
    assert seconds_for(a_page(2_000, seconds=4), RateLimit(rps=0, concurrency=8)) == pytest.approx(50)


def test_an_announced_quota_counts_if_it_is_slower_than_the_rate() -> None:
    """With 5 requests per 2 s the 3,000 pages take 599 windows; a quota that suffices costs nothing."""
    headers = {"x-ratelimit-remaining": "4", "x-ratelimit-reset": "2"}
    assert seconds_for(a_page(59_994, headers=headers), RateLimit()) == pytest.approx(1_198)
    headers = {"x-ratelimit-remaining": "4999", "x-ratelimit-reset": "3600"}
    assert seconds_for(a_page(59_994, headers=headers), SLOW) == pytest.approx(1_200)


def test_endpoints_of_one_host_add_up() -> None:
    """Endpoints of one host share its limit, so their times are added; those of other hosts run beside them."""
    pages = [a_page(2_000, name="a"), a_page(4_000, name="b"), a_page(5_000, name="c", host="other.test")]
    endpoints = tuple(Endpoint(name=page.endpoint.name, url=page.response.url) for page in pages)
    found = slowest(pages, Config(endpoints=endpoints, rate_limit=SLOW))
    assert found
    assert (found.name, found.pages) == ("a and b", 300)
    assert found.seconds == pytest.approx(120)
    assert slowest([a_page(None)], Config(endpoints=(Endpoint(name="shop", url="http://shop.test/p"),))) is None


@given(st.floats(min_value=0, max_value=1e6))
def test_the_deadline_has_a_margin_and_is_round(seconds: float) -> None:
    """The deadline is at least 1.5 times the estimate, at least 300 s, and at most half an hour above either."""
    timeout = timeout_for(Estimate("shop", 1, seconds))
    assert max(300, 1.5 * seconds) <= timeout < max(300, 1.5 * seconds) + 1_800
    assert timeout % 60 == 0


async def drafted(body: Mapping[str, Any], tmp_path: Path) -> DraftResult:
    """Draft a configuration for an API whose every page is ``body``."""

    class Shop(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return reply(200, msgspec.json.encode(body), Content_Type="application/json")

    url = "http://shop.test/api/products"
    return await draft_config([url], {}, tmp_path / "shops.yaml", connect=lambda _: client(Shop()))


async def test_the_draft_has_time_for_what_the_api_announces(tmp_path: Path) -> None:
    """The drafted deadline suffices for the announced size at the drafted rate, and a comment says why."""
    result = await drafted({"products": records(1, 20), "total": 59_994}, tmp_path)
    assert result.config.timeout == 900, "3,000 pages at 5 per second, and half as much again"
    assert "timeout: 900" in result.text
    assert "# deadline of the whole run, in seconds; 3,000 pages of shop: about 10 min\n" in result.text


async def test_without_an_announced_size_the_deadline_is_the_usual(tmp_path: Path) -> None:
    """An API that announces no size gets 300 s."""
    result = await drafted({"products": records(1, 20)}, tmp_path)
    assert result.config.timeout == 300
    assert "# deadline of the whole run, in seconds\n" in result.text
