"""Access tokens for client credentials (RFC 6749, section 4.4): fetched when needed, kept while they last.

What lets one endpoint's requests in: access tokens, and errors that say what is missing but not what is secret.
"""

import math
import re
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
import trio

from pipeline.config.auth import NO_CREDENTIALS, ClientSecretIn, OAuth2, client_credentials_header
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.errors import CredentialsRefusedError, FetchError, PermanentError, TransientError, UnreachableError
from pipeline.fetch.http.client import Client
from pipeline.fetch.policy.token_bucket import TokenBucket
from pipeline.redaction import shown_url

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


_UNAUTHORIZED, _FORBIDDEN = 401, 403

# So much is told of what a token URL says, in characters.
_LONGEST_REASON = 200


class Access:
    """An endpoint's access tokens, where it needs some, and its secrets.

    A request to the token URL costs a token of the bucket, since that may be the same server's.
    """

    def __init__(self, endpoint: ResolvedEndpoint, client: Client, bucket: TokenBucket) -> None:
        self._endpoint = endpoint
        self._client = client
        self._bucket = bucket
        oauth2 = endpoint.credentials.oauth2
        self._tokens = TokenSource(partial(self._request, oauth2)) if oauth2 else None

    async def token(self) -> str | None:
        """The access token to send, None where none is needed; a cancellation leaves nothing behind.

        Raises:
            CredentialsRefusedError: when the token URL gives none.
            TransientError: when it cannot be asked at the moment.
        """
        if self._tokens is None:
            return None
        token = await self._tokens.token()
        self._endpoint.secrets.learn(token, "(access token)")
        return token

    def refuse(self, token: str) -> None:
        """The API did not take the token: the next one is another."""
        if self._tokens:
            self._tokens.refuse(token)

    def redact(self, text: str) -> str:
        """The text without the endpoint's secrets, its access token among them."""
        return self._endpoint.secrets.redact(text)

    def explained(self, error: FetchError) -> str:
        """The error's text without secrets, and with a remedy where access was denied."""
        text = self.redact(error.text)
        if error.code not in (_UNAUTHORIZED, _FORBIDDEN) or isinstance(error, CredentialsRefusedError):
            return text
        if self._endpoint.unset:
            return f"{text}; set {' and '.join(self._endpoint.unset)} in the environment, or `auth`"
        if self._endpoint.credentials != NO_CREDENTIALS:
            return f"{text}; check `auth`"
        return f"{text}; it may need `auth`" if error.code == _UNAUTHORIZED else text

    async def _request(self, how: OAuth2) -> bytes:
        form = {"grant_type": "client_credentials", **({"scope": how.scope} if how.scope else {})}
        headers = {}
        if how.secret_in is ClientSecretIn.HEADER:
            headers["Authorization"] = client_credentials_header(how)
        else:
            form |= {"client_id": how.client_id, "client_secret": how.client_secret}
        grant = await self._bucket.acquire()
        try:
            grant.sent()
            return await self._client.post(how.token_url, form, headers)
        except PermanentError as error:
            said = "".join(c for c in error.text[:_LONGEST_REASON] if c.isprintable())
            text = f"{shown_url(how.token_url)} gives no access token: {said}; check `auth.oauth2`"
            raise CredentialsRefusedError(text, code=error.code) from None
        except UnreachableError as error:
            raise TransientError(f"no access token: {error.text}") from None
        except TransientError as error:
            raise error.with_text(f"no access token: {error.text}") from error.__cause__
        finally:
            grant.over()
