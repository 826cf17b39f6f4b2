"""One persona as a Starlette app: pages of products, health, and request statistics."""

from collections import Counter
from collections.abc import AsyncIterator

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from mockapi import personas
from mockapi.api import RefusedError, Window, as_json
from mockapi.behaviours import respond
from mockapi.faults import Fault, FaultScript
from mockapi.graphql import GraphqlShop
from mockapi.settings import Settings
from mockapi.stats import Seen, Stats

_HTML = b"<!DOCTYPE html><html><body><h1>We'll be right back</h1></body></html>"


class Persona:
    """One mock API: its settings, and the state that its requests change."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.stats = Stats(name)
        self.script = FaultScript(settings.faults, persona=name, seed=settings.seed, error_rate=settings.error_rate)
        self._api = personas.api(name, settings)
        self._asked: Counter[int] = Counter()

    def app(self) -> Starlette:
        """Build the ASGI app."""
        return Starlette(
            routes=[
                Route(self._api.route, self._products, methods=list(self._api.methods)),
                *self._api.routes(),
                Route("/health", lambda _: JSONResponse({"status": "ok", "persona": self.name})),
                Route("/stats", lambda _: as_json(self.stats.report())),
            ]
        )

    def nth_request(self, page: int) -> int:
        """Count a request that passed the rate limit, and return its number for this page, from 1."""
        self._asked[page] += 1
        return self._asked[page]

    def requests_for(self, page: int) -> int:
        """Return the number of requests for a page that have passed the rate limit so far."""
        return self._asked[page]

    async def _products(self, request: Request) -> Response:
        request.state.body = await request.body()
        try:
            window = self._api.window(request)
        except RefusedError as refused:
            return refused.response
        seen = self.stats.arrived(anyio.current_time(), window.page)
        standing = self._api.limit.ask(anyio.current_time())
        response = (
            await self._admitted(request, window, seen) if standing.wait is None else self._api.too_many(standing)
        )
        if seen.fault != "hang":
            seen.status = response.status_code
        response.headers.update(self._api.rate_headers(standing))
        return response

    async def _admitted(self, request: Request, window: Window, seen: Seen) -> Response:
        try:
            self._api.authorize(request)
        except RefusedError as refused:
            return refused.response
        page = window.page
        nth = self.nth_request(page)
        await anyio.sleep(self.settings.latency + self.script.latency(page, nth))
        fault = self.script.fault(page, nth)
        seen.fault = fault.kind if fault else None
        return await self._answer(request, window, fault)

    async def _answer(self, request: Request, window: Window, fault: Fault | None) -> Response:
        value = fault.value if fault else None
        match fault.kind if fault else None:
            case "status":
                return self._api.failure(int(value or 500), "a fault, as scripted")
            case "429":
                response = self._api.failure(429)
                response.headers.update({} if value is None else {"Retry-After": f"{value:g}"})
                return response
            case "hang":
                return await _hang(request)
            case ("no-data" | "part-data") as kind:
                assert isinstance(self._api, GraphqlShop)
                return self._api.no_data() if kind == "no-data" else self._api.part_of_data(window)
            case "html":
                return Response(_HTML, media_type="text/html")
            case "malformed":
                body = self._body(request, window)
                return Response(body[: len(body) // 2], media_type="application/json")
            case "truncate":
                return _Truncated(self._body(request, window), media_type="application/json")
            case "drip":
                return StreamingResponse(_drip(self._body(request, window)), media_type="application/json")
            case "overlap":
                return respond(self._api, request, Window(window.start, window.size, shift=int(value or 0)))
            case "dirty":
                return respond(self._api, request, msgspec.structs.replace(window, dirty=True))
            case "ignore-page":
                return respond(self._api, request, Window(0, window.size))
            case _:
                return respond(self._api, request, window)

    def _body(self, request: Request, window: Window) -> bytes:
        return bytes(respond(self._api, request, window).body)


async def _hang(request: Request) -> Response:
    """Answer nothing until the client disconnects.

    Only ``receive`` reports the disconnection; a pending sleep would outlive the client.
    """
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=500)


async def _drip(body: bytes) -> AsyncIterator[bytes]:
    for index in range(len(body)):
        yield body[index : index + 1]
        await anyio.sleep(1)


class _Truncated(Response):
    """A response that announces its whole body, sends half of it and ends."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body[: len(self.body) // 2])})
