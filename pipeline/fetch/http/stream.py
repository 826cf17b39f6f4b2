"""A response that is read as a stream: from an HTTP server, or from a file."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BufferedReader
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import msgspec
import trio

from pipeline.errors import PermanentError
from pipeline.fetch.http.body import announced_length
from pipeline.model.pages import Validators

NOT_MODIFIED = 304

_CHUNK = 1 << 18


class StreamedResponse(msgspec.Struct, frozen=True):
    """The head of a response, and its body in chunks, with the Content-Encoding that it has.

    ``length`` is the size that the server announces, None if it does not. ``is_framed`` is True if the transport shows
    whether the body is whole (RFC 9112, section 8).
    """

    status: int
    headers: httpx.Headers
    url: str
    chunks: AsyncIterator[bytes]
    validators: Validators
    length: int | None
    is_framed: bool

    @classmethod
    def of(cls, response: httpx.Response) -> "StreamedResponse":
        """Return the stream of an open response."""
        assert isinstance(response.stream, httpx.AsyncByteStream)
        headers = response.headers
        return cls(
            status=response.status_code,
            headers=headers,
            url=str(response.url),
            chunks=aiter(response.stream),
            validators=Validators(headers.get("etag"), headers.get("last-modified")),
            length=announced_length(headers),
            is_framed=bool(headers.get("content-length"))
            or "transfer-encoding" in headers
            or response.http_version == "HTTP/2",
        )


def path_of(url: str) -> Path:
    """Return the path of a file, given its ``file:///`` URL (RFC 8089)."""
    return Path(unquote(urlsplit(url).path))


@asynccontextmanager
async def opened_file(url: str, *, unless: str | None = None) -> AsyncIterator[StreamedResponse]:
    """Open a file, given its ``file:///`` URL, and close it at the end.

    If its validator is ``unless``, the status is 304.

    Raises:
        PermanentError: if the file cannot be read.
    """
    path = path_of(url)
    try:
        file = await trio.open_file(path, "rb")
    except OSError as error:
        raise PermanentError(f"{path} cannot be read: {error.strerror}; check `url`") from None
    async with file:
        stat = await trio.Path(path).stat()
        etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        yield StreamedResponse(
            status=NOT_MODIFIED if etag == unless else 200,
            headers=httpx.Headers(),
            url=url,
            chunks=_chunks(file),
            validators=Validators(etag),
            length=stat.st_size,
            is_framed=True,
        )


async def _chunks(file: trio._file_io.AsyncIOWrapper[BufferedReader]) -> AsyncIterator[bytes]:
    while chunk := await file.read(_CHUNK):
        yield chunk
