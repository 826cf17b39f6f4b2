"""Cursors that mean nothing to clients: where the next page starts, in Base64 (RFC 4648, section 5)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error


def cursor_at(start: int) -> str:
    """The cursor of the page that starts at an index."""
    return urlsafe_b64encode(f"start={start}".encode()).decode().rstrip("=")


def start_of(cursor: str) -> int | None:
    """The index that a cursor stands for, None where we never gave it out."""
    try:
        start = int(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).removeprefix(b"start="))
    except (Error, ValueError):
        return None
    return start if start >= 0 and cursor_at(start) == cursor else None
