"""The HTTP client over real sockets: each fault of a server becomes the right error."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest
import trio
from helpers.support import NO_TLS

from mockapi.faults import parse_fault
from mockapi.serve import serving
from mockapi.settings import Settings
from pipeline.config.endpoint import Http
from pipeline.errors import (
    ConfigError,
    FeedFoundError,
    FetchError,
    PermanentError,
    RateLimitedError,
    TransientError,
    UnreachableError,
)
from pipeline.fetch.content.response import Response
from pipeline.fetch.http.client import Client
from pipeline.fetch.http.transports import make_ssl_context

LIMITS = Http(connect_timeout=0.5, read_timeout=0.3, total_timeout=1.0, max_body_bytes=20_000)


async def get(url: str, limits: Http = LIMITS) -> Response:
    async with Client(url, limits, ssl_context=NO_TLS) as client:
        return await client.fetch(client.url_with({"page": "1"}))


@asynccontextmanager
async def server(answer: bytes) -> AsyncIterator[str]:
    """A raw server that answers each connection with the same bytes and closes it."""

    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            await stream.send_all(answer)

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        yield f"http://127.0.0.1:{listener.socket.getsockname()[1]}/"
        nursery.cancel_scope.cancel()


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("fault", "error", "code", "text"),
    [
        ("500", TransientError, 500, "HTTP 500 Internal Server Error"),
        ("408", TransientError, 408, "HTTP 408"),
        ("404", PermanentError, 404, "HTTP 404 Not Found"),
        ("401", PermanentError, 401, "HTTP 401"),
        ("304", PermanentError, 304, "HTTP 304"),
        ("429", RateLimitedError, 429, "HTTP 429"),
        ("hang", TransientError, None, "nothing received for 0.3 s"),
        ("latency=1", TransientError, None, "nothing received for 0.3 s"),
        ("truncate", TransientError, None, "truncated or invalid HTTP"),
        ("reset", TransientError, None, "the connection broke: Connection reset by peer"),
    ],
)
async def test_faults_become_errors(fault: str, error: type[FetchError], code: int | None, text: str) -> None:
    """Each fault becomes a transient or permanent error with status and reason."""
    settings = Settings(ports=(0, 0, 0), personas=("api1",), faults=[parse_fault(f"api1:*:{fault}")])
    async with serving(settings) as urls:
        with pytest.raises(FetchError) as caught:
            await get(f"{urls['api1']}/products")
    assert type(caught.value) is error
    assert caught.value.code == code
    assert text in str(caught.value)


async def test_a_dripping_server_is_cut_off_as_a_whole() -> None:
    """A server that sends a byte now and then is stopped by the total timeout, not by the read timeout."""
    settings = Settings(ports=(0, 0, 0), personas=("api1",), faults=[parse_fault("api1:*:drip")])
    async with serving(settings) as urls:
        with pytest.raises(TransientError, match=r"no complete response within 1\.2 s"):
            await get(f"{urls['api1']}/products", Http(read_timeout=5, total_timeout=1.2))


async def test_a_page_after_json_is_not_taken_for_a_feed() -> None:
    """A first page may reveal a feed; a page after one of JSON is a page, however it looks."""
    answers = [response(b"[1, 2]"), response(b"id,name,price\n1,Kettle,2\n", "Content-Type: text/csv")]

    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            await stream.send_all(answers.pop(0))

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/"
        csv = answers[1:]
        async with Client(url, LIMITS, ssl_context=NO_TLS) as client:
            bodies = [(await client.fetch(url)).body for _ in range(2)]
        answers += csv
        with pytest.raises(FeedFoundError):
            await get(url)
        nursery.cancel_scope.cancel()
    assert bodies == [b"[1, 2]", b"id,name,price\n1,Kettle,2\n"]


async def test_retry_after_is_read() -> None:
    """The error for a 429 contains the time to wait, in seconds."""
    settings = Settings(ports=(0, 0, 0), personas=("api1",), faults=[parse_fault("api1:*:429=2.5")])
    async with serving(settings) as urls:
        with pytest.raises(RateLimitedError) as caught:
            await get(f"{urls['api1']}/products")
    assert caught.value.retry_after == 2.5


async def test_nothing_listens() -> None:
    """The error for a refused connection names the address."""
    with trio.socket.socket() as reserved:
        await reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        with pytest.raises(UnreachableError, match=f"nothing listens on 127.0.0.1:{port}"):
            await get(f"http://127.0.0.1:{port}/")


async def test_unknown_host_is_unreachable() -> None:
    """A host that does not resolve is unreachable, without a crash."""
    with pytest.raises(UnreachableError, match=r"no connection to no-such-host\.invalid:80"):
        await get("http://no-such-host.invalid/")


async def test_tls_to_a_server_without_it_is_unreachable() -> None:
    """An https request to a server that only speaks http is an unreachable error with a reason."""
    async with server(b"what?\r\n\r\n") as url:
        client = Client(url.replace("http:", "https:"), LIMITS, ssl_context=make_ssl_context())
        async with client:
            with pytest.raises(UnreachableError, match="no connection to"):
                await client.fetch(client.url_with({}))


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (b"garbage\r\n\r\n", TransientError, "truncated or invalid HTTP"),
        (b"", TransientError, "truncated or invalid HTTP"),
        (response(b"x" * 20_001), PermanentError, "over 20000 bytes"),
        (response(gzip.compress(b"x" * 5_000_000), "Content-Encoding: gzip"), PermanentError, "over 20000 bytes"),
        (response(b"no gzip", "Content-Encoding: gzip"), PermanentError, "not valid gzip"),
        (response(gzip.compress(b"x" * 99)[:-9], "Content-Encoding: gzip"), TransientError, "truncated"),
        (response(b"x", "Content-Encoding: br"), PermanentError, "'br'"),
    ],
)
async def test_broken_bodies_become_errors(answer: bytes, error: type[FetchError], text: str) -> None:
    """Invalid HTTP is transient; a body that would be the same again is permanent."""
    async with server(answer) as url:
        with pytest.raises(FetchError) as caught:
            await get(url)
    assert type(caught.value) is error
    assert text in str(caught.value)


async def test_gzip_is_inflated() -> None:
    """A compressed body is decompressed."""
    async with server(response(gzip.compress(b"[]" * 99), "Content-Encoding: gzip")) as url:
        assert (await get(url)).body == b"[]" * 99


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[str, list[str]]]:
    """Serve an empty list; yield host and port, and the heads of the requests received."""
    heads: list[str] = []

    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            heads.append((await stream.receive_some()).decode())
            await stream.send_all(response(b"[]"))

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        yield f"127.0.0.1:{listener.socket.getsockname()[1]}", heads
        nursery.cancel_scope.cancel()


async def test_the_client_introduces_itself() -> None:
    """Each request contains the user agent, the accepted formats and the URL's own query string."""
    async with listening() as (address, heads):
        await get(f"http://{address}/p?q=a%2Cb", Http(user_agent="shop-bot/1"))
    head = heads[0]
    assert head.startswith("GET /p?q=a%2Cb&page=1 HTTP/1.1\r\n")
    assert f"host: {address}\r\n" in head.lower()
    assert "user-agent: shop-bot/1\r\n" in head.lower()
    assert "accept-encoding: gzip\r\n" in head.lower()
    assert "accept: application/json, application/*+json;q=0.9, */*;q=0.1\r\n" in head.lower()


