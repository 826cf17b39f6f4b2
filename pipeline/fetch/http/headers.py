"""The headers of an endpoint's requests, and the credentials that only its own host gets."""

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import parse_qsl, urlencode

import httpx

from pipeline.config.http_syntax import basic_credentials
from pipeline.errors import PermanentError
from pipeline.fetch.http.body import ACCEPT_ENCODING
from pipeline.fetch.http.hosts import HostPolicy
from pipeline.redaction import shown_url

# Some servers send JSON only under another media type (JSON:API, HAL), and refuse a request that does not accept it.
ACCEPT = "application/json, application/*+json;q=0.9, */*;q=0.1"


class RequestHeaders:
    """The headers that are sent to any host as ``common``, and those with credentials that its own host gets as well.

    ``home`` is the endpoint's URL, which may contain a user and a password. ``own`` headers and ``query`` parameters
    are for the endpoint's host, and ``sign`` returns further ones for the URL of a request. ``policy`` decides which
    hosts get them.
    """

    def __init__(
        self,
        home: httpx.URL,
        *,
        user_agent: str,
        media_type: str | None,
        own: Mapping[str, str],
        query: Mapping[str, str],
        sign: Callable[[str], Mapping[str, str]] | None,
        policy: HostPolicy,
    ) -> None:
        self.common = httpx.Headers(
            {
                "Accept": ACCEPT,
                "Accept-Encoding": ACCEPT_ENCODING,
                "Connection": "keep-alive",
                "User-Agent": user_agent,
            }
        )
        if media_type:
            self.common["Content-Type"] = media_type
        self._own = httpx.Headers(self.common)
        self._own.update(own)
        if home.userinfo:
            self._own["Authorization"] = f"Basic {basic_credentials(home.username, home.password)}"
        self._query = dict(query)
        self._sign = sign
        self._policy = policy

    def for_request(self, url: str, *, token: str | None, holds_secret: bool) -> tuple[str, httpx.Headers]:
        """Return the URL and the headers to send; ``token`` is a bearer token (RFC 6750).

        Raises:
            PermanentError: if the URL must not be requested. If the body ``holds_secret``, no other host may be.
        """
        if not self._policy.carries_credentials(url):
            if holds_secret:
                raise PermanentError(f"{shown_url(url)} is on another host, and the body has a credential")
            return url, self.common
        headers = self._own
        if token:
            headers = headers.copy()
            headers["Authorization"] = f"Bearer {token}"
        if self._query:
            base, _, query = url.partition("?")
            url = merged(base, parse_qsl(query, keep_blank_values=True), self._query)
        if self._sign:
            headers = headers.copy()
            headers.update(self._sign(str(httpx.URL(url))))
        return url, headers


def merged(base: str, query: Sequence[tuple[str, str]], parameters: Mapping[str, str]) -> str:
    """Return a URL with a query string in which ``parameters`` replace those of the same name."""
    pairs = [*(pair for pair in query if pair[0] not in parameters), *parameters.items()]
    return f"{base}?{urlencode(pairs)}" if pairs else base
