"""Decide which hosts may be requested, and with which credentials."""

from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

import idna

from pipeline.config.http_syntax import DEFAULT_PORTS
from pipeline.errors import PermanentError
from pipeline.redaction import NO_SECRETS, Secrets


class HostPolicy:
    """A policy for the URLs that redirects and next pages of an endpoint lead to.

    ``home`` is the endpoint's own URL. The same host and port may be requested with credentials, and so may an upgrade
    from http to https on the default ports. Any other host or port, and http instead of https, gets no credentials. It
    must be one of ``allowed`` (``host`` or ``host:port``), and its URL must contain none of ``secrets``.
    """

    def __init__(self, home: str, allowed: Sequence[str] = (), secrets: Secrets = NO_SECRETS) -> None:
        self._home = urlsplit(home)
        port = f":{self._home.port}" if self._home.port else ""
        # Fast path for nearly every request: a URL with this prefix has the same scheme, host and port.
        self._at_home = f"{self._home.scheme}://{_host(self._home)}{port}/"
        entries = [urlsplit(f"//{entry}") for entry in allowed]
        self._allowed = frozenset((_host(entry), entry.port) for entry in entries)
        self._secrets = secrets

    def carries_credentials(self, url: str) -> bool:
        """True if a request for the absolute ``url`` may carry the endpoint's credentials.

        Raises:
            PermanentError: when the URL must not be requested at all.
        """
        if url.startswith(self._at_home):
            return True
        try:
            target = urlsplit(url)
            host, port = _host(target), _port(target)
        except ValueError as error:
            raise PermanentError(f"it leads to an invalid URL: {error}") from None
        if target.scheme not in DEFAULT_PORTS or not host:
            found = f"the scheme {target.scheme!r} and the host {host!r}"
            raise PermanentError(f"it leads to a URL with {found}; expected http(s)://host/path")
        if self._is_home(target):
            return True
        if not {(host, None), (host, port)} & self._allowed:
            raise PermanentError(
                f"it leads to {target.scheme}://{host}:{port}, which is not the endpoint's origin; if that is "
                "intended, add the host to `allow_hosts` (it gets no credentials)"
            )
        if self._secrets.redact(url) != url:
            raise PermanentError(f"it leads to {host}:{port} with a credential in the URL, which is not for that host")
        return False

    def _is_home(self, target: SplitResult) -> bool:
        if _host(target) != _host(self._home):
            return False
        if target.scheme == self._home.scheme:
            return _port(target) == _port(self._home)
        return target.scheme == "https" and (_port(self._home), _port(target)) == (80, 443)


def _host(parts: SplitResult) -> str:
    """Return the host in lower case and ASCII (RFC 5891), as HTTP clients send it."""
    host = parts.hostname or ""
    return host if host.isascii() else idna.encode(host).decode()


def _port(parts: SplitResult) -> int:
    return parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
