"""Open httpx's transports with verified TLS, directly and through proxies."""

import ssl

import httpcore
import httpx
import trio

from pipeline.errors import ConfigError, Problem
from pipeline.fetch.http.proxies import Proxies

# Bytes to read at most in one call: four times httpcore's own number, because each call is a round of the event loop.
httpcore.AsyncHTTP11Connection.READ_NUM_BYTES = 1 << 18

# The limit for closing all connections of a client.
_CLOSING_SECONDS = 1.0


def make_ssl_context() -> ssl.SSLContext:
    """Return a TLS context that verifies certificates.

    All clients of a run share it, because loading the certificate authorities takes a tenth of a second.

    Raises:
        ConfigError: when the certificates that the environment names cannot be read.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        text = f"cannot read the certificates: {error.strerror or error}; see SSL_CERT_FILE and SSL_CERT_DIR"
        raise ConfigError([Problem("environment", text)]) from error


class Transports:
    """The transports of one client: one for each proxy, and one for direct connections.

    ``direct`` replaces the latter, which lets tests run without a network.

    Raises:
        ConfigError: when a proxy cannot be used.
    """

    def __init__(
        self, proxies: Proxies, ssl_context: ssl.SSLContext, direct: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._proxies = proxies
        self._by_proxy: dict[str | None, httpx.AsyncBaseTransport] = {
            proxy: _open(proxy, ssl_context) for proxy in proxies.urls()
        }
        self._by_proxy[None] = direct or _open(None, ssl_context)

    def of(self, url: str) -> httpx.AsyncBaseTransport:
        """Return the transport for an absolute URL."""
        return self._by_proxy[self._proxies.of(url)]

    async def aclose(self) -> None:
        """Close all connections, within a second. A cancellation does not interrupt this."""
        with trio.move_on_after(_CLOSING_SECONDS, shield=True):
            for transport in self._by_proxy.values():
                await transport.aclose()


def _open(proxy: str | None, ssl_context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    try:
        return httpx.AsyncHTTPTransport(verify=ssl_context, proxy=proxy)
    except (ValueError, ImportError) as error:  # ImportError: httpx needs an extra package for SOCKS
        text = f"the proxy in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY cannot be used: {error}; correct or unset it"
        raise ConfigError([Problem("environment", text)]) from error
