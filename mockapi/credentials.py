"""The credentials that the shops accept, and how requests present them."""

from base64 import b64decode
from binascii import Error
from typing import Final

from starlette.requests import Request

# They guard nothing: anybody may know them.
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
    """The token of the ``Bearer`` scheme (RFC 6750), None where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def basic(request: Request) -> tuple[str, str] | None:
    """User and password of the ``Basic`` scheme (RFC 7617), None where there are none."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None
