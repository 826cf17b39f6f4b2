"""Access tokens for client credentials (RFC 6749, section 4.4): fetched when needed, kept while they last."""

from collections.abc import Awaitable, Callable

import msgspec
import trio

from pipeline.errors import CredentialsRefusedError

# A token is not used in the last seconds of its life: the request has to arrive within it.
MARGIN_SECONDS = 10.0

# What a token may be that cannot be sent as it is. Some APIs have names of their own for bearer tokens.
_OTHER_KINDS = frozenset({"mac", "pop", "dpop"})


class TokenStatistics(msgspec.Struct, frozen=True):
    """What a :class:`TokenSource` has done so far; ``expires_at`` is on Trio's clock, None without a token."""

    fetched: int
    refused: int
    expires_at: float | None


class _Granted(msgspec.Struct, frozen=True):
    """The body of a successful answer (RFC 6749, section 5.1)."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - a kind of token
    expires_in: float | None = None


_decode = msgspec.json.Decoder(_Granted, strict=False).decode


class TokenSource:
    """Holds one access token, and gets another when it expires or is refused.

    ``request`` asks the token URL and gives the body of its answer. However many ask at once, it is called once.
    """

    def __init__(self, request: Callable[[], Awaitable[bytes]]) -> None:
        self._request = request
        self._lock = trio.Lock()
        self._token: str | None = None
        self._expires_at = float("inf")
        self._fetched = self._refused = 0

    async def token(self) -> str:
        """The access token, fetched where there is none that lasts.

        A cancellation leaves the source as it was.

        Raises:
            CredentialsRefusedError: when the answer is no token that can be used, and whatever ``request`` raises.
        """
        async with self._lock:
            if self._token is None or trio.current_time() >= self._expires_at:
                granted = _read(await self._request())
                life = float("inf") if granted.expires_in is None else granted.expires_in
                self._token = granted.access_token
                # One that hardly lives is used for half its life rather than never.
                self._expires_at = trio.current_time() + max(life - MARGIN_SECONDS, life / 2)
                self._fetched += 1
            return self._token

    def refuse(self, token: str) -> None:
        """The API did not take ``token``: it is not used again. Without effect on one that came since."""
        if token == self._token:
            self._token = None
            self._refused += 1

    def redact(self, text: str) -> str:
        """The text without the token in it."""
        return text.replace(self._token, "***") if self._token else text

    def statistics(self) -> TokenStatistics:
        """How many tokens came, and how many were refused."""
        return TokenStatistics(self._fetched, self._refused, self._expires_at if self._token else None)


def _read(body: bytes) -> _Granted:
    try:
        granted = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CredentialsRefusedError("the token URL answers with no access token; check `auth.oauth2`") from None
    printable = granted.access_token.isascii() and granted.access_token.isprintable()
    if granted.token_type.lower() in _OTHER_KINDS or not granted.access_token or not printable:
        raise CredentialsRefusedError("the token URL gives a token that is no bearer token")
    return granted
