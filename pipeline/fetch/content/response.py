"""What a page came as."""

from collections.abc import Mapping
from urllib.parse import urljoin

import msgspec


class Response(msgspec.Struct, frozen=True):
    """A successful response: its status (2xx), its headers (any case) and the whole body, inflated.

    ``url`` is where it came from; ``next_link`` the target of a Link header with ``rel="next"`` (RFC 8288), if any.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    next_link: str | None = None

    def absolute(self, reference: str) -> str:
        """The URL that a reference within this response means (RFC 3986, section 5)."""
        return urljoin(self.url, reference)
