"""Collecting a response body: inflated under a cap, chunk by chunk, so that a bomb cannot go off."""

import zlib

from pipeline.errors import PermanentError, TransientError

# Not deflate: half of the servers that send it leave out its framing.
ACCEPT_ENCODING = "gzip"

# 32 + 15: zlib finds out by itself whether it reads gzip (RFC 1952) or zlib (RFC 1950) framing.
_ANY_FRAMING = 47

# RFC 1952, section 2.3.1: the first byte of a gzip member.
_GZIP_ID1 = b"\x1f"


class BodyCollector:
    """Puts the chunks of one response together; ``max_bytes`` caps the inflated size.

    ``encoding`` is the response's ``Content-Encoding`` field (RFC 9110, section 8.4).

    Raises:
        PermanentError: when the encoding is none that was asked for.
    """

    def __init__(self, encoding: str | None, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._body = bytearray()
        self._compressed = False
        match (encoding or "identity").strip().lower():
            case "identity":
                pass
            case "gzip" | "x-gzip" | "deflate":
                self._compressed = True
            case other:
                raise PermanentError(f"the body is encoded as {other!r}, which was not asked for")
        self._members = 0
        self._in_padding = False
        # None between the members of a gzip stream.
        self._inflater: zlib._Decompress | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next chunk off the wire.

        Raises:
            PermanentError: when the body grows over the cap, or cannot be inflated.
        """
        if self._compressed:
            self._inflate(chunk)
        else:
            self._body += chunk[: self._room()]
        self._check_size()

    def finish(self) -> bytes:
        """The whole body.

        Raises:
            TransientError: when the compressed stream ends too early.
        """
        if self._inflater is not None:
            raise TransientError("the body is truncated: its compressed stream has no end")
        return bytes(self._body)

    def _inflate(self, chunk: bytes) -> None:
        while chunk and not self._in_padding:
            if self._inflater is None:
                # RFC 1952, section 2.2: a gzip stream is one member or several. What else follows one is padding.
                self._in_padding = self._members > 0 and not chunk.startswith(_GZIP_ID1)
                if self._in_padding:
                    return
                self._inflater = zlib.decompressobj(_ANY_FRAMING)
                self._members += 1
            try:
                self._body += self._inflater.decompress(chunk, self._room())
            except zlib.error as error:
                raise PermanentError(f"the body is no valid gzip: {error}") from None
            self._check_size()
            chunk = self._inflater.unused_data
            if self._inflater.eof:
                self._inflater = None

    def _room(self) -> int:
        """One byte more than there is room for: that one tells that the body is too large."""
        return self._max_bytes - len(self._body) + 1

    def _check_size(self) -> None:
        if len(self._body) > self._max_bytes:
            raise PermanentError(f"the body is over {self._max_bytes} bytes; see `http.max_body_bytes`")
