"""Cursors that are opaque to clients: the index of the next page in Base64 (RFC 4648, section 5)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error


def cursor_at(start: int) -> str:
    """Return the cursor of the page that starts at an index."""
    return urlsafe_b64encode(f"start={start}".encode()).decode().rstrip("=")


def start_of(cursor: str) -> int | None:
    """Return the index that a cursor encodes, or None if ``cursor_at`` did not make it."""
    try:
        start = int(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).removeprefix(b"start="))
    except (Error, ValueError):
        return None
    return start if start >= 0 and cursor_at(start) == cursor else None
