"""Servers with a limit: the program reads them completely, and few of its requests are refused.

The walks of all tests run at once, since most of their time is waiting.
"""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
import trio

from servers.catalogue import COUNT, make_catalogue
from servers.endpoints import GROUPED, LIMITED, Endpoint
from servers.program import Ended, call, run
from servers.running import Server, serving
from servers.software import missing

TIMEOUT = 170
GROUP = GROUPED[0].software

Walk = Callable[[Server, Path], Awaitable[Ended]]


def from_url(endpoint: Endpoint) -> Walk:
    """Return the run of one endpoint, of which nothing but the URL is known."""

    async def walk(server: Server, directory: Path) -> Ended:
        return await run(server, directory, [{"name": "shop", "url": server.url + endpoint.path}], TIMEOUT)

    return walk


def name_of(endpoint: Endpoint) -> str:
    return endpoint.path.strip("/").replace("/", "-")


async def run_group(server: Server, directory: Path) -> Ended:
    """Run four endpoints that share a limit, as one group."""
    endpoints = [
        {"name": name_of(each), "url": server.url + each.path, "rate_limit": {"group": "shop"}} for each in GROUPED
    ]
    return await run(server, directory, endpoints, TIMEOUT)


async def run_draft(server: Server, directory: Path) -> Ended:
    """Run the draft that `init` writes for four endpoints that share a limit."""
    init = await call(server, directory, "init", "-c", "shops.yaml", *(server.url + each.path for each in GROUPED))
    if init.code:
        return init
    await trio.sleep(2)  # the limit forgets the requests of `init`
    return await call(server, directory, "run", "--no-progress", "-c", "shops.yaml", "-o", "summary.json")


WALKS: Mapping[str, tuple[str, Walk]] = {
    **{each.name: (each.software, from_url(each)) for each in LIMITED},
    "group": (GROUP, run_group),
    "draft": (GROUP, run_draft),
}


@pytest.fixture(scope="module")
def walks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Ended]:
    """Run the walks of the selected tests at once, each with a server of its own."""
    parameters = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    selected = {each["walk"] for each in parameters if "walk" in each}
    directory = tmp_path_factory.mktemp("limits")
    ended: dict[str, Ended] = {}

    async def walk_one(name: str, folder: Path) -> None:
        software, walk = WALKS[name]
        async with serving(software, folder) as server:
            (folder / "walk").mkdir()
            ended[name] = await walk(server, folder / "walk")

    async def walk_all() -> None:
        async with trio.open_nursery() as nursery:
            for number, name in enumerate(WALKS):
                if name in selected and missing(WALKS[name][0]) is None:
                    nursery.start_soon(walk_one, name, directory / str(number))

    trio.run(walk_all)
    return ended


@pytest.fixture
def ended(walk: str, walks: Mapping[str, Ended]) -> Ended:
    if reason := missing(WALKS[walk][0]):
        pytest.skip(reason)
    return walks[walk]


def walk(*names: str) -> pytest.MarkDecorator:
    """Return the mark of a test that is about these walks."""
    return pytest.mark.parametrize("walk", names)


@walk(*(each.name for each in LIMITED))
def test_a_limit_costs_no_product(ended: Ended) -> None:
    """Behind any limit a run is complete if the deadline leaves the time, and its products are the server's own."""
    assert ended.code == 0, ended.report
    assert ended.products() == make_catalogue(), ended.report


@walk("haproxy-10s:/drf/page-number/")
def test_ten_in_ten_seconds_are_learned_soon(ended: Ended) -> None:
    """A limit of 10 requests in 10 s that counts refusals refuses 6 of 24 requests at most, within 35 s."""
    assert len(ended.answers) <= 24, ended.report
    assert ended.refused <= 6, ended.report
    assert ended.seconds <= 35, ended.report


@walk("nginx-429:/drf/page-number/")
def test_two_a_second_without_a_burst_are_learned_soon(ended: Ended) -> None:
    """A limit of 2 requests a second that allows no burst refuses 2 requests at most."""
    assert ended.refused <= 2, ended.report


@walk("slowapi-moving-window:/fast")
def test_a_sliding_window_refuses_one_request_at_most(ended: Ended) -> None:
    """A limit of 5 requests in any second, which is stricter than a bucket, refuses 1 request at most."""
    assert ended.refused <= 1, ended.report


@walk("slowapi-headers:/fast")
def test_a_quota_in_headers_is_kept(ended: Ended) -> None:
    """A limit that the headers announce refuses nothing."""
    assert ended.refused == 0, ended.report


@walk("group", "draft")
def test_a_group_on_one_limit_is_never_refused(ended: Ended) -> None:
    """Four endpoints in a group, written by hand or drafted, share one limit of the server, which refuses nothing."""
    assert ended.code == 0, ended.report
    assert ended.document["summary"]["total_products"] == COUNT * len(GROUPED)
    assert ended.refused == 0, ended.report
