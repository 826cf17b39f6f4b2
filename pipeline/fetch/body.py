"""Collecting a response body: inflated under a cap, chunk by chunk, so that a bomb cannot go off."""

import zlib

from pipeline.errors import PermanentError, TransientError

ACCEPT_ENCODING = "gzip, deflate"

# 32 + 15: zlib finds out by itself whether it reads gzip (RFC 1952) or zlib (RFC 1950) framing.
_ANY_FRAMING = 47


class BodyCollector:
    """Puts the chunks of one response together; ``max_bytes`` caps the inflated size.

    ``encoding`` is the response's ``Content-Encoding`` field (RFC 9110, section 8.4).

    Raises:
        PermanentError: when the encoding is none that was asked for.
    """

    def __init__(self, encoding: str | None, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._body = bytearray()
        match (encoding or "identity").strip().lower():
            case "identity":
                self._inflater = None
            case "gzip" | "x-gzip" | "deflate":
                self._inflater = zlib.decompressobj(_ANY_FRAMING)
            case other:
                raise PermanentError(f"the body is encoded as {other!r}, which was not asked for")

    def feed(self, chunk: bytes) -> None:
        """Take the next chunk off the wire.

        Raises:
            PermanentError: when the body grows over the cap, or cannot be inflated.
        """
        room = self._max_bytes - len(self._body) + 1
        if self._inflater is None:
            self._body += chunk[:room]
        else:
            try:
                self._body += self._inflater.decompress(chunk, room)
            except zlib.error as error:
                raise PermanentError(f"the body is no valid gzip: {error}") from None
        if len(self._body) > self._max_bytes:
            raise PermanentError(f"the body is over {self._max_bytes} bytes; see `http.max_body_bytes`")

    def finish(self) -> bytes:
        """The whole body.

        Raises:
            TransientError: when the compressed stream ends too early.
        """
        if self._inflater is not None and self._body and not self._inflater.eof:
            raise TransientError("the body is truncated: its gzip stream has no end")
        return bytes(self._body)
