"""Collect a response body chunk by chunk, and decompress it under a cap as a guard against compression bombs."""

import zlib
from collections.abc import Mapping
from io import BytesIO

from pipeline.errors import PermanentError, TransientError

# Not deflate: half of the servers that send it omit the zlib framing.
ACCEPT_ENCODING = "gzip"

# 32 + 15: zlib detects gzip (RFC 1952) or zlib (RFC 1950) framing.
ANY_FRAMING = 47

# RFC 1952, section 2.3.1: the first byte of a gzip member.
_GZIP_ID1 = b"\x1f"

# Bytes to decompress at once: zlib holds a piece twice while it joins it.
_STEP = 1 << 20


# Bytes to reserve at most: an announced length may be wrong.
_MOST_RESERVED = 1 << 22


class BodyCollector:
    """A collector for the chunks of one response. ``max_bytes`` caps the decompressed size.

    ``encoding`` is the response's ``Content-Encoding`` field (RFC 9110, section 8.4). ``expected`` is the length that
    the server announces, if any: a buffer that grows is copied with each chunk.

    Raises:
        PermanentError: when the encoding is not supported.
    """

    def __init__(self, encoding: str | None, max_bytes: int, *, expected: int = 0) -> None:
        self._max_bytes = max_bytes
        self._body = BytesIO()  # returns its content without a copy
        self._compressed = False
        match (encoding or "identity").strip().lower():
            case "identity":
                pass
            case "gzip" | "x-gzip" | "deflate":
                self._compressed = True
            case other:
                raise PermanentError(f"the body has the encoding {other!r}, which was not requested; expected gzip")
        if not self._compressed:
            _reserve(self._body, min(expected, max_bytes, _MOST_RESERVED))
        self._members = 0
        self._in_padding = False
        # None between the members of a gzip stream.
        self._inflater: zlib._Decompress | None = None

    def feed(self, chunk: bytes) -> None:
        """Add the next chunk, in the order of arrival.

        Raises:
            PermanentError: when the body exceeds the cap or cannot be decompressed.
        """
        if self._compressed:
            self._inflate(chunk)
        else:
            self._add(chunk[: self._room()])

    def finish(self) -> bytes:
        """Return the whole body.

        Raises:
            TransientError: when the compressed stream ends too early.
        """
        if self._inflater is not None:
            raise TransientError("the body is truncated: its compressed stream ends too early")
        self._body.truncate()  # to what has arrived, if more was reserved
        return self._body.getvalue()

    def _inflate(self, chunk: bytes) -> None:
        may_hold_more = False
        while (chunk or may_hold_more) and not self._in_padding:
            if self._inflater is None:
                # RFC 1952, section 2.2: a gzip stream has one or more members. Anything else after one is padding.
                self._in_padding = self._members > 0 and not chunk.startswith(_GZIP_ID1)
                if self._in_padding:
                    return
                self._inflater = zlib.decompressobj(ANY_FRAMING)
                self._members += 1
            size = min(self._room(), _STEP)
            try:
                piece = self._inflater.decompress(chunk, size)
            except zlib.error as error:
                raise PermanentError(f"the body is not valid gzip: {error}") from None
            self._add(piece)
            may_hold_more = len(piece) == size and not self._inflater.eof
            chunk = self._inflater.unconsumed_tail or self._inflater.unused_data
            if self._inflater.eof:
                self._inflater = None

    def _room(self) -> int:
        """Return the bytes up to the cap and one more, which reveals a body that is too large."""
        return self._max_bytes - self._body.tell() + 1

    def _add(self, piece: bytes) -> None:
        self._body.write(piece)
        if self._body.tell() > self._max_bytes:
            raise PermanentError(f"the body is over {self._max_bytes} bytes; see `http.max_body_bytes`")


def announced_length(headers: Mapping[str, str]) -> int | None:
    """Return the length of a body in bytes, with its encoding, that the head of its response announces."""
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() else None


def _reserve(buffer: BytesIO, size: int) -> None:
    """Make an empty buffer large enough for ``size`` bytes."""
    if size:
        buffer.seek(size - 1)
        buffer.write(b"\0")
        buffer.seek(0)
