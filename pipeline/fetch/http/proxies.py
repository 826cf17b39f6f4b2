"""Which proxy the environment names for a URL."""

from collections.abc import Mapping
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_SCHEMES = ("http", "https", "all")


class Proxies:
    """The proxies of ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``ALL_PROXY``, but for the hosts in ``NO_PROXY``.

    Where the system has settings of its own (macOS, Windows), they count, too. ``named`` replaces all of these: URLs
    by scheme, or ``all``.
    """

    def __init__(self, named: Mapping[str, str] | None = None) -> None:
        named = getproxies() if named is None else named
        self._by_scheme = {
            scheme: url if "://" in url else f"http://{url}" for scheme in _SCHEMES if (url := named.get(scheme))
        }

    def urls(self) -> frozenset[str]:
        """All that are named."""
        return frozenset(self._by_scheme.values())

    def of(self, url: str) -> str | None:
        """The proxy that a request for an absolute URL goes through; None where it goes straight there."""
        if not self._by_scheme:
            return None
        parts = urlsplit(url)
        proxy = self._by_scheme.get(parts.scheme) or self._by_scheme.get("all")
        excepted = proxy_bypass(parts.hostname or "") or proxy_bypass(parts.netloc)
        return None if excepted else proxy
