"""What a persona is to its server: requests are read, admitted and answered in the shape of one API."""

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
    """The part of a catalogue that a request asks for: ``size`` records at most, from index ``start`` on.

    ``shift`` is by how many records a fault moves it back; ``dirty`` when one soils them.
    """

    start: int
    size: int
    shift: int = 0
    dirty: bool = False

    @property
    def page(self) -> int:
        """Its ordinal number, from 1, when pages of this size follow each other."""
        return self.start // self.size + 1


class RefusedError(Exception):
    """A request that the API does not take; ``response`` says so in the API's own words."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Api(ABC):
    """One API over HTTP. ``path`` is of its products, behind the base URL, with the query that they need."""

    name: str
    path: str
    quota: Quota = Quota()

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.limit = self.quota.limit(setup.rate_limit, setup.burst)

    @property
    def route(self) -> str:
        """The path of its products, as a route's pattern."""
        return self.path.partition("?")[0]

    def routes(self) -> Sequence[BaseRoute]:
        """What it serves besides products."""
        return ()

    @abstractmethod
    def window(self, request: Request) -> Window:
        """What a request asks for.

        Raises:
            RefusedError: when that cannot be read.
        """

    def authorize(self, request: Request) -> None:  # noqa: B027 - most APIs let everybody in
        """Admit a request.

        Raises:
            RefusedError: when it has not the credentials.
        """

    @abstractmethod
    def answer(self, request: Request, window: Window) -> Response:
        """The page."""

    def announce(self, standing: Standing) -> Mapping[str, str]:
        """The headers that tell a client where it stands; they go with every answer."""
        return retry_after(standing)

    def too_many(self, standing: Standing) -> Response:  # noqa: ARG002 - some say how long to wait
        """The answer when the quota is used up."""
        return Response(status_code=429)


def as_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value as JSON; a ``msgspec.Raw`` in it goes out as it is."""
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")
