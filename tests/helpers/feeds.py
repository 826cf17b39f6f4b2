"""A server of feeds under a virtual clock: versions, cuts, refusals and validators."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
import trio

import pipeline
from helpers.running import run_pipeline
from helpers.support import NO_JITTER, NO_LIMIT, NO_TLS, dispatch_inline
from pipeline.config.endpoint import Endpoint
from pipeline.config.request import BodyFormat
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Config
from pipeline.fetch.http.client import Client

COLUMNS = ("id", "title", "price")


def csv_feed(count: int, version: int = 0, columns: Sequence[str] = COLUMNS) -> bytes:
    """Return a CSV feed; the titles name the version."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([number, f"Product {number}, v{version}", f"{number}.50"] for number in range(count))
    return file.getvalue().encode()


class Cut(msgspec.Struct, frozen=True):
    """An answer that breaks off after a number of bytes; if ``silent``, nothing in the protocol shows that."""

    after: int
    silent: bool = False


class _Body(httpx.AsyncByteStream):
    def __init__(self, content: bytes, cut: Cut | None, delay: float) -> None:
        self._content, self._cut, self._delay = content, cut, delay

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._content if self._cut is None else self._content[: self._cut.after]
        for start in range(0, len(content), 4_096):
            await trio.sleep(self._delay)
            yield content[start : start + 4_096]
        if self._cut is not None and not self._cut.silent:
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


class FeedServer(httpx.AsyncBaseTransport):
    """A server of one feed; ``script`` has what its first requests get: a status, a cut, or None for the whole.

    ``bodies`` are the versions: request n gets ``bodies[n]``, and those after the last get the last.
    """

    def __init__(
        self,
        *bodies: bytes,
        script: Sequence[int | Cut | None] = (),
        validators: bool = True,
        length: bool = True,
        media_type: str = "text/csv",
        delay: float = 0.0,
    ) -> None:
        self.bodies = bodies
        self.script = list(script)
        self.validators, self.length, self.media_type, self.delay = validators, length, media_type, delay
        self.requests: list[httpx.Headers] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await trio.sleep(0.01)
        number = len(self.requests)
        self.requests.append(request.headers)
        step = self.script[number] if number < len(self.script) else None
        body = self.bodies[min(number, len(self.bodies) - 1)]
        if isinstance(step, int):
            return httpx.Response(step, stream=_Body(b"", None, 0))
        headers = {"Content-Type": self.media_type}
        if self.validators:
            headers["ETag"] = f'"{hash(body)}"'
            if request.headers.get("if-none-match") == headers["ETag"]:
                return httpx.Response(304, headers=headers, stream=_Body(b"", None, 0))
        if self.length:
            headers["Content-Length"] = str(len(body))
        return httpx.Response(200, headers=headers, stream=_Body(body, step, self.delay))


async def run_feed(
    output: Path, server: httpx.AsyncBaseTransport, *, resume: bool = False, timeout: float = 600, **keys: Any
) -> pipeline.Summary:
    """Run the pipeline on one feed under a virtual clock."""
    keys = {"format": BodyFormat.CSV, **keys}
    endpoint = Endpoint(name="shop", url="http://shop.test/feed.csv", **keys)
    config = Config(output=str(output), timeout=timeout, retry=NO_JITTER, rate_limit=NO_LIMIT, endpoints=(endpoint,))

    def connect(resolved: ResolvedEndpoint) -> Client:
        return Client(resolved.url, resolved.http, ssl_context=NO_TLS, transport=server)

    return await run_pipeline(config, connect=connect, dispatch=dispatch_inline, rng=Random(7), resume=resume)


def products(output: Path) -> list[tuple[str, str]]:
    """Return id and title of each product of a summary."""
    return [(product["id"], product["title"]) for product in msgspec.json.decode(output.read_bytes())["products"]]


def expected(count: int, version: int = 0) -> list[tuple[str, str]]:
    """Return id and title of each product of :func:`csv_feed`."""
    return [(f"shop:{number}", f"Product {number}, v{version}") for number in range(count)]
