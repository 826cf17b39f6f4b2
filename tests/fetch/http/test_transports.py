"""The size of reads: a large body takes few calls."""

import httpcore

import pipeline.fetch.http.transports  # noqa: F401 - sets the size of reads

MIB = 1 << 20


class _FullStream(httpcore.AsyncNetworkStream):
    """A network that has all bytes at once, as many as a read permits."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.reads = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.reads += 1
        chunk, self._content = self._content[:max_bytes], self._content[max_bytes:]
        return chunk

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send nothing."""

    async def aclose(self) -> None:
        """Close nothing."""


async def test_a_mebibyte_takes_few_reads() -> None:
    """A body of 1 MiB takes five reads, since each costs a round of the event loop; httpcore's own size takes 17."""
    stream = _FullStream(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MIB + bytes(MIB))
    connection = httpcore.AsyncHTTP11Connection(httpcore.Origin(b"http", b"api.test", 80), stream)
    response = await connection.request("GET", "http://api.test/")
    assert len(response.content) == MIB
    assert stream.reads == 5
