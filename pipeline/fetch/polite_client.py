"""Send the requests of one endpoint in their turns: within its rate, with its access token, along redirects."""

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeVar

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.errors import FetchError, PermanentError, RateLimitedError, RedirectedError
from pipeline.fetch.access import Access
from pipeline.fetch.account.ledger import Ledger
from pipeline.fetch.account.recorder import Stopwatch
from pipeline.fetch.content.response import Response
from pipeline.fetch.http.client import Client
from pipeline.fetch.http.graphql import COST_PATH
from pipeline.fetch.http.stream import StreamedResponse
from pipeline.fetch.policy.quota import Quota, cost_quota, tightest_quota
from pipeline.fetch.policy.throttle import Throttle, Turn
from pipeline.model.metrics import Activity

MAX_REDIRECTS = 5

_R = TypeVar("_R", Response, StreamedResponse)

_BAD_REQUEST, _UNAUTHORIZED = 400, 401
_METHOD_NOT_ALLOWED, _UNSUPPORTED_MEDIA_TYPE = 405, 415


class PoliteClient:
    """A client that sends each request of one endpoint in its turn.

    The throttle, which may be shared with other endpoints, grants each request and learns its outcome. Each request has
    the endpoint's access token.
    """

    def __init__(self, endpoint: ResolvedEndpoint, client: Client, throttle: Throttle, ledger: Ledger) -> None:
        self._endpoint = endpoint
        self._throttle = throttle
        self._ledger = ledger
        self._access = Access(endpoint, client, throttle)
        self._redirect_logged = False

    def redact(self, text: str) -> str:
        """Return a text without the endpoint's secrets and its access tokens."""
        return self._access.redact(text)

    async def respond(
        self, send: Callable[..., Awaitable[_R]], url: str, watch: Stopwatch, *, again: bool, repeats: bool
    ) -> _R:
        """Call ``send`` for a URL, follow redirects, and replace a refused access token once; return the response.

        Each request costs a token of the bucket, and is timed by ``watch``. ``again`` is True if the page was requested
        before, ``repeats`` if that request was refused. A cancellation closes the connection; the token is spent.

        Raises:
            FetchError: as ``send``.
            PermanentError: after more than ``MAX_REDIRECTS`` redirects.
        """
        renewed, redirects = False, 0
        while redirects <= MAX_REDIRECTS:
            with self._ledger.time.during(Activity.NETWORK):
                token = await self._access.token()
            with await self._granted(repeats=repeats) as turn:
                watch.start()
                self._ledger.request_sent(again=again)
                try:
                    on_sent = partial(watch.sent, turn)
                    with self._ledger.time.during(Activity.NETWORK):
                        response = await send(url, token=token, on_sent=on_sent, on_answered=turn.answered)
                except RateLimitedError as error:
                    turn.refused(error.retry_after)
                    self._log_rate()
                    raise
                except RedirectedError as redirect:
                    turn.passed()
                    url = redirect.location
                    redirects += 1
                    self._log_redirect_once(url)
                except PermanentError as error:
                    turn.passed()
                    if token is None or error.code != _UNAUTHORIZED or renewed:
                        raise
                    renewed = True
                    self._access.refuse(token)
                else:
                    turn.passed()
                    self._log_rate()
                    if quota := tightest_quota(response.headers, time.time(), self._cost(response)):
                        turn.heed(quota)
                    return response
                finally:
                    watch.over()
        raise PermanentError(f"redirected more than {MAX_REDIRECTS} times; check `url`")

    def explained(self, error: FetchError, values: Mapping[str, str | int]) -> str:
        """Return the text of an error with its remedy; ``values`` are those that the request had for its page."""
        text = self._access.explained(error)
        if error.code in (_METHOD_NOT_ALLOWED, _UNSUPPORTED_MEDIA_TYPE):
            method = self._endpoint.request.method.value
            text += f"; the request was a {method}; describe another with `request` (docs/REQUESTS.md)"
        if error.code == _BAD_REQUEST and values:
            text += self._access.redact(f"; requested with {'&'.join(f'{name}={values[name]}' for name in values)}")
        return text

    def _cost(self, response: Response | StreamedResponse) -> Quota | None:
        if not self._endpoint.request.is_graphql or isinstance(response, StreamedResponse):
            return None
        return cost_quota(response.envelope.value(COST_PATH))

    async def _granted(self, *, repeats: bool) -> Turn:
        if not self._throttle.must_wait():
            return await self._throttle.acquire(repeats=repeats)
        with self._ledger.time.during(Activity.TOKENS):
            return await self._throttle.acquire(repeats=repeats)

    def _log_rate(self) -> None:
        if change := self._throttle.take_change():
            self._ledger.rate_changed(*change)

    def _log_redirect_once(self, location: str) -> None:
        if not self._redirect_logged:
            self._redirect_logged = True
            self._ledger.redirected(self._access.redact(location))
