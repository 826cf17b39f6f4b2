"""Map the exceptions of httpx, and statuses other than 2xx, to the errors of this program."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx

from pipeline.config.endpoint import Http
from pipeline.config.http_syntax import host_and_port
from pipeline.config.request import Method
from pipeline.errors import (
    FetchError,
    PermanentError,
    RateLimitedError,
    RedirectedError,
    TransientError,
    UnreachableError,
)
from pipeline.fetch.http.hosts import HostPolicy
from pipeline.fetch.policy.backoff import parse_retry_after
from pipeline.fetch.policy.quota import seconds_until_quota
from pipeline.redaction import shown_url

# RFC 9110, section 15.4: a client may repeat a POST as a GET after the other redirects.
_KEEP_METHOD = frozenset({307, 308})


def to_fetch_error(error: Exception, url: str, limits: Http) -> FetchError:
    """Return the error for an exception that a request for ``url`` raised.

    Failed connections and broken transfers are transient. Everything else is permanent, since the same request would
    fail again.
    """
    address = host_and_port(url)
    match error:
        case httpx.ConnectError() if any(isinstance(e, ConnectionRefusedError) for e in _causes(error)):
            return UnreachableError(f"nothing listens on {address} (connection refused)")
        case httpx.ConnectError():
            return UnreachableError(f"no connection to {address}: {_reason(error)}")
        case httpx.ConnectTimeout():
            within = f"{limits.connect_timeout:g} s (`http.connect_timeout`)"
            return UnreachableError(f"no connection to {address} within {within}")
        case httpx.TimeoutException():
            return TransientError(f"nothing received for {limits.read_timeout:g} s (`http.read_timeout`)")
        case httpx.NetworkError():
            return TransientError(f"the connection broke: {_reason(error)}")
        case httpx.RemoteProtocolError() | httpx.ProxyError():
            return TransientError(f"truncated or invalid HTTP: {_reason(error)}")
        case _:
            return PermanentError(f"cannot be fetched: {_reason(error)}")


def is_disconnect(error: Exception) -> bool:
    """True if the server closed or reset the connection, perhaps before it received the request."""
    # h11 raises the same exception for an answer that is not valid HTTP; only the text differs.
    if isinstance(error, httpx.RemoteProtocolError):
        return str(error).startswith("Server disconnected")
    return isinstance(error, httpx.ReadError | httpx.WriteError)


def to_status_error(response: httpx.Response, message: str | None, policy: HostPolicy) -> FetchError:
    """Return the error for a status that is not 2xx; ``message`` is the server's own.

    429 and a 503 with a time to wait are refusals, 408 and other 5xx are transient. A redirect is a
    :class:`RedirectedError` if ``policy`` permits its target and the method is kept. Any other status is permanent.
    """
    error = _by_status(response, message)
    if not response.has_redirect_location:
        return error
    try:
        location = str(response.url.join(response.headers["location"]).copy_with(userinfo=b"", fragment=None))
        policy.carries_credentials(location)
    except httpx.InvalidURL as invalid:
        return error.with_text(f"{error.text}; it leads to an invalid URL: {invalid}")
    except PermanentError as refused:
        return error.with_text(f"{error.text}; {refused.text}")
    if response.request.method == Method.POST.value and response.status_code not in _KEEP_METHOD:
        text = f"{error.text}, which turns a POST into a GET; set `url` to {shown_url(location)}"
        return error.with_text(text)
    return RedirectedError(error.text, code=response.status_code, location=location)


def _by_status(response: httpx.Response, message: str | None) -> FetchError:
    status = response.status_code
    text = f"HTTP {status} {httpx.codes.get_reason_phrase(status)}".rstrip() + (f": {message}" if message else "")
    wait = parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
    if wait is None:
        wait = seconds_until_quota(response.headers, time.time())
    if status == 429 or (status == 503 and wait is not None):
        return RateLimitedError(text, code=status, retry_after=wait)
    if status >= 500 or status == 408:
        return TransientError(text, code=status)
    return PermanentError(text, code=status)


def _reason(error: Exception) -> str:
    """Return the operating system's message if there is one, else the error's own text or name."""
    message = next((e.strerror for e in _causes(error) if isinstance(e, OSError) and e.strerror), None)
    return message or str(error) or type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, its causes, and the members of the groups among them."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from _causes(member)
        error = error.__cause__ or error.__context__
