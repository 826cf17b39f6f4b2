"""Select the proxy for a URL from the environment."""

from collections.abc import Mapping
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_SCHEMES = ("http", "https", "all")


class Proxies:
    """The proxies in ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``ALL_PROXY``, except for the hosts in ``NO_PROXY``.

    System settings (macOS, Windows) are used if the environment has none. ``named`` replaces the proxies: it maps
    ``http``, ``https`` and ``all`` to URLs.
    """

    def __init__(self, named: Mapping[str, str] | None = None) -> None:
        named = getproxies() if named is None else named
        self._by_scheme = {
            scheme: url if "://" in url else f"http://{url}" for scheme in _SCHEMES if (url := named.get(scheme))
        }

    def urls(self) -> frozenset[str]:
        """Return the URLs of all proxies, without duplicates."""
        return frozenset(self._by_scheme.values())

    def of(self, url: str) -> str | None:
        """Return the proxy for an absolute URL, or None if it is to be requested directly."""
        if not self._by_scheme:
            return None
        parts = urlsplit(url)
        proxy = self._by_scheme.get(parts.scheme) or self._by_scheme.get("all")
        excepted = proxy_bypass(parts.hostname or "") or proxy_bypass(parts.netloc)
        return None if excepted else proxy
