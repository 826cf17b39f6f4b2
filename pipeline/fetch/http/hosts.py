"""Where requests may go: a redirect or a next page may lead to a host that the credentials are not for."""

from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

import idna

from pipeline.errors import PermanentError
from pipeline.redaction import NO_SECRETS, Secrets

_DEFAULT_PORTS = {"http": 80, "https": 443}


class HostPolicy:
    """Decides whether a URL may be asked on behalf of an endpoint, and whether with its credentials.

    ``home`` is the endpoint's own URL. Its host, with the same port, may be asked with credentials, also when the
    scheme is https instead of http; another one, or http instead of https, without them, and only when it is one of
    ``allowed`` (``host`` or ``host:port``) and none of ``secrets`` is within its URL.
    """

    def __init__(self, home: str, allowed: Sequence[str] = (), secrets: Secrets = NO_SECRETS) -> None:
        self._home = urlsplit(home)
        port = f":{self._home.port}" if self._home.port else ""
        # What begins like this has the same host and port, whatever follows: nearly each request.
        self._at_home = f"{self._home.scheme}://{_host(self._home)}{port}/"
        entries = [urlsplit(f"//{entry}") for entry in allowed]
        self._allowed = frozenset((_host(entry), entry.port) for entry in entries)
        self._secrets = secrets

    def carries_credentials(self, url: str) -> bool:
        """Whether a request for the absolute ``url`` may carry the endpoint's credentials.

        Raises:
            PermanentError: when it may not be made at all.
        """
        if url.startswith(self._at_home):
            return True
        try:
            target = urlsplit(url)
            host, port = _host(target), _port(target)
        except ValueError as error:
            raise PermanentError(f"it leads to no URL: {error}") from None
        if target.scheme not in _DEFAULT_PORTS or not host:
            raise PermanentError(f"it leads to {target.scheme or 'no scheme'}:, which is neither http nor https")
        if self._is_home(target):
            return True
        if not {(host, None), (host, port)} & self._allowed:
            raise PermanentError(
                f"it leads to {target.scheme}://{host}:{port}, which is not where the endpoint is; if that is right, "
                "name the host in `allow_hosts`: it is asked without credentials then"
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
    """The host in lower case and ASCII (RFC 5891), as a client asks for it."""
    host = parts.hostname or ""
    return host if host.isascii() else idna.encode(host).decode()


def _port(parts: SplitResult) -> int:
    return parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
