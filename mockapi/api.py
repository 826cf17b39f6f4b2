"""The interface between a persona and its server: read, admit and answer requests in the shape of one API."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from mockapi.announce import retry_after
from mockapi.quota import Quota, Standing
from mockapi.setup import Setup


class Window(msgspec.Struct, frozen=True):
    """The part of a catalogue that a request asks for: at most ``size`` records from index ``start``.

    A fault may move it back by ``shift`` records or make its records ``dirty``.
    """

    start: int
    size: int
    shift: int = 0
    dirty: bool = False

    @property
    def page(self) -> int:
        """Return its page number, from 1, in a catalogue divided into pages of this size."""
        return self.start // self.size + 1


class RefusedError(Exception):
    """A request that the API refuses; ``response`` is the refusal in the API's own format."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Api(ABC):
    """One API over HTTP. ``path`` leads from the base URL to its products and includes any query that they need."""

    name: str
    path: str
    quota: Quota = Quota()

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.quota = setup.quota or self.quota
        self.limit = self.quota.limit(setup.rate_limit, setup.burst)

    @property
    def route(self) -> str:
        """Return the path of its products as a route pattern."""
        return self.path.partition("?")[0]

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes that it serves besides products."""
        return ()

    @abstractmethod
    def window(self, request: Request) -> Window:
        """Return the part of the catalogue that a request asks for.

        Raises:
            RefusedError: if its parameters are invalid.
        """

    def authorize(self, request: Request) -> None:  # noqa: B027 - most APIs need no credentials
        """Check the credentials of a request.

        Raises:
            RefusedError: if they are missing or wrong.
        """

    @abstractmethod
    def answer(self, request: Request, window: Window) -> Response:
        """Return the page of a window."""

    def rate_headers(self, standing: Standing) -> Mapping[str, str]:
        """Return the rate limit headers of an answer; none if the quota is silent."""
        return {} if self.quota.silent else self.announce(standing)

    def announce(self, standing: Standing) -> Mapping[str, str]:
        """Return the rate limit headers in the API's own format."""
        return retry_after(standing)

    def too_many(self, standing: Standing) -> Response:  # noqa: ARG002 - some APIs report how long to wait
        """Return the answer to a request beyond the quota."""
        return Response(status_code=429)


def as_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with a value as JSON; a ``msgspec.Raw`` in it is sent unchanged."""
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")
