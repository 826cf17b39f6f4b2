"""Groups of endpoints that share a rate limit."""

from itertools import pairwise
from pathlib import Path
from random import Random

import httpx
import pytest
import trio
from helpers.configs import ONE, load, problems
from helpers.running import run_pipeline
from helpers.support import NO_TLS, FakeApi, dispatch_inline, endpoint, reply

from mockapi.quota import Quota
from pipeline.config.endpoint import RateLimit
from pipeline.config.http_syntax import host_and_port
from pipeline.config.resolve import ResolvedEndpoint, resolve
from pipeline.fetch.groups import make_throttles, neighbours
from pipeline.fetch.http.client import Client
from pipeline.model.summary import Summary

NAMES = ("a", "b", "c", "d")


class OneKey:
    """Fake APIs behind one limit, which counts the requests of all of them."""

    def __init__(self, quota: Quota, pages: int = 12, latency: float = 0.1) -> None:
        limit = quota.limit(0, 1)
        self.refused = self.under_way = self.most_under_way = 0
        self.moments: list[float] = []
        key = self

        class Api(FakeApi):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                key.moments.append(trio.current_time())
                if limit.ask(trio.current_time()).wait is not None:
                    key.refused += 1
                    return reply(429)
                key.under_way += 1
                key.most_under_way = max(key.most_under_way, key.under_way)
                try:
                    return await super().handle_async_request(request)
                finally:
                    key.under_way -= 1

        self.apis = {name: Api(pages, latency=latency) for name in NAMES}


async def run(tmp_path: Path, key: OneKey, limit: str) -> Summary:
    """Run four endpoints with this rate limit, as YAML."""

    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=key.apis[endpoint.name])

    entries = "".join(f"  - {{name: {name}, url: 'http://shop.test/{name}'}}\n" for name in NAMES)
    text = f"timeout: 600\nrate_limit: {limit}\noutput: {tmp_path}/summary.json\nendpoints:\n{entries}"
    config = load(tmp_path, text)
    return await run_pipeline(config, connect=connect, rng=Random(7), dispatch=dispatch_inline)


@pytest.mark.virtual_time
async def test_a_group_keeps_the_limit_of_its_key(tmp_path: Path) -> None:
    """Four endpoints with one key are never refused at the rate of the key, and without a group they are."""
    key = OneKey(Quota(5, 1, "bucket"))
    summary = await run(tmp_path, key, "{rps: 5, burst: 5, group: key}")
    assert (key.refused, summary.summary.status) == (0, "complete")
    assert trio.current_time() <= (4 * 13 - 5) / 5 * 1.05 + 0.1
    alone = OneKey(Quota(5, 1, "bucket"))
    assert (await run(tmp_path, alone, "{rps: 5, burst: 5}")).summary.status == "complete"
    assert alone.refused > 4


@pytest.mark.virtual_time
async def test_a_group_learns_from_the_refusals_of_all(tmp_path: Path) -> None:
    """A limit below the configured one costs a group no more refusals than an endpoint, and all name one rate."""
    key = OneKey(Quota(10, 10, "sliding", counts_refusals=True), pages=3)
    summary = await run(tmp_path, key, "{rps: 5, burst: 1, group: key}")
    assert summary.summary.status == "complete"
    assert 1 <= key.refused <= 7
    assert len({source.fitting_rps for source in summary.sources}) == 1
    assert sum(source.refused for source in summary.sources) == key.refused


@pytest.mark.virtual_time
async def test_a_group_keeps_its_concurrency_together(tmp_path: Path) -> None:
    """Its members together have no more requests under way than one endpoint would."""
    key = OneKey(Quota(1000, 1), latency=2.0)
    await run(tmp_path, key, "{rps: 0, concurrency: 3, group: key}")
    assert key.most_under_way == 3


