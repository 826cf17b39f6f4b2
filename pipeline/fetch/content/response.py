"""A successful response, and the page in it."""

from collections.abc import Collection, Mapping
from urllib.parse import urljoin, urlsplit

import msgspec

from pipeline.config.record_paths import IN_BODY
from pipeline.fetch.content.envelope import Envelope


class Response(msgspec.Struct):
    """A successful response: its status (2xx), its headers (any case) and the whole body, decompressed.

    ``url`` is the URL requested last. ``next_link`` is the target of a Link header with ``rel="next"`` (RFC 8288).
    ``incomplete`` is the server's message about data that are missing from the body, None if none are.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    next_link: str | None = None
    incomplete: str | None = None
    _envelope: Envelope | None = None

    @property
    def envelope(self) -> Envelope:
        """The members of the body around the records."""
        if self._envelope is None:
            self._envelope = Envelope(self.body)
        return self._envelope

    def absolute(self, reference: str) -> str | None:
        """Resolve a reference within this response (RFC 3986, section 5); return None if it is not a usable URL."""
        try:
            url = urljoin(self.url, reference.strip())
            parts = urlsplit(url)
            usable = (
                parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
            )
        except ValueError:  # brackets, ports and characters that no URL may have
            return None
        return url if usable else None


def shared_values(response: Response, paths: Collection[str]) -> Mapping[str, msgspec.Raw]:
    """Return the values at paths in the whole body (``$body.shop.currency``), copied, so that the body may go."""
    if not paths:
        return {}
    values = {path: response.envelope.raw(path.removeprefix(IN_BODY)) for path in paths}
    return {path: msgspec.Raw(bytes(value)) for path, value in values.items() if value is not None}


class FetchedPage(msgspec.Struct, frozen=True):
    """A page that arrived: its records (views into the response) and the response.

    ``latency`` is the time in seconds from sending the request, on an open connection, to the last byte.
    ``records_path`` is the path at which the records were found, None before any were.
    """

    records: list[msgspec.Raw]
    response: Response
    latency: float = 0.0
    records_path: str | None = None
