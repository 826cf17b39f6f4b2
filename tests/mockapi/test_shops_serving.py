"""Shops together with the other personas: faults, ports and the command line."""

import subprocess
import sys
from typing import Any

import httpx
import pytest
from helpers.mock_shops import shop

from mockapi.faults import PERSONAS, parse_fault
from mockapi.personas import NAMES
from mockapi.probe import fetch_stats
from mockapi.serve import serving
from mockapi.settings import Settings
from mockapi.shops import SHOPS


def mockapi(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mockapi", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("shopify_storefront", "?limit=5", "?limit=5&page=2"),
        ("dummyjson", "?limit=5", "?limit=5&skip=5"),
        ("stripe_prices", "?limit=5", "?limit=5&starting_after=price_1Mock0000000004"),
        ("pages_from_zero", "?size=5", "?size=5&page=1"),
    ],
)
async def test_faults_go_by_the_ordinal_number_of_the_page(name: str, first: str, second: str) -> None:
    """The second page is page 2 for faults and statistics in every paging style."""
    async with shop(name, f"{name}:2:503x1", "*:2:429=1.5x1") as client:
        path = SHOPS[name].path
        answers = [await client.get(path + query) for query in (first, second, second, second)]
        stats = await fetch_stats(str(client.base_url))
    assert [answer.status_code for answer in answers] == [200, 503, 429, 200]
    assert answers[2].headers["Retry-After"] == "1.5"
    assert [(seen.page, seen.fault) for seen in stats.log] == [(1, None), (2, "status"), (2, "429"), (2, None)]


async def test_a_shops_body_can_be_spoilt() -> None:
    """Shops support HTML, malformed and truncated bodies, with the quota in the headers."""
    async with shop("dummyjson", "dummyjson:1:htmlx1", "dummyjson:1:malformedx1", "dummyjson:1:truncatex1") as client:
        page, malformed = [await client.get("/products") for _ in range(2)]
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/products")
        whole = await client.get("/products")
    assert page.text.startswith("<!DOCTYPE html>")
    assert page.headers["X-RateLimit-Remaining"] == "99"
    assert malformed.text == whole.text[: len(malformed.text)]


async def test_random_faults_hit_shops_too() -> None:
    """The configured share of requests to a shop gets a 5xx."""
    async with shop("fakestore", error_rate=1.0) as client:
        assert (await client.get("/products")).status_code in (500, 502, 503, 504)


@pytest.mark.parametrize("kind", ["reset", "overlap=3", "ignore-page"])
@pytest.mark.parametrize("persona", ["*", "dummyjson"])
def test_faults_of_numbered_pages_are_refused_for_shops(persona: str, kind: str) -> None:
    """A fault that a shop does not support is an error at the start that names the shop and the kind."""
    fault = parse_fault(f"{persona}:1:{kind}")
    with pytest.raises(ValueError, match=f"dummyjson cannot have a fault {fault.kind}; only api1, api2, api3 can"):
        Settings(personas=("api1", "dummyjson"), faults=[fault])
    assert Settings(personas=("api1",), faults=[fault]).served == ["api1"]


@pytest.mark.parametrize(
    ("personas", "ports", "listening"),
    [
        (PERSONAS, (), {"api1": 8001, "api2": 8002, "api3": 8003}),
        (("platzi", "api2", "shopify_storefront"), (), {"api2": 8002, "shopify_storefront": 8004, "platzi": 8014}),
        (("platzi", "api2"), (7001, 7002), {"api2": 7001, "platzi": 7002}),
        (("platzi", "api2"), (0,), {"api2": 0, "platzi": 0}),
        (PERSONAS, (0, 7, 0), {"api1": 0, "api2": 7, "api3": 0}),
        (("api3",), (7001, 7002, 7003), {"api3": 7003}),
        (("api3",), (7001,), {"api3": 7001}),
    ],
)
def test_ports_are_those_of_the_personas_served(
    personas: tuple[str, ...], ports: tuple[int, ...], listening: dict[str, int]
) -> None:
    """Ports are given in order, default or free; a subset of api1 to api3 may be given all three."""
    assert Settings(personas=personas, ports=ports).listening == listening


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"personas": ("api4",)}, "there is no persona api4; the personas are api1, "),
        ({"personas": ("platzi", "api1"), "ports": (1, 2, 3)}, "api1, platzi need 2 ports"),
    ],
)
def test_what_cannot_be_served_is_refused_with_a_reason(settings: dict[str, Any], text: str) -> None:
    """Unknown personas and a wrong number of ports are errors before anything is served."""
    with pytest.raises(ValueError, match=text):
        Settings(**settings)


async def test_all_personas_can_be_served_at_once() -> None:
    """Each persona has its own port and answers under its name."""
    async with serving(Settings(personas=NAMES, ports=(0,))) as urls, httpx.AsyncClient(trust_env=False) as client:
        names = [(await client.get(f"{url}/health")).json()["persona"] for url in urls.values()]
    assert names == list(urls) == list(NAMES)
    assert len(set(urls.values())) == len(NAMES)


def test_exec_gives_a_url_for_each_persona_served() -> None:
    """The environment has the base URLs of the served personas, and no others."""
    script = "import os; print(*sorted(name for name in os.environ if name.startswith('MOCKAPI_')))"
    chosen = ["--persona", "shopify_admin", "--persona", "api2", "--ports", "0"]
    done = mockapi(*chosen, "exec", "--", sys.executable, "-c", script)
    assert done.stdout.split() == ["MOCKAPI_API2_URL", "MOCKAPI_SHOPIFY_ADMIN_URL"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--persona", "shop9"], "'shop9' is not one of"),
        (["--persona", "platzi", "--ports", "1,2"], "platzi need 1 ports"),
        (["--persona", "platzi", "--fault", "*:1:reset"], "platzi cannot have a fault reset"),
        (["--ports", "x"], "'x' is not a valid list of ports"),
    ],
)
def test_bad_choices_are_usage_errors(arguments: list[str], text: str) -> None:
    """Invalid choices are usage errors without a traceback."""
    done = mockapi(*arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_help_tells_the_credentials() -> None:
    """The help lists the credentials of the shops."""
    text = " ".join(mockapi("--help").stdout.split())
    for word in ("mock-token", "ck_mock", "cs_mock", "mock-client", "mock-secret"):
        assert word in text
