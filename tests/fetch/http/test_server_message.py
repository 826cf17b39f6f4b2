"""Errors quote what the server says, and nothing else of its answer."""

import gzip
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
import trio
from helpers.support import NO_TLS, reply
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.endpoint import Http
from pipeline.errors import FetchError, PermanentError
from pipeline.fetch.http.client import Client
from pipeline.fetch.http.server_message import LONGEST_BODY, LONGEST_MESSAGE, server_message
from pipeline.redaction import Secrets

MEDUSA = {"type": "not_allowed", "message": "Publishable API key required in the request header"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (MEDUSA, "Publishable API key required in the request header"),
        ({"error": "Rate limit exceeded: 5 per 1 second"}, "Rate limit exceeded: 5 per 1 second"),
        ({"error": {"code": 400, "message": "bad key"}}, "bad key"),
        ({"data": None, "error": {"status": 400, "name": "ValidationError", "message": "no"}}, "no"),
        ({"detail": "Invalid page."}, "Invalid page."),
        ({"detail": [{"loc": ["query", "page"], "msg": "too small"}]}, "too small"),
        ({"title": "Not allowed", "status": 403}, "Not allowed"),
        ({"errors": [{"status": "406", "title": "Not Acceptable", "detail": "use JSON:API"}]}, "use JSON:API"),
        ({"errors": "Not Found"}, "Not Found"),
        ({"errors": {"page": ["is too large"]}}, "is too large"),
        ({"error": "invalid_client", "error_description": "unknown client"}, "unknown client"),
        ({"message": "", "error": "the other one"}, "the other one"),
        ({"message": 7, "code": "x"}, None),
        ({"products": ["a text"]}, None),
        (["first"], "first"),
        ("quoted", "quoted"),
        ([], None),
        (None, None),
    ],
)
def test_the_message_is_found_at_its_usual_places(body: object, message: str | None) -> None:
    """Frameworks name it differently, and some nest it."""
    assert server_message(msgspec.json.encode(body)) == message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"slow down,\r\n\tplease\x1b[2J\x00", "slow down, please[2J"),
        (b'\xef\xbb\xbf{"message": "with a BOM"}', "with a BOM"),
        (b"<html><h1>429 Too Many Requests</h1></html>", None),
        (b"  <?xml version='1.0'?><e/>", None),
        (b'{"message": "broken', None),
        (b"\xff\xfe\x00", None),
        (b"", None),
        (b" \n", None),
        (b"x" * (LONGEST_BODY + 1), None),
    ],
)
def test_plain_text_is_quoted_and_pages_are_not(body: bytes, message: str | None) -> None:
    """Line breaks become spaces, control characters disappear, and HTML, broken JSON and binary data are ignored."""
    assert server_message(body) == message


def test_a_compressed_message_is_read_within_the_same_bounds() -> None:
    """A compression bomb is no message, and neither is what cannot be decompressed."""
    assert server_message(gzip.compress(b"too fast"), "gzip") == "too fast"
    assert server_message(gzip.compress(b"x" * 10_000_000), "gzip") is None
    assert server_message(b"too fast", "gzip") is None
    assert server_message(b"too fast", "br") is None


@given(st.binary(max_size=300), st.sampled_from([None, "gzip", "identity", "?"]))
def test_no_body_is_too_strange(body: bytes, encoding: str | None) -> None:
    """Any bytes give None or a printable text of at most 200 characters."""
    check(server_message(body, encoding))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["message", "error", "errors", "detail", "title", "x"]), inner, max_size=4),
    ),
)


@given(JSON)
def test_no_json_is_too_strange(body: object) -> None:
    """The same holds for any JSON, however its members are called and nested."""
    check(server_message(msgspec.json.encode(body)))


def test_deep_nesting_is_no_crash() -> None:
    """A body of brackets alone has no message."""
    assert server_message(b"[" * 10_000 + b"]" * 10_000) is None


def check(message: str | None) -> None:
    assert message is None or (0 < len(message) <= LONGEST_MESSAGE and message.isprintable())


async def error_of(answer: httpx.Response, secrets: Secrets | None = None) -> FetchError:
    url = "http://shop.test/p"
    redact = secrets.redact if secrets else str
    transport = httpx.MockTransport(lambda _: answer)
    async with Client(url, Http(), redact=redact, ssl_context=NO_TLS, transport=transport) as client:
        with pytest.raises(FetchError) as caught:
            await client.fetch(url)
    return caught.value


async def test_an_error_quotes_the_server() -> None:
    """The message follows the status."""
    error = await error_of(reply(400, msgspec.json.encode(MEDUSA)))
    assert isinstance(error, PermanentError)
    assert error.text == "HTTP 400 Bad Request: Publishable API key required in the request header"


@pytest.mark.parametrize("spelling", ["s3cr3t-k3y", "s3cr3t\x07-k3y", "s3cr3t%2Dk3y"])
async def test_a_quotation_has_no_secrets(spelling: str) -> None:
    """A server may repeat the credentials, also with control characters in them or where the message is cut."""
    for text in (f"invalid key {spelling}", "x" * (LONGEST_MESSAGE - 5) + spelling):
        error = await error_of(reply(400, msgspec.json.encode({"error": text})), Secrets({"s3cr3t-k3y": "${KEY}"}))
        assert "s3cr" not in error.text
        assert "k3y" not in error.text


@pytest.mark.virtual_time
@pytest.mark.parametrize("pause", [0.0, 0.4, 100.0])
async def test_an_error_does_not_wait_long_for_its_message(pause: float) -> None:
    """A body that drips, hangs or never ends costs a second at the most, and the error keeps its status."""

    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 1000
                await trio.sleep(pause)

    error = await error_of(httpx.Response(429, stream=Drip()))
    assert (error.code, error.text) == (429, "HTTP 429 Too Many Requests")
    assert trio.current_time() <= 1


async def test_an_error_whose_body_breaks_off_keeps_its_status() -> None:
    """A reset while the message is read is not another failure."""

    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"x"
            raise httpx.ReadError("reset")

    assert (await error_of(httpx.Response(500, stream=Broken()))).text == "HTTP 500 Internal Server Error"