async def test_the_accepted_formats_can_be_configured() -> None:
    """A header of the endpoint replaces the program's own."""
    async with listening() as (address, heads):
        headers = {"accept": "application/vnd.api+json"}
        async with Client(f"http://{address}/p", LIMITS, headers=headers, ssl_context=NO_TLS) as client:
            await client.fetch(client.url_with({}))
    assert [line for line in heads[0].splitlines() if line.lower().startswith("accept:")] == [
        "accept: application/vnd.api+json"
    ]


async def test_user_and_password_of_the_url_go_into_a_header() -> None:
    """They are sent as RFC 7617 defines, replace a header of that name, and are not part of the request target."""
    async with listening() as (address, heads):
        url = f"http://me:p%40ss@{address}/p"
        async with Client(url, LIMITS, headers={"authorization": "Bearer x"}, ssl_context=NO_TLS) as client:
            await client.fetch(client.url_with({}))
    assert heads[0].startswith("GET /p HTTP/1.1\r\n")
    assert [line for line in heads[0].splitlines() if "uthorization" in line] == ["Authorization: Basic bWU6cEBzcw=="]


async def test_requests_go_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests go to the environment's proxy with the whole URL, unless NO_PROXY contains the host."""
    async with listening() as (address, heads):
        monkeypatch.setenv("http_proxy", f"http://{address}")
        monkeypatch.setenv("no_proxy", "direct.invalid")
        assert (await get("http://shop.invalid/p")).body == b"[]"
        with pytest.raises(UnreachableError):
            await get("http://direct.invalid/p")
    assert [head.partition("\r\n")[0] for head in heads] == ["GET http://shop.invalid/p?page=1 HTTP/1.1"]


