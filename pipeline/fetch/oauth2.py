"""Access tokens for client credentials (RFC 6749, section 4.4): fetched when needed, kept while they last."""

import math
import re
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
    token_type: str | None = None
    expires_in: object = None


_decode = msgspec.json.Decoder(_Granted).decode


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
                life = _life(granted)
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

    def statistics(self) -> TokenStatistics:
        """How many tokens came, and how many were refused."""
        return TokenStatistics(self._fetched, self._refused, self._expires_at if self._token else None)


def _read(body: bytes) -> _Granted:
    try:
        granted = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CredentialsRefusedError("the token URL answers with no access token; check `auth.oauth2`") from None
    if (granted.token_type or "").lower() in _OTHER_KINDS or not re.fullmatch(r"[!-~]+", granted.access_token):
        raise CredentialsRefusedError("the token URL gives a token that is no bearer token; others cannot be used")
    return granted


def _life(granted: _Granted) -> float:
    """The seconds that a token lasts; where that is not said in numbers, only a refusal will tell."""
    try:
        life = float(str(granted.expires_in))
    except ValueError:
        return math.inf
    return max(0.0, life) if math.isfinite(life) else math.inf
