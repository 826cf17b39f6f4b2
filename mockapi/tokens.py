"""OAuth 2.0 client credentials (RFC 6749, section 4.4), with access tokens for a limited number of requests."""

from urllib.parse import parse_qs, unquote_plus

from starlette.requests import Request
from starlette.responses import Response

from mockapi.api import as_json
from mockapi.credentials import CLIENT_ID, CLIENT_SECRET, basic

_EXPIRES_IN = 7200  # seconds, as eBay announces; the tokens of the mock expire earlier, without notice


class Tokens:
    """A token endpoint whose access tokens are each valid for ``requests`` requests."""

    def __init__(self, requests: int) -> None:
        self._requests = requests
        self._left: dict[str, int] = {}

    async def grant(self, request: Request) -> Response:
        """Answer a request for a token; the client is in the ``Basic`` header or in the form (section 2.3.1)."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode(errors="replace")).items()}
        in_header = basic(request)
        # Both are form-encoded before they become user and password.
        client = (
            tuple(map(unquote_plus, in_header)) if in_header else (form.get("client_id"), form.get("client_secret"))
        )
        if client != (CLIENT_ID, CLIENT_SECRET):
            return as_json({"error": "invalid_client"}, 401, {"WWW-Authenticate": "Basic"})
        if form.get("grant_type") != "client_credentials":
            error = "unsupported_grant_type" if "grant_type" in form else "invalid_request"
            return as_json({"error": error}, 400)
        token = f"mock-access-token-{len(self._left) + 1}"
        self._left[token] = self._requests
        answer = {"access_token": token, "expires_in": _EXPIRES_IN, "token_type": "Application Access Token"}
        return as_json(answer, headers={"Cache-Control": "no-store"})

    def use(self, token: str | None) -> bool:
        """True if the token is valid; each use reduces the requests that are left."""
        left = self._left.get(token or "", 0)
        if left > 0:
            self._left[token or ""] = left - 1
        return left > 0
