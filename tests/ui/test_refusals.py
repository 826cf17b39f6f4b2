"""The closing lines name the rate that an API would have accepted."""

import json
from pathlib import Path

import httpx
import pytest
from helpers.running import run_pipeline
from helpers.support import NO_TLS, FakeApi, config, dispatch_inline, reply

from pipeline.config.endpoint import RateLimit
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.fetch.http.client import Client
from pipeline.ui.table import closing_table

pytestmark = pytest.mark.virtual_time


async def closing_lines(tmp_path: Path, **apis: httpx.AsyncBaseTransport) -> list[str]:
    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=apis[endpoint.name])

    settings = config(tmp_path / "s.json", *apis, rate_limit=RateLimit(rps=5, burst=1))
    summary = await run_pipeline(settings, connect=connect, dispatch=dispatch_inline)
    return closing_table(summary).splitlines()


async def test_the_fitting_rate_is_named_for_each_source_that_refused_requests(tmp_path: Path) -> None:
    """The line has the number of refusals and the keys to set; the summary has both numbers."""
    refusing = FakeApi(pages=20, latency=0.1, script={11: [reply(429, Retry_After="8")]})
    lines = await closing_lines(tmp_path, shop=refusing, other=FakeApi(pages=2))
    assert "shop: 1 request refused; `rate_limit: {rps: 1, burst: 1}` would have fitted" in lines
    assert not [line for line in lines if line.startswith("other: ") and "refused" in line]
    assert "would end" not in "\n".join(lines)
    shop, other = json.loads((tmp_path / "s.json").read_text())["sources"]
    assert (shop["refused"], shop["fitting_rps"]) == (1, 1.0)
    assert (other["refused"], other["fitting_rps"]) == (0, None)


async def test_without_any_answer_the_rate_is_the_one_below_the_configured_rate(tmp_path: Path) -> None:
    """An API that refuses the very first request reveals nothing else."""
    lines = await closing_lines(tmp_path, shop=FakeApi(pages=1, script={1: [reply(429, Retry_After="500")]}))
    assert "shop: 1 request refused; `rate_limit: {rps: 4.7, burst: 1}` would have fitted" in lines
