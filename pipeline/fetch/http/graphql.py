"""Map the errors in a GraphQL response, which has status 200, to the errors of this program.

GraphQL specification (October 2021), section 7.1: a response has `data`, `errors` or both.
"""

from collections.abc import Callable

import msgspec

from pipeline.errors import FetchError, PermanentError, RateLimitedError, TransientError
from pipeline.fetch.content.envelope import Envelope
from pipeline.fetch.http.server_message import server_message
from pipeline.fetch.policy.quota import cost_quota

# The path of the cost of a query, and of the points that are left.
COST_PATH = "extensions.cost"

# Values of `errors[].extensions.code` or `errors[].type`, in upper case. The specification leaves them to servers.
_REFUSALS = frozenset({"THROTTLED", "RATE_LIMITED", "RATE_LIMIT_EXCEEDED", "TOO_MANY_REQUESTS", "429"})
_TRANSIENT = frozenset(
    {"INTERNAL_SERVER_ERROR", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "DOWNSTREAM_SERVICE_ERROR", "TIMEOUT"}
    | {"GATEWAY_TIMEOUT", "BAD_GATEWAY", "500", "502", "503", "504"}
)


def check_errors(envelope: Envelope, *, redact: Callable[[str], str]) -> str | None:
    """Return the message about what is missing from the data of a GraphQL response, None if it is complete.

    Raises:
        RateLimitedError: if the server is throttling, with the time until the cost of the query is available.
        TransientError: if there is no data, and the codes of the errors indicate a failure of the server.
        PermanentError: if there is no data for another reason.
    """
    errors = envelope.value("errors")
    if not isinstance(errors, list) or not errors:
        return None
    message = server_message(msgspec.json.encode({"errors": errors}), redact=redact) or "no message"
    codes = {code for error in errors for code in _codes(error)}
    if codes & _REFUSALS:
        quota = cost_quota(envelope.value(COST_PATH))
        raise RateLimitedError(f"GraphQL: {message}", retry_after=quota.seconds if quota and quota.left < 1 else None)
    data = envelope.value("data")
    if isinstance(data, dict) and any(value is not None for value in data.values()):
        return f"GraphQL: {message}"
    failure: type[FetchError] = TransientError if codes & _TRANSIENT else PermanentError
    raise failure(f"GraphQL: {message}")


def _codes(error: object) -> list[str]:
    if not isinstance(error, dict):
        return []
    extensions = error.get("extensions")
    places = [error.get("type"), error.get("code"), extensions.get("code") if isinstance(extensions, dict) else None]
    return [str(code).upper() for code in places if isinstance(code, str | int)]
