"""Every command of the program on every endpoint without a limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trio

from servers.catalogue import Product
from servers.endpoints import Endpoint
from servers.program import Ended, call, run
from servers.running import Server, serving

# A server answers one command at a time, so that its log shows whose requests they are. This many endpoints share one.
PER_SERVER = 4
# More servers at once would answer so late that a run requests more pages after the end, before it knows of the end.
AT_ONCE = 3
TIMEOUT = 120
DRAFT = "shops.yaml"


@dataclass(frozen=True)
class Reading:
    """All commands on one endpoint, and the products in the server's own database."""

    truth: list[Product]
    run: Ended
    init: Ended
    drafted: Ended | None = None
    preview: Ended | None = None
    check: Ended | None = None


async def read_all(endpoints: Sequence[Endpoint], directory: Path) -> dict[Endpoint, Reading]:
    """Read the endpoints of a few servers at once, and those of one server in turn."""
    readings: dict[Endpoint, Reading] = {}
    limiter = trio.CapacityLimiter(AT_ONCE)

    async def read_in_turn(name: str, share: Sequence[Endpoint], folder: Path) -> None:
        async with limiter, serving(name, folder) as server:
            for number, endpoint in enumerate(share):
                readings[endpoint] = await _read(server, endpoint, folder / str(number))

    async with trio.open_nursery() as nursery:
        for name in dict.fromkeys(each.software for each in endpoints):
            mine = [each for each in endpoints if each.software == name]
            for first in range(0, len(mine), PER_SERVER):
                share = mine[first : first + PER_SERVER]
                nursery.start_soon(read_in_turn, name, share, directory / f"{name}-{first}")
    return readings


async def _read(server: Server, endpoint: Endpoint, directory: Path) -> Reading:
    """Run all commands on one endpoint; those that need the draft of `init` run only if there is one."""
    url = server.url + endpoint.path
    alone, described = directory / "alone", directory / "described"
    alone.mkdir(parents=True)
    described.mkdir()
    ended = await run(server, alone, [{"name": "shop", "url": url}], TIMEOUT)
    init = await call(server, described, "init", "-c", DRAFT, url)
    if not (described / DRAFT).exists():
        return Reading(server.products(), ended, init)
    return Reading(
        truth=server.products(),
        run=ended,
        init=init,
        preview=await call(server, described, "preview", "-c", DRAFT),
        check=await call(server, described, "check", "-c", DRAFT),
        drafted=await call(server, described, "run", "--no-progress", "-c", DRAFT, "-o", "summary.json"),
    )