@pytest.mark.virtual_time
async def test_a_pause_of_one_member_is_a_pause_of_all(tmp_path: Path) -> None:
    """While one endpoint is told to wait, no other one sends a request, and all account for it as the API's pause."""
    key = OneKey(Quota(1000, 1), pages=2, latency=0)
    key.apis["a"].script = {1: [reply(429, Retry_After="30")]}
    summary = await run(tmp_path, key, "{rps: 5, burst: 1, group: key}")
    assert [source.refused for source in summary.sources] == [1, 0, 0, 0]
    before, after = next((before, after) for before, after in pairwise(key.moments) if after - before > 1)
    assert before < 1
    assert after >= before + 30
    assert all(source.time.retry_after >= 29 for source in summary.sources)


def test_a_group_has_the_smallest_limit_of_its_members(tmp_path: Path) -> None:
    """Of each key the smallest value applies to all members; no limit counts as the largest."""
    limits = [
        "{rps: 0, burst: 3, concurrency: 8, group: key}",
        "{rps: 2, burst: 9, concurrency: 8, group: key}",
        "{rps: 4, burst: 9, concurrency: 2, group: key}",
        "{rps: 1, burst: 1, concurrency: 1}",
    ]
    entries = "".join(
        f"  - {{name: a{i}, url: 'http://s.test/', rate_limit: {each}}}\n" for i, each in enumerate(limits)
    )
    resolved = resolve(load(tmp_path, f"endpoints:\n{entries}"))
    assert [each.rate_limit for each in resolved[:3]] == [RateLimit(rps=2, burst=3, concurrency=2, group="key")] * 3
    assert resolved[3].rate_limit == RateLimit(rps=1, burst=1, concurrency=1)


def test_members_share_a_throttle_and_others_do_not() -> None:
    """A group may be named like an endpoint."""
    grouped = RateLimit(group="c")
    members = [endpoint(name="a", rate_limit=grouped), endpoint(name="b", rate_limit=grouped), endpoint(name="c")]
    throttles = make_throttles([*members, endpoint(name="d")], Random(1))
    assert throttles["a"] is throttles["b"]
    assert len({id(throttle) for throttle in throttles.values()}) == 3


@pytest.mark.parametrize("name", ["''", "a b", "-x", "'a\n\n  '"])
def test_the_name_of_a_group_is_checked(name: str, tmp_path: Path) -> None:
    """It is like the name of an endpoint."""
    assert list(problems(tmp_path, f"{ONE}rate_limit: {{group: {name}}}")) == ["rate_limit.group"]


def test_a_common_group_applies_to_presets(tmp_path: Path) -> None:
    """A group for all endpoints includes those whose rate comes from a preset."""
    text = "rate_limit: {group: all}\nendpoints: [{name: a, url: 'http://s.test/', preset: shopify_storefront}]"
    (resolved,) = resolve(load(tmp_path, text))
    assert resolved.rate_limit.group == "all"


def test_endpoints_that_share_a_host_and_a_port_are_named() -> None:
    """Those in a group are not, and neither are endpoints at other ports."""
    endpoints = [
        endpoint(name="a", url="https://shop.test/a"),
        endpoint(name="b", url="https://SHOP.test:443/b"),
        endpoint(name="c", url="https://shop.test/c", rate_limit=RateLimit(group="key")),
        endpoint(name="d", url="http://shop.test/d"),
        endpoint(name="e", url="https://other.test/e", rate_limit=RateLimit(group="other")),
        endpoint(name="f", url="https://other.test/f", rate_limit=RateLimit(group="other")),
    ]
    (sentence,) = neighbours(endpoints)
    assert sentence.startswith("a, b: 3 endpoints use shop.test:443; ")
    assert "`rate_limit.group`" in sentence


def test_of_many_endpoints_that_share_a_host_some_are_named() -> None:
    """The others are counted."""
    (sentence,) = neighbours([endpoint(name=f"e{n}", url=f"https://shop.test/{n}") for n in range(100)])
    assert sentence.startswith("e0, e1, e2, e3, e4, 95 more: 100 endpoints use shop.test:443; ")


@pytest.mark.parametrize(
    ("url", "shown"),
    [("http://a.test/x", "a.test:80"), ("https://u:p@A.test/x", "a.test:443"), ("http://[::1]:8001/", "::1:8001")],
)
def test_a_host_is_named_with_its_port(url: str, shown: str) -> None:
    """Neither the path nor the user is part of it."""
    assert host_and_port(url) == shown
