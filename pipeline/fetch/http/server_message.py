"""Read the message in the body of an error response: the server's own words on what is wrong."""

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

import httpx
import msgspec
import trio

from pipeline.fetch.http.body import ANY_FRAMING

# A longer body, in bytes before or after decompression, is not a message.
LONGEST_BODY = 16_384

# The limit for reading such a body, in seconds.
_SECONDS = 1.0

# The maximum length of a quoted message, in characters.
LONGEST_MESSAGE = 200

# The usual keys of a message, in order of preference. Problem details (RFC 9457) have `detail` and `title`, JSON:API
# and Shopify have `errors`, OAuth 2 (RFC 6749) has `error_description`, and FastAPI has a list of objects with `msg`.
_KEYS = ("message", "error_description", "error", "detail", "title", "msg", "errors")

# The maximum depth of a message: `errors[0].detail` is 3 levels deep, one more than `error.message`.
_DEPTH = 4


async def read_message(response: httpx.Response, *, redact: Callable[[str], str]) -> str | None:
    """Return the message in the body of an error response; None if there is none, or if it does not arrive in time.

    A redirect has none. If cancelled, the response is left as it is.
    """
    if response.has_redirect_location:
        return None
    body = bytearray()
    assert isinstance(response.stream, httpx.AsyncByteStream)
    with trio.move_on_after(_SECONDS), suppress(httpx.HTTPError):
        async for chunk in response.stream:
            body += chunk
            if len(body) > LONGEST_BODY:
                return None
        return server_message(bytes(body), response.headers.get("content-encoding"), redact=redact)
    return None


def server_message(
    body: bytes, encoding: str | None = None, *, redact: Callable[[str], str] = lambda text: text
) -> str | None:
    """Return the message in the body of an error, or None if there is none. Any bytes are accepted.

    It is a member of a JSON object, or the whole text if that is neither JSON nor HTML. ``encoding`` is the response's
    ``Content-Encoding``. ``redact`` removes secrets. The message has no control characters, and at most 200 characters.
    """
    if (encoding or "identity").strip().lower() != "identity":
        try:
            body = zlib.decompressobj(ANY_FRAMING).decompress(body, LONGEST_BODY + 1)
        except zlib.error:
            return None
    if len(body) > LONGEST_BODY:
        return None
    try:
        found = next(_messages(msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf")), _DEPTH), None)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _plain(body)
    # Control characters may be part of a secret, or hide one. A cut would hide what is left of one.
    message = redact(_clean(redact(found or "")))
    return (message if len(message) <= LONGEST_MESSAGE else f"{message[: LONGEST_MESSAGE - 1]}…") or None


def _messages(value: object, depth: int) -> Iterator[str]:
    """Yield the texts at the usual places; those in lists and in objects with other keys only within `errors`."""
    if isinstance(value, str):
        if value.strip():
            yield value
    elif isinstance(value, list) and value and depth:
        yield from _messages(value[0], depth - 1)
    elif isinstance(value, dict) and depth:
        for key in _KEYS:
            if key in value:
                yield from _messages(value[key], depth - 1)
        if depth < _DEPTH:  # such as `{"errors": {"page": ["is too large"]}}`
            yield from (text for inner in value.values() for text in _messages(inner, depth - 1))


def _plain(body: bytes) -> str | None:
    """Return a body that is not JSON as text, unless it is HTML or XML, JSON that is broken, or binary."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return None if text.lstrip("\ufeff \t\r\n").startswith(("<", "{", "[")) else text


def _clean(text: str) -> str:
    return "".join(character for character in " ".join(text.split()) if character.isprintable())