async def test_a_url_that_cannot_be_asked_is_an_error_of_its_page() -> None:
    """A next link for which no request can be built is a permanent error of its page, without a crash."""
    async with listening() as (address, heads), Client(f"http://{address}/", LIMITS, ssl_context=NO_TLS) as client:
        with pytest.raises(PermanentError, match="cannot be fetched"):
            await client.fetch(f"http://{address}/?after={'a' * 70_000}")
    assert heads == []


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("SSL_CERT_FILE", "/no/such/file.pem", "cannot read the certificates"),
        ("ALL_PROXY", "socks5://proxy.test:1080", "HTTP_PROXY"),
        ("HTTPS_PROXY", "ftp://me:hunter22@proxy.test", "HTTP_PROXY"),
    ],
)
def test_mistakes_in_the_environment_are_configuration_errors(
    name: str, value: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong certificates and proxies in the environment are configuration errors, without the proxy's password."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=text) as caught:
        Client("https://shop.test/", LIMITS, ssl_context=make_ssl_context())
    assert "hunter22" not in str(caught.value)


async def test_a_proxy_is_not_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is not used for loopback addresses, but for all others."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with server(response(b"[]")) as url:
        assert (await get(url)).body == b"[]"
    with pytest.raises(FetchError):
        await get("http://shop.invalid/")


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
async def test_sending_and_answer_are_reported(status: str) -> None:
    """Both callbacks are called once per attempt, in this order, for any status."""
    called: list[str] = []
    async with server(response(b"[]", status=status)) as url, Client(url, LIMITS, ssl_context=NO_TLS) as client:
        with suppress(PermanentError):
            await client.fetch(
                url, on_sent=lambda: called.append("sent"), on_answered=lambda: called.append("answered")
            )
    assert called == ["sent", "answered"]


async def test_a_server_that_does_not_answer_the_handshake_is_given_up() -> None:
    """The connect timeout limits a TLS handshake that never ends."""
    async with trio.open_nursery() as nursery:

        async def swallow(stream: trio.SocketStream) -> None:
            async with stream:
                await trio.sleep_forever()

        (listener,) = await nursery.start(partial(trio.serve_tcp, swallow, 0, host="127.0.0.1"))
        url = f"https://127.0.0.1:{listener.socket.getsockname()[1]}/"
        start = trio.current_time()
        limits = Http(connect_timeout=0.2, read_timeout=9, total_timeout=9)
        with pytest.raises(UnreachableError, match=r"within 0\.2 s"):
            await get(url, limits)
        assert trio.current_time() - start < 2
        nursery.cancel_scope.cancel()


async def test_retry_after_counts_for_429_and_503_alone() -> None:
    """With any other status the field is ignored, since it does not ask for a pause."""
    for status, expected in (("429 X", 7), ("503 X", 7), ("500 X", None), ("404 X", None)):
        async with server(response(b"", "Retry-After: 7", status=status)) as url:
            with pytest.raises(FetchError) as caught:
                await get(url)
        assert caught.value.retry_after == expected, status
        assert isinstance(caught.value, RateLimitedError) == (expected is not None), status


@pytest.mark.parametrize(
    ("wait", "refused"),
    [(b"Retry-After: soon", False), (b"RateLimit-Remaining: 0\r\nRateLimit-Reset: 5", True), (b"X-None: 1", False)],
)
async def test_a_503_is_a_refusal_if_it_says_when_to_come_back(wait: bytes, refused: bool) -> None:
    """Without a time to wait it is a failure of the server."""
    async with server(response(b"", wait.decode(), status="503 X")) as url:
        with pytest.raises(TransientError) as caught:
            await get(url)
    assert isinstance(caught.value, RateLimitedError) == refused
