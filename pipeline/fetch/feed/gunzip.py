"""Decompress a feed step by step, so that a compression bomb needs no memory."""

import zlib
from collections.abc import Iterator

from pipeline.errors import PermanentError, TruncatedFeedError

# RFC 1952, section 2.3.1: the first bytes of a gzip member.
MAGIC = b"\x1f\x8b"

# 16 + 15: zlib expects gzip framing, with any window.
_GZIP = 31
_STEP = 1 << 16


class Gunzip:
    """A decompressor that passes on a feed as it is, unless its first bytes are those of gzip (RFC 1952)."""

    def __init__(self) -> None:
        self._start: bytes | None = b""
        self._is_gzip = False
        self._inflater: zlib._Decompress | None = None
        self._in_padding = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the content of the next chunk, in pieces of at most 64 KiB if it is compressed.

        Raises:
            PermanentError: if it cannot be decompressed.
        """
        if self._start is not None:
            chunk = self._start + chunk
            if len(chunk) < len(MAGIC):
                self._start = chunk
                return
            self._start, self._is_gzip = None, chunk.startswith(MAGIC)
        if self._is_gzip:
            yield from self._inflate(chunk)
        elif chunk:
            yield chunk

    def finish(self) -> bytes:
        """Return what is left at the end.

        Raises:
            TruncatedFeedError: if the compressed data is cut off.
        """
        if self._inflater is not None or self._start == MAGIC[:1]:
            raise TruncatedFeedError("the compressed feed is cut off")
        return self._start or b""

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inflater is None:
                data = data.lstrip(b"\0") if self._in_padding else data
                if not data:
                    return
                self._inflater = zlib.decompressobj(_GZIP)
            try:
                piece = self._inflater.decompress(data, _STEP)
            except zlib.error as error:
                raise PermanentError(f"the feed cannot be decompressed: {error}") from None
            if piece:
                yield piece
            if self._inflater.eof:  # another member may follow, or padding (RFC 1952, section 2.2)
                data, self._inflater, self._in_padding = self._inflater.unused_data, None, True
            else:
                data = self._inflater.unconsumed_tail
