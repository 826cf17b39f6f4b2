"""The credentials that the shops accept, and readers of the ``Authorization`` header."""

from base64 import b64decode
from binascii import Error
from typing import Final

from starlette.requests import Request

# They protect nothing and are public.
TOKEN: Final = "mock-token"  # noqa: S105
KEY: Final = "ck_mock"
SECRET: Final = "cs_mock"  # noqa: S105
CLIENT_ID: Final = "mock-client"
CLIENT_SECRET: Final = "mock-secret"  # noqa: S105

HELP: Final = (
    f"Credentials: token {TOKEN}, consumer key {KEY} with secret {SECRET}, client {CLIENT_ID} with secret"
    f" {CLIENT_SECRET}."
)


def bearer(request: Request) -> str | None:
    """Return the token of the ``Bearer`` scheme (RFC 6750), or None if there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def basic(request: Request) -> tuple[str, str] | None:
    """Return user and password of the ``Basic`` scheme (RFC 7617), or None if there are none."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None
