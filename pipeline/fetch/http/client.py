"""What lies behind an error that a library raised.

One endpoint's HTTP client: the only module that knows httpx, and what its errors mean.

Opens the HTTP clients of a run: one per endpoint, all with the same certificates.
"""

import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import trio

from pipeline.config.http_syntax import basic_credentials, is_loopback
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Http
from pipeline.errors import (
    ConfigError,
    FetchError,
    PermanentError,
    Problem,
    RateLimitedError,
    RedirectedError,
    TransientError,
    UnreachableError,
)
from pipeline.fetch.content.lookup import find_text
from pipeline.fetch.content.response import Response
from pipeline.fetch.http.body import ACCEPT_ENCODING, BodyCollector
from pipeline.fetch.http.hosts import HostPolicy
from pipeline.fetch.http.proxies import Proxies
from pipeline.fetch.policy.backoff import parse_retry_after
from pipeline.fetch.policy.quota import seconds_until_quota


def what_was_said(error: Exception) -> str:
    """What the operating system said where it said something, else the error's own words or name."""
    said = next((e.strerror for e in causes(error) if isinstance(e, OSError) and e.strerror), None)
    return said or str(error) or type(error).__name__


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what it came from, and what is in the groups among them."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from causes(member)
        error = error.__cause__ or error.__context__


_T = TypeVar("_T")

_CLOSING_SECONDS = 1.0  # whatever else is over by then


def make_ssl_context() -> ssl.SSLContext:
    """TLS with verified certificates, for all clients of a run: loading the authorities takes a tenth of a second.

    Raises:
        ConfigError: when the environment names certificates that are not there.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        text = f"cannot read the certificates: {error.strerror or error}; see SSL_CERT_FILE and SSL_CERT_DIR"
        raise ConfigError([Problem("environment", text)]) from error


class Client:
    """Asks one URL for pages, each attempt under its own time limits; an async context manager.

    It uses httpx's transports and no httpx client: that would follow a session of its own (cookies, redirects,
    credentials from URLs), which nobody wants here, and takes 15 % of a request's time for it.

    ``headers`` and ``query`` parameters are the endpoint's own, credentials among them; ``policy`` says who may get
    them, and who may be asked at all when a redirect leads there: nobody else by default. ``transport`` replaces the
    network in tests.
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
        # Sent where the endpoint is and nowhere else.
        self._own_headers = httpx.Headers(self._headers)
        self._own_headers.update(headers)
        if home.userinfo:
            self._own_headers["Authorization"] = f"Basic {basic_credentials(home.username, home.password)}"
        self._policy = policy or HostPolicy(url)
        self._limits = limits
        self._timeout = httpx.Timeout(limits.read_timeout, connect=limits.connect_timeout).as_dict()
        # A proxy from the environment is for other machines.
        self._proxies = Proxies({} if transport or is_loopback(self._url.host) else None)
        self._transports: dict[str | None, httpx.AsyncBaseTransport] = {
            proxy: _open_transport(proxy, ssl_context) for proxy in self._proxies.urls()
        }
        self._transports[None] = transport or _open_transport(None, ssl_context)

    @property
    def is_local(self) -> bool:
        """Whether the URL is one of this machine."""
        return is_loopback(self._url.host)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with trio.move_on_after(_CLOSING_SECONDS, shield=True):
            for transport in self._transports.values():
                await transport.aclose()

    def url_with(self, parameters: Mapping[str, str]) -> str:
        """The endpoint's URL with ``parameters`` merged into its own query string, in the place of those it has."""
        return _merged(self._base, self._own_query, parameters)

    async def get(
        self,
        url: str,
        *,
        token: str | None = None,
        on_sent: Callable[[], None] | None = None,
        on_answered: Callable[[], None] = lambda: None,
    ) -> Response:
        """Make one request, to an absolute ``url`` that is the endpoint's own or one that it led to.

        ``token`` is a bearer token that goes with the other credentials (RFC 6750). ``on_sent`` is called when the
        request goes out: the connection, where one had to be opened, stands then; ``on_answered`` when the head of the
        response is here, whatever its status; following a request so costs time, and is not done without ``on_sent``.

        A cancellation closes the connection and leaves the client usable.

        Raises:
            TransientError: timeouts, resets, truncated or invalid HTTP, 408 and 5xx; RateLimitedError for 429.
            RedirectedError: when the page is somewhere else, and may be asked for there.
            PermanentError: any other status but 2xx, a body that is over the cap or badly encoded, and a URL, or a
                redirect to one, that may not be asked.
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
        """Send a form to a token URL and return the body of the answer; no credentials but those in it go there.

        A cancellation closes the connection and leaves the client usable.

        Raises:
            TransientError: as for :meth:`get`.
            PermanentError: any other status but 2xx, with the error that the body names (RFC 6749, section 5.2).
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
        """Make a request, and read the response while it is open, all within the time limit."""
        try:
            with trio.fail_after(self._limits.total_timeout):
                request = httpx.Request(method, url, extensions={"timeout": self._timeout, **extensions}, **options)
                response = await self._transports[self._proxies.of(url)].handle_async_request(request)
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
            raise self._translated(error, url) from error

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
            reason = find_text(body, "error")
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
            raise PermanentError(f"{text}; it leads to no URL: {error}", code=status) from None
        except PermanentError as error:
            raise PermanentError(f"{text}; {error.text}", code=status) from None
        raise RedirectedError(text, code=status, location=location)

    def _translated(self, error: Exception, url: str) -> FetchError:
        address = _address(url)
        match error:
            case httpx.ConnectError() if any(isinstance(e, ConnectionRefusedError) for e in causes(error)):
                return UnreachableError(f"nothing listens on {address} (connection refused)")
            case httpx.ConnectError():
                return UnreachableError(f"no connection to {address}: {what_was_said(error)}")
            case httpx.ConnectTimeout():
                within = f"{self._limits.connect_timeout:g} s (`http.connect_timeout`)"
                return UnreachableError(f"no connection to {address} within {within}")
            case httpx.TimeoutException():
                return TransientError(f"nothing received for {self._limits.read_timeout:g} s (`http.read_timeout`)")
            case httpx.NetworkError():
                return TransientError(f"the connection broke: {what_was_said(error)}")
            case httpx.RemoteProtocolError() | httpx.ProxyError():
                return TransientError(f"truncated or invalid HTTP: {what_was_said(error)}")
            case _:
                return PermanentError(f"cannot be fetched: {what_was_said(error)}")


def _merged(base: str, query: Sequence[tuple[str, str]], parameters: Mapping[str, str]) -> str:
    pairs = [*(pair for pair in query if pair[0] not in parameters), *parameters.items()]
    return f"{base}?{urlencode(pairs)}" if pairs else base


def _address(url: str) -> str:
    """Host and port, for people."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or {'http': 80, 'https': 443}.get(parts.scheme, 0)}"


def _open_transport(proxy: str | None, ssl_context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    try:
        return httpx.AsyncHTTPTransport(verify=ssl_context, proxy=proxy)
    except (ValueError, ImportError) as error:  # what httpx makes of proxies that it cannot use
        text = f"the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names cannot be used: {error}; correct or unset it"
        raise ConfigError([Problem("environment", text)]) from error


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
    """What opens the client of an endpoint.

    Raises:
        ConfigError: when the environment names certificates that are not there.
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
