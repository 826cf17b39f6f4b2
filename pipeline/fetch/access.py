"""What lets one endpoint's requests in: access tokens, and errors that say what is missing but not what is secret."""

from functools import partial

from pipeline.authentication import NO_CREDENTIALS, ClientSecretIn, OAuth2, client_credentials_header
from pipeline.credentials import shown_url
from pipeline.errors import CredentialsRefusedError, FetchError, PermanentError, TransientError, UnreachableError
from pipeline.fetch.bucket import TokenBucket
from pipeline.fetch.client import Client
from pipeline.fetch.oauth2 import TokenSource
from pipeline.resolved import ResolvedEndpoint

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
            error.text = f"no access token: {error.text}"
            raise
        finally:
            grant.over()
