"""Send the HTTP requests of one endpoint, on top of httpx's transports."""

import math
import ssl
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl

import httpx
import trio

from pipeline.config.endpoint import Http
from pipeline.config.http_syntax import is_loopback
from pipeline.config.request import NO_REQUEST, BodyFormat, Request
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.errors import FeedFoundError, FetchError, PermanentError, PipelineError, TransientError
from pipeline.fetch.content.envelope import Envelope, as_text
from pipeline.fetch.content.response import Response
from pipeline.fetch.feed.formats import recognise_format
from pipeline.fetch.http.body import BodyCollector, announced_length
from pipeline.fetch.http.error_mapping import is_disconnect, to_fetch_error, to_status_error
from pipeline.fetch.http.graphql import check_errors
from pipeline.fetch.http.headers import RequestHeaders, merged
from pipeline.fetch.http.hosts import HostPolicy
from pipeline.fetch.http.proxies import Proxies
from pipeline.fetch.http.request_body import RequestBody
from pipeline.fetch.http.server_message import read_message
from pipeline.fetch.http.stream import NOT_MODIFIED, StreamedResponse, opened_file
from pipeline.fetch.http.trace import RequestTrace
from pipeline.fetch.http.transports import Transports, make_ssl_context

_T = TypeVar("_T")


