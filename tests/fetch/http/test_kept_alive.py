"""Connections that are kept alive, over real sockets: one that the server has closed is replaced at once."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from helpers.support import NO_TLS

from pipeline.config.endpoint import Http
from pipeline.errors import TransientError
from pipeline.fetch.http.client import Client

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"


@asynccontextmanager
async def closing_after(answers: Callable[[int], int], ends: bytes = b"") -> AsyncIterator[tuple[str, list[int]]]:
    """Serve an empty list; yield the URL, and for each connection the number of requests that it received.

    Connection ``n`` is closed when it receives request ``answers(n)``, instead of an answer and after ``ends``. The
    server thereby behaves like one whose idle timeout ends while a request is under way.
    """
    received: list[int] = []

    async def handle(stream: trio.SocketStream) -> None:
        number = len(received)
        received.append(0)
        async with stream:
            while await stream.receive_some():
                if received[number] == answers(number):
                    await stream.send_all(ends)
                    return
                received[number] += 1
                await stream.send_all(OK)

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        yield f"http://127.0.0.1:{listener.socket.getsockname()[1]}/", received
        nursery.cancel_scope.cancel()


def client(url: str) -> Client:
    return Client(url, Http(), ssl_context=NO_TLS)


async def test_a_closed_connection_is_replaced_without_a_failure() -> None:
    """Each connection serves one request and closes when it receives the second, and no request fails."""
    async with closing_after(lambda _: 1) as (url, received), client(url) as shop:
        for _ in range(4):
            assert (await shop.fetch(url)).body == b"[]"
    assert received == [1, 1, 1, 1]


async def test_the_replacement_is_reported_like_any_request() -> None:
    """The bucket learns when the request left that was answered."""
    called: list[str] = []
    async with closing_after(lambda _: 1) as (url, _), client(url) as shop:
        await shop.fetch(url)
        await shop.fetch(url, on_sent=lambda: called.append("sent"), on_answered=lambda: called.append("answered"))
    assert called == ["sent", "sent", "answered"]


async def test_a_connection_is_replaced_once() -> None:
    """If the new connection is closed as well, the request has failed."""
    async with closing_after(lambda number: 1 if number == 0 else 0) as (url, received), client(url) as shop:
        await shop.fetch(url)
        with pytest.raises(TransientError, match="Server disconnected"):
            await shop.fetch(url)
    assert received == [1, 0]


async def test_a_first_connection_that_is_closed_is_a_failure() -> None:
    """Nothing was kept alive, so nothing is replaced."""
    async with closing_after(lambda _: 0) as (url, received), client(url) as shop:
        with pytest.raises(TransientError, match="Server disconnected"):
            await shop.fetch(url)
    assert received == [0]


async def test_an_answer_that_is_no_http_is_a_failure() -> None:
    """A server that answers anything has received the request, which is not repeated at once."""
    async with closing_after(lambda _: 1, b"what?\r\n\r\n") as (url, received), client(url) as shop:
        await shop.fetch(url)
        with pytest.raises(TransientError, match="invalid HTTP"):
            await shop.fetch(url)
    assert received == [1]
