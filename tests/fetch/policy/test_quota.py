"""A used-up quota is a pause, in every header format that announces it."""

import httpx
import msgspec
import pytest
from helpers.support import NO_LIMIT, FakeApi, records, reply, walk
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fetch.policy.quota import Quota, cost_quota, seconds_until_quota, tightest_quota

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "7"}, 7),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "1800000010"}, 10),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "1799999999"}, None),
        ({"RateLimit-Remaining": "1", "RateLimit-Reset": "7"}, None),
        ({"RateLimit-Remaining": "0"}, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2.5"}, 2.5),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, None),
        ({"RateLimit": '"default";r=0;t=30'}, 30),
        ({"RateLimit": '"burst";r=5;t=3'}, None),
        ({"RateLimit": "limit=100, remaining=0, reset=12"}, 12),
        ({"RateLimit-Policy": '"default";q=0;w=60'}, None),
        ({"X-Rate-Limit-Requests-Left": "0", "X-Rate-Limit-Time-Reset-Ms": "1500"}, 1.5),
        ({"X-Rate-Limit-Requests-Left": "3", "X-Rate-Limit-Time-Reset-Ms": "1500"}, None),
        ({"X-Shopify-Shop-Api-Call-Limit": "40/40"}, 0.5),
        ({"X-Shopify-Shop-Api-Call-Limit": "41/40"}, 0.5),
        ({"X-Shopify-Shop-Api-Call-Limit": "39/40"}, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000001500"}, 1.5),
        ({"RateLimit": '"burst";r=3;t=3600, "day";r=0'}, None),
        ({"RateLimit": '"burst";r=0;t=2, "daily";r=500;t=3600'}, 2),
        ({"RateLimit": '"a";r=0;t=1', "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9"}, 9),
        ({}, None),
    ],
)
def test_a_quota_of_zero_is_a_pause(headers: dict[str, str], wait: float | None) -> None:
    """Seconds, milliseconds and moments are read. A quota that is left or not understood gives None."""
    assert seconds_until_quota(httpx.Headers(headers), NOW) == wait


NAMES = ["RateLimit", "RateLimit-Remaining", "RateLimit-Reset", "X-Shopify-Shop-Api-Call-Limit"]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(st.characters(codec="ascii", categories=["L", "N", "P"]))))
def test_no_header_is_too_strange(headers: dict[str, str]) -> None:
    """For any header values, the pause is None or positive."""
    wait = seconds_until_quota(httpx.Headers(headers), NOW)
    assert wait is None or wait > 0


@pytest.mark.virtual_time
async def test_a_used_up_quota_makes_the_next_request_wait() -> None:
    """After a response that announces a used-up quota, no request is sent until the quota is renewed."""
    empty = {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "20"}
    api = FakeApi(pages=3, script={2: [reply(200, msgspec.json.encode(records(2)), **empty)]})
    fetcher, pages = await walk(api, rate_limit=NO_LIMIT)
    assert api.times == [0, 0, 20, 20]
    assert len(pages) == 3
    assert fetcher.result().status == "complete"


@pytest.mark.virtual_time
async def test_a_quota_that_comes_back_too_late_ends_the_endpoint_at_once() -> None:
    """A wait that would end after the deadline ends the endpoint at once, and the remaining pages are missing."""
    empty = {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "86400"}
    api = FakeApi(pages=3, script={2: [reply(200, msgspec.json.encode(records(2)), **empty)]})
    fetcher, pages = await walk(api, timeout=60, rate_limit=NO_LIMIT)
    account = fetcher.result()
    assert [page.number for page in pages] == [1, 2]
    assert (account.status, account.missing_from) == ("partial", 3)
    assert "allows no request for another 86400 s" in account.failures[-1].error


@pytest.mark.parametrize(
    ("price", "available", "quota"),
    [(50, 1000, Quota(20, 1.0)), (50, 120, Quota(2, 0.6)), (50, 49, Quota(0, 0.02)), (50, 0, Quota(0, 1.0))],
)
def test_the_cost_of_a_query_is_a_quota(price: float, available: float, quota: Quota) -> None:
    """As many more queries fit as their cost is available; the next one fits once the points for it are restored."""
    status = {"maximumAvailable": 1000.0, "currentlyAvailable": available, "restoreRate": 50.0}
    cost = {"requestedQueryCost": price, "actualQueryCost": 7, "throttleStatus": status}
    assert cost_quota(cost) == quota


@pytest.mark.parametrize(
    "cost",
    [None, 7, {}, {"requestedQueryCost": 0, "throttleStatus": {"currentlyAvailable": 1, "restoreRate": 1}}]
    + [{"requestedQueryCost": 1, "throttleStatus": status} for status in (None, {}, {"currentlyAvailable": "1"})],
)
def test_other_costs_are_ignored(cost: object) -> None:
    """A cost that is missing, incomplete or of another kind is not a quota."""
    assert cost_quota(cost) is None


def test_the_tighter_of_cost_and_header_counts() -> None:
    """Of the quota in a header and that of a cost, the one with fewer requests left applies."""
    headers = httpx.Headers({"X-RateLimit-Remaining": "5", "X-RateLimit-Reset": "3"})
    assert tightest_quota(headers, NOW, Quota(2, 1.0)) == Quota(2, 1.0)
    assert tightest_quota(headers, NOW, Quota(9, 1.0)) == Quota(5.0, 3.0)
    assert tightest_quota({}, NOW, Quota(9, 1.0)) == Quota(9, 1.0)
