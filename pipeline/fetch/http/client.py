"""Send the HTTP requests of one endpoint, on top of httpx's transports."""

import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl, urlencode

import httpx
import trio

from pipeline.config.http_syntax import basic_credentials, is_loopback
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Http
from pipeline.errors import FetchError, PermanentError, RateLimitedError, RedirectedError, TransientError
from pipeline.fetch.content.envelope import Envelope, as_text
from pipeline.fetch.content.response import Response
from pipeline.fetch.http.body import ACCEPT_ENCODING, BodyCollector
from pipeline.fetch.http.error_mapping import to_fetch_error
from pipeline.fetch.http.hosts import HostPolicy
from pipeline.fetch.http.proxies import Proxies
from pipeline.fetch.http.transports import Transports, make_ssl_context
from pipeline.fetch.policy.backoff import parse_retry_after
from pipeline.fetch.policy.quota import seconds_until_quota

_T = TypeVar("_T")


class Client:
    """An HTTP client for one endpoint, as an async context manager. Each attempt has its own time limits.

    It uses httpx's transports instead of an httpx client. The latter keeps a session (cookies, redirects, credentials
    from URLs), which this client does not need and which costs 15 % per request.

    ``headers`` and ``query`` parameters belong to the endpoint and include its credentials. ``policy`` decides which
    hosts may be requested, and which of them get the credentials; by default only the endpoint's own host.
    ``transport`` replaces the network in tests.

    Raises:
        ConfigError: when a proxy that the environment names cannot be used.
    """

    def __init__(
        self,
        url: str,
        limits: Http,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        query: Mapping[str, str] = MappingProxyType({}),
        policy: HostPolicy | None = None,
        ssl_context: ssl.SSLContext,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        home = httpx.URL(url)
        self._url = home.copy_with(userinfo=b"")
        self._base = str(self._url.copy_with(query=None, fragment=None))
        self._own_query = parse_qsl(home.query.decode(), keep_blank_values=True)
        self._query = dict(query)
        self._headers = httpx.Headers(
            {
                "Accept": "application/json",
                "Accept-Encoding": ACCEPT_ENCODING,
                "Connection": "keep-alive",
                "User-Agent": limits.user_agent,
            }
        )
        # Sent to the endpoint itself and to no other host.
        self._own_headers = httpx.Headers(self._headers)
        self._own_headers.update(headers)
        if home.userinfo:
            self._own_headers["Authorization"] = f"Basic {basic_credentials(home.username, home.password)}"
        self._policy = policy or HostPolicy(url)
        self._limits = limits
        self._timeout = httpx.Timeout(limits.read_timeout, connect=limits.connect_timeout).as_dict()
        # A proxy from the environment is not meant for this machine.
        proxies = Proxies({} if transport or is_loopback(self._url.host) else None)
        self._transports = Transports(proxies, ssl_context, direct=transport)

    @property
    def is_local(self) -> bool:
        """True if the URL's host is a loopback address."""
        return is_loopback(self._url.host)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._transports.aclose()

    def url_with(self, parameters: Mapping[str, str]) -> str:
        """Return the endpoint's URL with ``parameters`` in its query string; they replace those of the same name."""
        return _merged(self._base, self._own_query, parameters)

    async def get(
        self,
        url: str,
        *,
        token: str | None = None,
        on_sent: Callable[[], None] | None = None,
        on_answered: Callable[[], None] = lambda: None,
    ) -> Response:
        """Send one GET request to an absolute ``url``: the endpoint's own, a next page's or a redirect's.

        ``token`` is a bearer token (RFC 6750) that is sent with the other credentials. ``on_sent`` is called when the
        request leaves, after a connection was opened if necessary. ``on_answered`` is called when the head of the
        response has arrived, for any status. Both cost time and are used only if ``on_sent`` is given.

        If cancelled, the connection is closed and the client remains usable.

        Raises:
            RateLimitedError: for HTTP 429.
            TransientError: for timeouts, resets, truncated or invalid HTTP, 408 and 5xx.
            RedirectedError: when the page is at another URL that may be requested.
            PermanentError: for any other status except 2xx, a body that is over the cap or badly encoded, and a URL or
                redirect target that must not be requested.
        """
        headers = self._headers
        if self._policy.carries_credentials(url):
            headers = self._own_headers
            if token:
                headers = headers.copy()
                headers["Authorization"] = f"Bearer {token}"
            if self._query:
                base, _, query = url.partition("?")
                url = _merged(base, parse_qsl(query, keep_blank_values=True), self._query)
        trace = {"trace": _tracer(on_sent, on_answered)} if on_sent else {}
        return await self._exchange(self._page, "GET", url, headers=headers, extensions=trace)

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> bytes:
        """Send a form to a token URL and return the body of the answer.

        No credentials are sent except those in the form and ``headers``. If cancelled, the connection is closed and the
        client remains usable.

        Raises:
            TransientError: as for :meth:`get`.
            PermanentError: for any other status except 2xx, with the error code in the body (RFC 6749, section 5.2).
        """
        both = self._headers.copy()
        both.update(headers)
        return await self._exchange(self._token_answer, "POST", url, data=dict(form), headers=both)

    async def _exchange(
        self,
        read: Callable[[httpx.Response], Awaitable[_T]],
        method: str,
        url: str,
        *,
        extensions: Mapping[str, Any] = MappingProxyType({}),
        **options: Any,
    ) -> _T:
        """Send a request and read the response while it is open, both within the total time limit."""
        try:
            with trio.fail_after(self._limits.total_timeout):
                request = httpx.Request(method, url, extensions={"timeout": self._timeout, **extensions}, **options)
                response = await self._transports.of(url).handle_async_request(request)
                response.request = request
                try:
                    return await read(response)
                finally:
                    await response.aclose()
        except trio.TooSlowError:
            raise TransientError(
                f"no complete response within {self._limits.total_timeout:g} s (`http.total_timeout`)"
            ) from None
        except FetchError:
            raise
        except Exception as error:
            raise to_fetch_error(error, url, self._limits) from error

    async def _page(self, response: httpx.Response) -> Response:
        self._raise_for_status(response)
        return Response(
            status=response.status_code,
            headers=response.headers,
            body=await self._body(response),
            url=str(response.url),
            next_link=response.links.get("next", {}).get("url"),
        )

    async def _token_answer(self, response: httpx.Response) -> bytes:
        if response.is_redirect:
            raise PermanentError(f"HTTP {response.status_code}, a redirect", code=response.status_code)
        body = await self._body(response)
        try:
            self._raise_for_status(response)
        except PermanentError as error:
            reason = as_text(Envelope(body).value("error"))
            raise PermanentError(f"{error.text}{f': {reason}' if reason else ''}", code=error.code) from None
        return body

    async def _body(self, response: httpx.Response) -> bytes:
        body = BodyCollector(response.headers.get("content-encoding"), self._limits.max_body_bytes)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        async for chunk in response.stream:
            body.feed(chunk)
        return body.finish()

    def _raise_for_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if 200 <= status < 300:
            return
        text = f"HTTP {status} {httpx.codes.get_reason_phrase(status)}".rstrip()
        wait = parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
        if wait is None:
            wait = seconds_until_quota(response.headers, time.time())
        if status == 429:
            raise RateLimitedError(text, code=status, retry_after=wait)
        if status >= 500 or status == 408:
            raise TransientError(text, code=status, retry_after=wait if status == 503 else None)
        if not response.has_redirect_location:
            raise PermanentError(text, code=status)
        try:
            location = str(response.url.join(response.headers["location"]).copy_with(userinfo=b"", fragment=None))
            self._policy.carries_credentials(location)
        except httpx.InvalidURL as error:
            raise PermanentError(f"{text}; it leads to an invalid URL: {error}", code=status) from None
        except PermanentError as error:
            raise PermanentError(f"{text}; {error.text}", code=status) from None
        raise RedirectedError(text, code=status, location=location)


def _merged(base: str, query: Sequence[tuple[str, str]], parameters: Mapping[str, str]) -> str:
    pairs = [*(pair for pair in query if pair[0] not in parameters), *parameters.items()]
    return f"{base}?{urlencode(pairs)}" if pairs else base


def _tracer(
    on_sent: Callable[[], None], on_answered: Callable[[], None]
) -> Callable[[str, Mapping[str, object]], Awaitable[None]]:
    async def trace(event: str, _: Mapping[str, object]) -> None:  # noqa: ASYNC124 - httpcore awaits it
        if event.endswith("send_request_headers.started"):
            on_sent()
        elif event.endswith("receive_response_headers.complete"):
            on_answered()

    return trace


Connect = Callable[[ResolvedEndpoint], Client]


def connector() -> Connect:
    """Return a function that opens the client of an endpoint; all its clients share one TLS context.

    Raises:
        ConfigError: when the certificates that the environment names cannot be read.
    """
    ssl_context = make_ssl_context()
    return lambda endpoint: Client(
        endpoint.url,
        endpoint.http,
        headers={**endpoint.headers, **endpoint.credentials.headers},
        query=endpoint.credentials.query,
        policy=HostPolicy(endpoint.url, endpoint.allow_hosts, endpoint.secrets),
        ssl_context=ssl_context,
    )
