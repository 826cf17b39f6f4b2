"""One persona as a Starlette app: products page by page, health, and what the server saw."""

import math
from collections import Counter
from collections.abc import AsyncIterator

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from mockapi.catalog import envelope, page_of
from mockapi.faults import Fault, FaultScript
from mockapi.limit import RateLimit
from mockapi.settings import Settings
from mockapi.stats import Stats

_HTML = b"<!DOCTYPE html><html><body><h1>We'll be right back</h1></body></html>"


class Persona:
    """One mock API: its settings, and the state that its requests leave behind."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.stats = Stats(name)
        self.script = FaultScript(settings.faults, persona=name, seed=settings.seed, error_rate=settings.error_rate)
        self._limit = RateLimit(settings.rate_limit, settings.burst)
        self._asked: Counter[int] = Counter()

    def app(self) -> Starlette:
        """The ASGI app."""
        return Starlette(
            routes=[
                Route("/products", self._products),
                Route("/health", lambda _: JSONResponse({"status": "ok", "persona": self.name})),
                Route("/stats", lambda _: _json(self.stats.report())),
            ]
        )

    def nth_request(self, page: int) -> int:
        """Count a request for a page that passed the rate limit; from 1."""
        self._asked[page] += 1
        return self._asked[page]

    def requests_for(self, page: int) -> int:
        """How many requests for a page have passed the rate limit so far."""
        return self._asked[page]

    async def _products(self, request: Request) -> Response:
        page = _page_asked_for(request)
        if page is None:
            return PlainTextResponse("page must be a whole number from 1", 400)
        seen = self.stats.arrived(anyio.current_time(), page)
        wait = self._limit.refuse(anyio.current_time())
        if wait is not None:
            seen.status = 429
            return Response(status_code=429, headers={"Retry-After": f"{math.ceil(wait * 100) / 100:g}"})
        nth = self.nth_request(page)
        await anyio.sleep(self.settings.latency + self.script.latency(page, nth))
        fault = self.script.fault(page, nth)
        seen.fault = fault.kind if fault else None
        response = await self._answer(request, page, fault)
        if seen.fault != "hang":
            seen.status = response.status_code
        return response

    async def _answer(self, request: Request, page: int, fault: Fault | None) -> Response:
        value = fault.value if fault else None
        match fault.kind if fault else None:
            case "status":
                return PlainTextResponse("a fault, as scripted", int(value or 500))
            case "429":
                return Response(status_code=429, headers={} if value is None else {"Retry-After": f"{value:g}"})
            case "hang":
                return await _hang(request)
            case "html":
                return Response(_HTML, media_type="text/html")
            case "malformed":
                body = self._page(page).body
                return Response(bytes(body[: len(body) // 2]), media_type="application/json")
            case "truncate":
                return _Truncated(self._page(page).body, media_type="application/json")
            case "drip":
                return StreamingResponse(_drip(bytes(self._page(page).body)), media_type="application/json")
            case "overlap":
                return self._page(page, shift=int(value or 0))
            case "ignore-page":
                return self._page(1)
            case _:
                return self._page(page)

    def _page(self, page: int, shift: int = 0) -> Response:
        settings = self.settings
        records = page_of(self.name, settings.seed, page, pages=settings.pages, per_page=settings.per_page, shift=shift)
        if not records and self.name == "api2":
            return Response(status_code=204)
        return _json(envelope(self.name, records, page, settings.pages))


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def _page_asked_for(request: Request) -> int | None:
    text = request.query_params.get("page", "1")
    return int(text) if text.isdecimal() and int(text) > 0 else None


async def _hang(request: Request) -> Response:
    """Answer nothing until the client goes; only listening tells (a pending sleep would outlive the client)."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=500)


async def _drip(body: bytes) -> AsyncIterator[bytes]:
    for index in range(len(body)):
        yield body[index : index + 1]
        await anyio.sleep(1)


class _Truncated(Response):
    """Announces the whole body, sends half of it and ends."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body[: len(self.body) // 2])})
