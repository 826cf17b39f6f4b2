"""Map the exceptions of httpx to the errors of this program."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from pipeline.config.settings import Http
from pipeline.errors import FetchError, PermanentError, TransientError, UnreachableError


def to_fetch_error(error: Exception, url: str, limits: Http) -> FetchError:
    """Return the error for an exception that a request for ``url`` raised.

    Failed connections and broken transfers are transient. Everything else is permanent, since the same request would
    fail again.
    """
    address = _address(url)
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


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or {'http': 80, 'https': 443}.get(parts.scheme, 0)}"
