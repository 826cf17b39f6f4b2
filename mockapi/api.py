"""The interface between a persona and its server: read, admit and answer requests in the shape of one API."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from http import HTTPStatus
from typing import Self
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from mockapi.announce import retry_after
from mockapi.errors import ERRORS
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
    """One API over HTTP.

    ``path`` leads from the base URL to its products and includes any query that they need. ``parameters`` are the names
    of the query parameters that it knows besides those of ``path``. Requests for products by
    other methods than ``methods`` get 405.

    ``past_end`` and ``unknown_parameters`` are keys of the tables in ``behaviours``; ``errors`` is a key of ``ERRORS``.
    If ``media_type`` is not empty, answers have this type, and requests must accept it.
    """

    name: str
    path: str
    methods: Sequence[str] = ("GET",)
    parameters: Sequence[str] = ()
    quota: Quota = Quota()
    past_end: str = "own"
    unknown_parameters: str = "ignore"
    media_type: str = ""
    errors: str = "text"

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.past_end = setup.past_end or self.past_end
        self.unknown_parameters = setup.unknown_parameters or self.unknown_parameters
        self.media_type = setup.media_type or self.media_type
        self.errors = setup.errors or self.errors
        self.quota = setup.quota or self.quota
        self.limit = self.quota.limit(setup.rate_limit, setup.burst)

    @property
    def route(self) -> str:
        """Return the path of its products as a route pattern."""
        return self.path.partition("?")[0]

    @property
    @abstractmethod
    def total(self) -> int:
        """Return the number of records in the catalogue."""

    def without_records(self) -> Self:
        """Return the same API with an empty catalogue."""
        empty = copy(self)
        empty.setup = msgspec.structs.replace(self.setup, pages=0)
        return empty

    def unknown(self, request: Request) -> Sequence[str]:
        """Return the query parameters of a request that the API does not know."""
        known = {*self.parameters, *parse_qs(self.path.partition("?")[2], keep_blank_values=True)}
        return [name for name in request.query_params if name not in known]

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
        return self.failure(429)

    def error(self, status: int, text: str) -> Response:
        """Return a refusal in the API's error format."""
        return ERRORS[self.errors](status, text)

    def failure(self, status: int, text: str = "") -> Response:
        """Return a failure: ``text`` alone, or an error with a message if the settings choose an error format."""
        if self.setup.errors:
            return self.error(status, text or HTTPStatus(status).phrase)
        return Response(text, status, media_type="text/plain" if text else None)


def as_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with a value as JSON; a ``msgspec.Raw`` in it is sent unchanged."""
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")
