"""Hostile bodies over real sockets: each loses its page or its record, and nothing else."""

import gzip
import json
import re
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
import trio

import pipeline
from pipeline.config.endpoint import Endpoint, Http, RateLimit
from pipeline.config.expect import Expect
from pipeline.config.settings import Config
from pipeline.config.source import Paging, PagingStyle

CAP = 8_000_000


def page(number: int) -> bytes:
    return json.dumps([{"id": f"{number}-{index}", "name": "fine"} for index in range(3)]).encode()


@asynccontextmanager
async def api(second: bytes, *headers: str) -> AsyncIterator[str]:
    """Serve three pages, of which the second is hostile, and an empty fourth one."""

    async def handle(stream: trio.SocketStream) -> None:
        # A client that closes before it has read everything, as at its cap, resets the connection.
        with suppress(trio.BrokenResourceError):
            async with stream:
                while request := await stream.receive_some():
                    match = re.match(rb"GET [^ ]*page=(\d+)", request)
                    number = int(match[1]) if match else 1
                    body = second if number == 2 else page(number) if number <= 3 else b"[]"
                    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *(headers if number == 2 else ())]
                    await stream.send_all("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        yield f"http://127.0.0.1:{listener.socket.getsockname()[1]}/"
        nursery.cancel_scope.cancel()


async def run(output: Path, second: bytes, *headers: str) -> pipeline.Summary:
    async with api(second, *headers) as url:
        config = Config(
            output=str(output),
            http=Http(max_body_bytes=CAP),
            rate_limit=RateLimit(rps=0),
            expect=Expect(min_priced=0),
            endpoints=(Endpoint(name="shop", url=url, paging=Paging(style=PagingStyle.PAGE)),),
        )
        with trio.fail_after(30):
            return await pipeline.run(config)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"<!DOCTYPE html><h1>200 OK</h1>", "HTML"),
        (b"17", "bare JSON value"),
        (b'"text"', "bare JSON value"),
        (b"NaN", "malformed JSON"),
        (b"", "empty"),
        ('[{"id": "ä"}]'.encode("utf-16"), "malformed JSON"),
        (b"[" + b"0," * CAP + b"0]", f"over {CAP} bytes"),
    ],
)
async def test_a_hostile_page_costs_that_page_alone(tmp_path: Path, body: bytes, reason: str) -> None:
    """An unusable page is recorded with its reason, and the pages around it become products."""
    summary = await run(tmp_path / "s.json", body)
    (source,) = summary.sources
    assert (source.status, source.pages_missing, source.products) == ("partial", (2,), 6)
    assert [(e.page, e.action) for e in summary.errors] == [(2, "retry"), (2, "skip")]
    assert reason in summary.errors[-1].error
    assert len(json.loads((tmp_path / "s.json").read_bytes())["products"]) == 6


async def test_a_gzip_bomb_costs_the_cap_at_most(tmp_path: Path) -> None:
    """200 MB sent as 200 kB are not inflated beyond the cap, so memory stays below a few times the cap."""
    bomb = gzip.compress(b" " * 200_000_000, compresslevel=9)
    tracemalloc.start()
    try:
        summary = await run(tmp_path / "s.json", bomb, "Content-Encoding: gzip")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert summary.sources[0].pages_missing == (2,)
    assert f"over {CAP} bytes" in summary.errors[-1].error
    assert peak < 4 * CAP


@pytest.mark.parametrize(
    ("record", "products", "rejected"),
    [
        ('{"id": "x", "name": "' + "n" * 5_000_000 + '"}', 1, 0),
        (r'{"id": "a\u0000b", "name": "\u0000\u2028\u001b[31m"}', 1, 0),
        ('{"id": "x", "id": "y", "price": 1, "price": 2}', 1, 0),
        ('{"id": ' + "9" * 5_000 + "}", 0, 1),
        ('{"id": "x", "name": "&#' + "9" * 5_000 + ';"}', 1, 0),
        ("null", 0, 1),
        ('{"id": NaN}', 0, 1),
        ('{"id": "x", "rating": -Infinity}', 0, 1),
        (r'{"id": "x", "name": "\ud800"}', 0, 1),
        ('{"id": "x", "name": "a\0b"}', 0, 1),
        (b'{"id": "x", "name": "caf\xe9"}', 0, 1),
    ],
)
async def test_a_hostile_record_costs_that_record_alone(
    tmp_path: Path, record: str | bytes, products: int, rejected: int
) -> None:
    """The other records of the page become products, and the file is valid JSON."""
    raw = record.encode() if isinstance(record, str) else record
    body = b'[{"id": "before"}, %b, {"id": "behind"}]' % raw
    summary = await run(tmp_path / "s.json", body)
    (source,) = summary.sources
    assert (source.status, source.products, source.rejected) == ("complete", 8 + products, rejected)
    document = json.loads((tmp_path / "s.json").read_bytes())
    assert len(document["products"]) == 8 + products
    if rejected:
        (error,) = document["errors"]
        assert (error["page"], error["position"], error["action"]) == (2, 2, "skip")


async def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """A byte order mark at the start of a body is ignored."""
    assert (await run(tmp_path / "s.json", b"\xef\xbb\xbf" + page(2))).summary.status == "complete"
