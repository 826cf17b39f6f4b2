"""Get access to one endpoint: OAuth 2 access tokens, and error texts with a remedy and without secrets."""

import math
import re
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
import trio

from pipeline.config.auth import NO_CREDENTIALS, ClientSecretIn, OAuth2, client_credentials_header
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.errors import (
    CredentialsRefusedError,
    FetchError,
    PermanentError,
    RateLimitedError,
    TransientError,
    UnreachableError,
)
from pipeline.fetch.http.client import Client
from pipeline.fetch.policy.throttle import Throttle
from pipeline.redaction import shown_url

# A token is not used in the last seconds of its lifetime, because the request has to arrive before it expires.
MARGIN_SECONDS = 10.0

# Token types that cannot be sent as bearer tokens. All others are tried: some APIs use their own names for these.
_OTHER_KINDS = frozenset({"mac", "pop", "dpop"})

# The maximum length of a token URL's error in our messages, in characters.
_LONGEST_REASON = 200

_UNAUTHORIZED, _FORBIDDEN = 401, 403


class _Granted(msgspec.Struct, frozen=True):
    """The body of a successful token response (RFC 6749, section 5.1)."""

    access_token: str
    token_type: str | None = None
    expires_in: object = None


_decode = msgspec.json.Decoder(_Granted).decode


class TokenSource:
    """A source of access tokens for client credentials (RFC 6749, section 4.4).

    It keeps one token and fetches another when that one expires or is refused. ``request`` sends a request to the token
    URL and returns the body of the answer. It is called once for any number of tasks that wait at the same time.
    """

    def __init__(self, request: Callable[[], Awaitable[bytes]]) -> None:
        self._request = request
        self._lock = trio.Lock()
        self._token: str | None = None
        self._expires_at = math.inf

    async def token(self) -> str:
        """Return the access token, and fetch one first if none is valid.

        If cancelled, the source is unchanged. Errors of ``request`` are passed on.

        Raises:
            CredentialsRefusedError: when the answer contains no usable token.
        """
        async with self._lock:
            if self._token is None or trio.current_time() >= self._expires_at:
                granted = _read(await self._request())
                life = _life(granted)
                self._token = granted.access_token
                # A token with a short lifetime is used for half of it rather than never.
                self._expires_at = trio.current_time() + max(life - MARGIN_SECONDS, life / 2)
            return self._token

    def refuse(self, token: str) -> None:
        """Discard ``token``, because the API refused it; a newer token is kept."""
        if token == self._token:
            self._token = None


def _read(body: bytes) -> _Granted:
    try:
        granted = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CredentialsRefusedError("the token URL returned no access token; check `auth.oauth2`") from None
    if (granted.token_type or "").lower() in _OTHER_KINDS or not re.fullmatch(r"[!-~]+", granted.access_token):
        raise CredentialsRefusedError(
            "the token URL returned a token that is not a valid bearer token; no other kind is supported"
        )
    return granted


def _life(granted: _Granted) -> float:
    """Return the lifetime in seconds; without a number, the token is used until it is refused."""
    try:
        life = float(str(granted.expires_in))
    except ValueError:
        return math.inf
    return max(0.0, life) if math.isfinite(life) else math.inf


class Access:
    """The access tokens of an endpoint, if it needs any, and its secrets.

    A request to the token URL takes a turn of the throttle, because it may go to the same server.
    """

    def __init__(self, endpoint: ResolvedEndpoint, client: Client, throttle: Throttle) -> None:
        self._endpoint = endpoint
        self._client = client
        self._throttle = throttle
        oauth2 = endpoint.credentials.oauth2
        self._tokens = TokenSource(partial(self._request, oauth2)) if oauth2 else None

    def __reduce__(self) -> tuple[object, ...]:
        # Access tokens are credentials: they are not pickled, but requested again.
        return Access, (self._endpoint, self._client, self._throttle)

    async def token(self) -> str | None:
        """Return the access token to send, or None if the endpoint needs none.

        If cancelled, no token is fetched and the next call tries again.

        Raises:
            CredentialsRefusedError: when the token URL returns no usable token.
            TransientError: when the token URL cannot be reached or fails at the moment.
        """
        if self._tokens is None:
            return None
        token = await self._tokens.token()
        self._endpoint.secrets.learn(token, "(access token)")
        return token

    def refuse(self, token: str) -> None:
        """Discard ``token``, because the API refused it; the next call of :meth:`token` fetches another."""
        if self._tokens:
            self._tokens.refuse(token)

    def redact(self, text: str) -> str:
        """Return the text without the endpoint's secrets, including its access token."""
        return self._endpoint.secrets.redact(text)

    def explained(self, error: FetchError) -> str:
        """Return the error's text without secrets, and with a remedy if access was denied."""
        text = self.redact(error.text)
        if error.code not in (_UNAUTHORIZED, _FORBIDDEN) or isinstance(error, CredentialsRefusedError):
            return text
        if self._endpoint.unset:
            return f"{text}; set {' and '.join(self._endpoint.unset)} in the environment, or `auth`"
        if self._endpoint.credentials != NO_CREDENTIALS:
            return f"{text}; check `auth`"
        return f"{text}; it may need `auth`" if error.code == _UNAUTHORIZED else text

    async def _request(self, oauth2: OAuth2) -> bytes:
        form = {"grant_type": "client_credentials", **({"scope": oauth2.scope} if oauth2.scope else {})}
        headers = {}
        if oauth2.secret_in is ClientSecretIn.HEADER:
            headers["Authorization"] = client_credentials_header(oauth2)
        else:
            form |= {"client_id": oauth2.client_id, "client_secret": oauth2.client_secret}
        with await self._throttle.acquire() as turn:
            turn.sent()
            try:
                body = await self._client.post(oauth2.token_url, form, headers)
            except PermanentError as error:
                turn.passed()
                reason = "".join(c for c in error.text[:_LONGEST_REASON] if c.isprintable())
                text = f"{shown_url(oauth2.token_url)} returned no access token: {reason}; check `auth.oauth2`"
                raise CredentialsRefusedError(text, code=error.code) from None
            except UnreachableError as error:
                raise TransientError(f"no access token: {error.text}") from None
            except TransientError as error:
                if isinstance(error, RateLimitedError):
                    turn.refused(error.retry_after)
                raise error.with_text(f"no access token: {error.text}") from error.__cause__
            turn.passed()
            return body
