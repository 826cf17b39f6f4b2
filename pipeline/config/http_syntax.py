"""What HTTP takes for a URL, a header and a host: each check says what is wrong, or nothing."""

import ipaddress
import re
from base64 import b64encode
from contextlib import suppress
from urllib.parse import urlsplit

import idna

from pipeline.config.expansion import has_reference
from pipeline.redaction import shown_url

# RFC 9110, section 4.1.
LONGEST_URL = 8_000

# What the client decides: how the connection is used, and which encodings it can read under the cap.
_OUR_HEADERS = frozenset(
    ("accept-encoding", "connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade")
)


def url_error(url: str) -> str | None:
    """What keeps ``url`` from being one that can be asked; None where nothing does."""
    shown = shown_url(url)
    if any(character <= " " or character == "\x7f" for character in url):
        return f"{shown!r} has a blank or a control character; percent-encode it, as in %20"
    if has_reference(re.sub(r"=[^&#]*", "", url.partition("?")[2])) or has_reference(url.partition("?")[0]):
        return f"{shown!r} has a `${{…}}` that is no query value: only those and headers take environment variables"
    if len(url) > LONGEST_URL:
        return f"is {len(url)} characters long; at most {LONGEST_URL} are sure to be understood"
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return f"{shown!r} is no URL of the form http://host/path or https://host/path"
        if parts.port == 0:
            return f"{shown!r} has port 0; name the one that it listens on"
        _check_host(parts.hostname, literal="[" in parts.netloc)
    except ValueError:
        return f"{shown!r} is no URL: its host or port is wrong; as in http://host:8080/path"
    return None


def _check_host(host: str, *, literal: bool) -> None:
    """Raises ValueError for what is neither an IP address nor a name that can be looked up (RFC 5891)."""
    if literal or re.fullmatch(r"[\d.]+", host):
        ipaddress.ip_address(host)
    elif not host.isascii() or "xn--" in host:
        idna.encode(host)


def header_error(name: str, value: str) -> str | None:
    """What keeps a header from being sent with each request; does not repeat its value (RFC 9110, section 5)."""
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        return "is no name of a header, as X-Api-Key is"
    if name.lower() in _OUR_HEADERS:
        return "is not yours to set: it belongs to the connection; remove it"
    if not re.fullmatch(r"([!-~]([ -~]*[!-~])?)?", value):
        return "has a value that headers cannot have: only printable ASCII, no blanks around it"
    return None


def host_error(host: str) -> str | None:
    """What keeps ``host`` from being a host, or a host with a port."""
    if re.fullmatch(r"[^\s/:@?#*]+(:\d+)?|\[[0-9a-fA-F:.]+\](:\d+)?", host):
        with suppress(ValueError):
            parts = urlsplit(f"//{host}")
            if parts.port != 0:
                _check_host(parts.hostname or "", literal="[" in host)
                return None
    return f"{host!r} is no host, as in cdn.example, cdn.example:8443 or [::1]:8443"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def basic_credentials(user: str, password: str) -> str:
    """What follows ``Basic`` in an Authorization header (RFC 7617, section 2)."""
    return b64encode(f"{user}:{password}".encode()).decode()