class Client:
    """An HTTP client for one endpoint, as an async context manager. Each attempt has its own time limits.

    It uses httpx's transports instead of an httpx client. The latter keeps a session (cookies, redirects, credentials
    from URLs), which this client does not need and which costs 15 % per request.

    ``request`` is the method and the body of all requests. With ``is_json`` no response is taken for a feed.
    ``headers`` and ``query`` parameters belong to the endpoint and include its credentials. ``sign`` returns further
    headers for the URL of a request, which are sent with the credentials. ``policy`` decides which hosts may be
    requested, and which of them get the credentials; by default only the endpoint's own host. ``redact`` removes
    secrets from a server's messages. ``transport`` replaces the network in tests.

    Raises:
        ConfigError: when a proxy that the environment names cannot be used.
    """

    def __init__(
        self,
        url: str,
        limits: Http,
        *,
        request: Request = NO_REQUEST,
        is_json: bool = False,
        headers: Mapping[str, str] = MappingProxyType({}),
        query: Mapping[str, str] = MappingProxyType({}),
        sign: Callable[[str], Mapping[str, str]] | None = None,
        policy: HostPolicy | None = None,
        redact: Callable[[str], str] = str,
        ssl_context: ssl.SSLContext,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        home = httpx.URL(url)
        self._url = home.copy_with(userinfo=b"")
        self._base = str(self._url.copy_with(query=None, fragment=None))
        self._own_query = parse_qsl(home.query.decode(), keep_blank_values=True)
        self._method = request.method
        self._is_json = is_json
        self._is_graphql = request.is_graphql
        self._body_of_page = RequestBody(request)
        self._policy = policy or HostPolicy(url)
        self._headers = RequestHeaders(
            home,
            user_agent=limits.user_agent,
            media_type=self._body_of_page.media_type,
            own=headers,
            query=query,
            sign=sign,
            policy=self._policy,
        )
        self._redact = redact
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
        return merged(self._base, self._own_query, parameters)

    async def fetch(
        self,
        url: str,
        *,
        body: Mapping[str, str | int] = MappingProxyType({}),
        token: str | None = None,
        on_sent: Callable[[], None] = lambda: None,
        on_answered: Callable[[], None] = lambda: None,
    ) -> Response:
        """Send one request to an absolute ``url``: the endpoint's own, a next page's or a redirect's.

        ``body`` maps places in the request's body to values of this page. ``token`` is a bearer token (RFC 6750), sent
        with the other credentials. ``on_sent`` is called when the request leaves, after a connection was opened if
        necessary. It is called again if the server has closed a kept-alive connection and the request leaves on a new
        one. ``on_answered`` is called when the head of the response has arrived, for any status.

        If cancelled, the connection is closed and the client remains usable.

        Raises:
            RateLimitedError: for HTTP 429, and for 503 with a time to wait.
            TransientError: for timeouts, resets, truncated or invalid HTTP, 408 and other 5xx.
            RedirectedError: when the page is at another URL that may be requested.
            PermanentError: for any other status except 2xx, a body over the cap or badly encoded, and a URL or redirect
                target that must not be requested.
        """
        content = self._body_of_page.filled(body)
        url, headers = self._prepared(url, token, content)
        trace = RequestTrace(on_sent, on_answered)
        return await self._exchange(self._page, self._method.value, url, trace=trace, headers=headers, content=content)

    async def stream(
        self,
        url: str,
        *,
        consume: Callable[[StreamedResponse], Awaitable[None]],
        headers: Mapping[str, str] = MappingProxyType({}),
        token: str | None = None,
        on_sent: Callable[[], None] = lambda: None,
        on_answered: Callable[[], None] = lambda: None,
    ) -> StreamedResponse:
        """Send one request with further ``headers``, let ``consume`` read the response, and return its head.

        The limits of a whole response, its total time and its size, do not apply. A ``file:///`` URL is read from disk.
        The other parameters are those of :meth:`fetch`. If cancelled, the connection is closed.

        Raises:
            FetchError: as for :meth:`fetch`, also while the response is read.
        """
        if url.startswith("file:"):
            on_sent()
            async with opened_file(url, unless=headers.get("If-None-Match")) as response:
                on_answered()
                await consume(response)
                return response
        content = self._body_of_page.filled({})
        url, own = self._prepared(url, token, content)
        both = own.copy()
        both.update(headers)
        trace = RequestTrace(on_sent, on_answered)

        async def read(response: httpx.Response) -> StreamedResponse:
            is_unchanged = response.status_code == NOT_MODIFIED and bool(headers)
            if not (response.is_success or is_unchanged):
                raise await self._status_error(response)
            streamed = StreamedResponse.of(response)
            await consume(streamed)
            return streamed

        return await self._exchange(
            read, self._method.value, url, trace=trace, within=math.inf, headers=both, content=content
        )

    def _prepared(self, url: str, token: str | None, content: bytes | None) -> tuple[str, httpx.Headers]:
        """Return the URL and the headers to send, with credentials if the URL is the endpoint's own."""
        text = (content or b"").decode()
        try:
            return self._headers.for_request(url, token=token, holds_secret=self._redact(text) != text)
        except httpx.InvalidURL as error:
            raise to_fetch_error(error, url, self._limits) from error

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> bytes:
        """Send a form to a token URL and return the body of the answer.

        No credentials are sent except those in the form and ``headers``. If cancelled, the connection is closed and the
        client remains usable.

        Raises:
            TransientError: as for :meth:`fetch`.
            PermanentError: for any other status except 2xx, with the error code in the body (RFC 6749, section 5.2).
        """
        both = self._headers.common.copy()
        both.update(headers)
        return await self._exchange(
            self._token_answer, "POST", url, trace=RequestTrace(), data=dict(form), headers=both
        )

    async def _exchange(
        self,
        read: Callable[[httpx.Response], Awaitable[_T]],
        method: str,
        url: str,
        *,
        trace: RequestTrace,
        within: float | None = None,
        **options: Any,
    ) -> _T:
        """Send a request and read the response while it is open, both within the total time limit."""
        try:
            with trio.fail_after(self._limits.total_timeout if within is None else within):
                extensions = {"timeout": self._timeout, "trace": trace}
                request = httpx.Request(method, url, extensions=extensions, **options)
                response = await self._send(request, url, trace)
                try:
                    return await read(response)
                finally:
                    await response.aclose()
        except trio.TooSlowError:
            raise TransientError(
                f"no complete response within {self._limits.total_timeout:g} s (`http.total_timeout`)"
            ) from None
        except PipelineError:
            raise
        except Exception as error:
            raise to_fetch_error(error, url, self._limits) from error

    async def _send(self, request: httpx.Request, url: str, trace: RequestTrace) -> httpx.Response:
        """Send a request; once more if it met a kept-alive connection that the server has closed.

        RFC 9112, section 9.3.1: a client may repeat a request at once in that case, which is a race, not a failure.
        """
        transport = self._transports.of(url)
        try:
            response = await transport.handle_async_request(request)
        except httpx.TransportError as error:
            if not (is_disconnect(error) and trace.reuses_connection):
                raise
            response = await transport.handle_async_request(request)
        response.request = request
        return response

    async def _page(self, response: httpx.Response) -> Response:
        if not response.is_success:
            raise await self._status_error(response)
        body = await self._body(response, check=partial(self._check_format, response))
        self._is_json = self._is_json or body[:1] in (b"{", b"[")  # the next pages are not feeds either
        page = Response(
            status=response.status_code,
            headers=response.headers,
            body=body,
            url=str(response.url),
            next_link=response.links.get("next", {}).get("url"),
        )
        if self._is_graphql:
            page.incomplete = check_errors(page.envelope, redact=self._redact)
        return page

    async def _token_answer(self, response: httpx.Response) -> bytes:
        if response.is_redirect:
            raise PermanentError(f"HTTP {response.status_code}, a redirect", code=response.status_code)
        body = await self._body(response)
        try:
            if not response.is_success:
                raise to_status_error(response, None, self._policy)
        except PermanentError as error:
            reason = as_text(Envelope(body).value("error"))
            raise PermanentError(f"{error.text}{f': {reason}' if reason else ''}", code=error.code) from None
        return body

    async def _body(self, response: httpx.Response, *, check: Callable[[bytes], None] = lambda start: None) -> bytes:
        """Read a body; ``check`` is called with its first chunk."""
        encoding = response.headers.get("content-encoding")
        body = BodyCollector(encoding, self._limits.max_body_bytes, expected=announced_length(response.headers) or 0)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        is_first = True
        async for chunk in response.stream:
            if is_first:
                check(chunk)
                is_first = False
            body.feed(chunk)
        return body.finish()

    def _check_format(self, response: httpx.Response, start: bytes) -> None:
        if self._is_json:
            return
        media_type = response.headers.get("content-type")
        if found := recognise_format(media_type, response.url.path, start):
            text = f"the response is {found.value.upper()}; set `format: {found.value}` (docs/FEEDS.md)"
            raise FeedFoundError(text, format=found.value)

    async def _status_error(self, response: httpx.Response) -> FetchError:
        return to_status_error(response, await read_message(response, redact=self._redact), self._policy)


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
        request=endpoint.request,
        is_json=endpoint.format is BodyFormat.JSON,
        headers={**endpoint.headers, **endpoint.credentials.headers},
        query=endpoint.credentials.query,
        sign=endpoint.credentials.sign,
        policy=HostPolicy(endpoint.url, endpoint.allow_hosts, endpoint.secrets),
        redact=endpoint.secrets.redact,
        ssl_context=ssl_context,
    )
