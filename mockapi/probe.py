"""Query the health and the statistics of running personas."""

import ssl
from collections.abc import Iterable

import httpx
import msgspec
import trio

from mockapi.stats import StatsReport

_PATIENCE = 10.0


async def wait_until_healthy(urls: Iterable[str]) -> None:
    """Wait until every base URL answers ``/health``; if cancelled, the connections are closed.

    Raises:
        trio.TooSlowError: if one does not answer within ten seconds.
    """
    with trio.fail_after(_PATIENCE):
        async with _client() as client:
            for url in urls:
                while not await _is_healthy(client, url):  # noqa: ASYNC110 - another process cannot set an Event
                    await trio.sleep(0.05)


async def fetch_stats(url: str) -> StatsReport:
    """Fetch the statistics of the persona at a base URL; if cancelled, the connection is closed."""
    async with _client() as client:
        response = await client.get(f"{url}/stats")
    return msgspec.json.decode(response.raise_for_status().content, type=StatsReport)


def _client() -> httpx.AsyncClient:
    """Return a client for plain HTTP on this machine, without certificates, which take a tenth of a second to load."""
    return httpx.AsyncClient(trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


async def _is_healthy(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/health")).is_success
    except httpx.TransportError:
        return False
