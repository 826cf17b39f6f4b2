"""Runs against servers with a limit, each with a server of its own."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import trio

from servers.endpoints import GROUPED, LIMITED, Endpoint
from servers.program import Ended, call, run
from servers.running import Server, serving

TIMEOUT = 170
GROUP = GROUPED[0].software

Walk = Callable[[Server, Path], Awaitable[Ended]]


def _from_url(endpoint: Endpoint) -> Walk:
    """Return the run of one endpoint, of which nothing but the URL is known."""

    async def walk(server: Server, directory: Path) -> Ended:
        return await run(server, directory, [{"name": "shop", "url": server.url + endpoint.path}], TIMEOUT)

    return walk


async def _run_group(server: Server, directory: Path) -> Ended:
    """Run four endpoints that share a limit, as one group."""
    endpoints = [
        {"name": f"shop{number}", "url": server.url + each.path, "rate_limit": {"group": "shop"}}
        for number, each in enumerate(GROUPED, start=1)
    ]
    return await run(server, directory, endpoints, TIMEOUT)


async def _run_draft(server: Server, directory: Path) -> Ended:
    """Run the draft that `init` writes for four endpoints that share a limit."""
    init = await call(server, directory, "init", "-c", "shops.yaml", *(server.url + each.path for each in GROUPED))
    if init.code:
        return init
    await trio.sleep(2)  # the limit forgets the requests of `init`
    return await call(server, directory, "run", "--no-progress", "-c", "shops.yaml", "-o", "summary.json")


WALKS: Mapping[str, tuple[str, Walk]] = {
    **{each.name: (each.software, _from_url(each)) for each in LIMITED},
    "group": (GROUP, _run_group),
    "draft": (GROUP, _run_draft),
}

# Those that take a minute or two, most of it waiting, and are not timed.
SLOW = frozenset(
    {"haproxy-30s:/drf/page-number/", "nginx-503:/drf/page-number/", "slowapi:/slow", "django:/drf/throttled/"}
)


async def walk(name: str, directory: Path) -> Ended:
    """Start the server of a walk, and walk."""
    software, run_it = WALKS[name]
    async with serving(software, directory) as server:
        (directory / "walk").mkdir()
        return await run_it(server, directory / "walk")
