"""Runs of the command line against the mock shops, and the products that they should read."""

import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trio
from click.testing import CliRunner, Result

from mockapi.personas import POSTED
from mockapi.personas import path as path_of
from mockapi.serve import serving
from mockapi.settings import Settings
from mockapi.shops import SHOPS
from mockapi.truth import Truth
from pipeline.cli import main

ENVIRONMENT = {
    "SHOPIFY_ACCESS_TOKEN": "mock-token",
    "BIGCOMMERCE_ACCESS_TOKEN": "mock-token",
    "MAGENTO_ACCESS_TOKEN": "mock-token",
    "STRIPE_SECRET_KEY": "mock-token",
    "WOOCOMMERCE_CONSUMER_KEY": "ck_mock",
    "WOOCOMMERCE_CONSUMER_SECRET": "cs_mock",
    "EBAY_CLIENT_ID": "mock-client",
    "EBAY_CLIENT_SECRET": "mock-secret",
}


def settings_of(name: str) -> Settings:
    """Return settings for a small catalogue without waits."""
    return Settings(personas=(name,), ports=(0,), pages=3, per_page=7, rate_limit=1000.0, burst=1000)


@contextmanager
def file_server(folder: Path) -> Iterator[str]:
    """Serve the files of a folder, like `python -m http.server`."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@asynccontextmanager
async def persona(name: str) -> AsyncIterator[str]:
    async with serving(settings_of(name)) as urls:
        yield urls[name] + path_of(name)


def truth(name: str) -> list[Truth]:
    settings = settings_of(name)
    return {**SHOPS, **POSTED}[name].truth(settings.seed, settings.records)


async def invoke(*arguments: str, env: Mapping[str, str] = ENVIRONMENT) -> Result:
    """Run the command line in a thread, because it starts its own event loop."""
    runner = CliRunner()
    return await trio.to_thread.run_sync(lambda: runner.invoke(main, arguments, env=dict(env), prog_name="pipeline"))


def products(tmp_path: Path) -> list[Truth]:
    document = json.loads((tmp_path / "summary.json").read_text(), parse_float=str, parse_int=str)
    return [
        Truth(
            id=product["id"].removeprefix("shop:"),
            title=product["title"],
            price=product["price"],
            currency=product["currency"],
            category=product["category"],
        )
        for product in document["products"]
    ]


def assert_same(found: list[Truth], expected: list[Truth]) -> None:
    """Assert the same products in the same order, with prices equal as numbers."""
    assert [product.id for product in found] == [product.id for product in expected]
    for one, other in zip(found, expected, strict=True):
        assert (one.price is None) == (other.price is None), other
        assert one.price is None or Decimal(one.price) == Decimal(other.price or 0), other
        assert (one.title, one.currency, one.category) == (other.title, other.currency, other.category)
