"""Check URLs, headers and hosts, and take them apart. Each check returns what is wrong, or None."""

import ipaddress
import re
from base64 import b64encode
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

import idna

from pipeline.config.expansion import has_reference
from pipeline.redaction import shown_url

# RFC 9110, section 4.1.
LONGEST_URL = 8_000

DEFAULT_PORTS = {"http": 80, "https": 443}

# The HTTP client sets these: they describe the connection, and the encodings that it can decode within the size limit.
_OUR_HEADERS = frozenset(
    ("accept-encoding", "connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade")
)


def url_error(url: str, *, file_of_feed: bool = False) -> str | None:
    """Return why ``url`` cannot be requested, None if it can; user, password and query are not repeated.

    With ``file_of_feed`` it may also be that of a file: ``file:///data/products.csv``.
    """
    shown = shown_url(url)
    if any(character <= " " or character == "\x7f" for character in url):
        return f"{shown!r} contains a blank or a control character; percent-encode it (a blank is %20)"
    if has_reference(re.sub(r"=[^&#]*", "", url.partition("?")[2])) or has_reference(url.partition("?")[0]):
        return f"{shown!r} has a `${{…}}` outside its query values; only those, headers and `auth` take references"
    if len(url) > LONGEST_URL:
        return f"is {len(url)} characters long; use at most {LONGEST_URL}, which servers are expected to accept"
    try:
        parts = urlsplit(url)
        if parts.scheme == "file":
            return _file_error(parts, shown, file_of_feed=file_of_feed)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return f"{shown!r} is not a valid URL; expected http(s)://host/path"
        if parts.port == 0:
            return f"{shown!r} has port 0; use the port that the server listens on"
        _check_host(parts.hostname, literal="[" in parts.netloc)
    except ValueError:
        return f"{shown!r} is not a valid URL; its host or port is wrong (example: http://host:8080/path)"
    return None


def _file_error(parts: SplitResult, shown: str, *, file_of_feed: bool) -> str | None:
    if not file_of_feed:
        return f"{shown!r} is a file, which can only be read as a feed; set `format` to csv, tsv, xml or jsonl"
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        return f"{shown!r} is not the URL of a file on this machine; expected file:///folder/file"
    return None


def _check_host(host: str, *, literal: bool) -> None:
    """Raise ValueError if the host is neither an IP address nor a name that can be looked up (RFC 5891)."""
    if literal or re.fullmatch(r"[\d.]+", host):
        ipaddress.ip_address(host)
    elif not host.isascii() or "xn--" in host:
        idna.encode(host)


def header_error(name: str, value: str) -> str | None:
    """Return why a header cannot be sent, None if it can; its value is not repeated (RFC 9110, section 5)."""
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        return "is not a valid header name (example: X-Api-Key)"
    if name.lower() in _OUR_HEADERS:
        return "is managed by the HTTP client; remove it"
    if not re.fullmatch(r"([!-~]([ -~]*[!-~])?)?", value):
        return "has a value that is not allowed in a header; use printable ASCII without surrounding blanks"
    return None


def host_error(host: str) -> str | None:
    """Return why ``host`` is not a valid host, with or without a port; None if it is."""
    if re.fullmatch(r"[^\s/:@?#*]+(:\d+)?|\[[0-9a-fA-F:.]+\](:\d+)?", host):
        with suppress(ValueError):
            parts = urlsplit(f"//{host}")
            if parts.port != 0:
                _check_host(parts.hostname or "", literal="[" in host)
                return None
    return f"{host!r} is not a valid host; expected cdn.example, cdn.example:8443 or [::1]:8443"


def host_and_port(url: str) -> str:
    """Return ``host:port`` of a URL, with the default port of its scheme if it names none."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or DEFAULT_PORTS.get(parts.scheme, 0)}"


def is_loopback(host: str) -> bool:
    """True if a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def basic_credentials(user: str, password: str) -> str:
    """Return the part of an Authorization header after ``Basic`` (RFC 7617, section 2)."""
    return b64encode(f"{user}:{password}".encode()).decode()
