"""Clients for the mock shops."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import httpx

from mockapi.app import Persona
from mockapi.credentials import CLIENT_ID, CLIENT_SECRET, KEY, SECRET, TOKEN
from mockapi.faults import parse_fault
from mockapi.serve import serving
from mockapi.settings import Settings

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


BEARER = {"Authorization": f"Bearer {TOKEN}"}


CREDENTIALS: dict[str, dict[str, str]] = {
    "shopify_admin": {"X-Shopify-Access-Token": TOKEN},
    "woocommerce_v3": {"Authorization": httpx.BasicAuth(KEY, SECRET)._auth_header},
    "magento2": BEARER,
    "bigcommerce": {"X-Auth-Token": TOKEN},
    "stripe_prices": BEARER,
}


@asynccontextmanager
async def shop(name: str, *faults: str, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Serve a shop, and yield a client with its credentials."""
    chosen = Settings(ports=(0,), personas=(name,), faults=[parse_fault(fault) for fault in faults], **settings)
    headers = CREDENTIALS.get(name, {})
    async with (
        serving(chosen) as urls,
        httpx.AsyncClient(base_url=urls[name], headers=headers, trust_env=False, verify=NO_TLS) as client,
    ):
        yield client


def in_process(name: str, *faults: str, **settings: Any) -> httpx.AsyncClient:
    """Return a client of a persona that runs in this process, also under a virtual clock, with its credentials."""
    chosen = Settings(personas=(name,), faults=[parse_fault(fault) for fault in faults], **settings)
    transport = httpx.ASGITransport(Persona(name, chosen).app())
    return httpx.AsyncClient(base_url="http://mock.test", headers=CREDENTIALS.get(name), transport=transport)


async def new_token(client: httpx.AsyncClient) -> dict[str, str]:
    """Fetch a new access token of eBay, and return its header."""
    form = {"grant_type": "client_credentials"}
    answer = await client.post("/identity/v1/oauth2/token", data=form, auth=(CLIENT_ID, CLIENT_SECRET))
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def fetch(client: httpx.AsyncClient, url: str, **parameters: object) -> tuple[Any, httpx.Response]:
    """Fetch a page, and return its body with exact numbers, and the response."""
    answer = await client.get(httpx.URL(url).copy_merge_params({k: str(v) for k, v in parameters.items()}))
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text, parse_float=Decimal), answer
