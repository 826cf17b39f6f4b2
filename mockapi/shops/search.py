"""A search engine: POST with a JSON body or a form, hits with scores, and a total."""

from random import Random
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from mockapi.api import RefusedError, Window, as_json
from mockapi.content import amount, decimal, title
from mockapi.shop import Record, Shop
from mockapi.truth import Truth


class Search(Shop):
    """An index of products. The page is ``page.from`` and ``page.size`` in JSON, ``from`` and ``size`` in a form."""

    name = "search"
    path = "/search"
    methods = ("POST",)

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a hit."""
        named, price = title(rng, index), decimal(amount(rng))
        source = {"title": named.written, "price": f"€ {price}", "category": "Found"}
        return {"_id": f"h{index}", "_score": 1.5, "_source": source}, Truth(
            f"h{index}", named.meant, price, "EUR", "found"
        )

    def window(self, request: Request) -> Window:
        """Read ``from`` and ``size`` from the body."""
        kind = request.headers.get("content-type", "").partition(";")[0]
        page: Any
        if kind == "application/json":
            try:
                page = msgspec.json.decode(request.state.body, type=dict[str, Any]).get("page") or {}
            except msgspec.DecodeError:
                raise RefusedError(as_json({"error": "The body is not a JSON object."}, 400)) from None
        elif kind == "application/x-www-form-urlencoded":
            page = {
                name: int(values[0])
                for name, values in parse_qs(request.state.body.decode()).items()
                if values[0].isdecimal()
            }
        else:
            raise RefusedError(as_json({"error": f"Content-Type [{kind}] is not supported"}, 415))
        if not all(isinstance(page.get(name, 0), int) for name in ("from", "size")):
            raise RefusedError(as_json({"error": "page.from and page.size must be integers"}, 400))
        return Window(page.get("from", 0), min(page.get("size") or self.setup.per_page, self.setup.per_page))

    def answer(self, request: Request, window: Window) -> Response:  # noqa: ARG002 - the window is enough
        """Return the hits and their total."""
        hits = {"total": {"value": self.setup.records, "relation": "eq"}, "hits": self.records(window)}
        return as_json({"took": 3, "timed_out": False, "hits": hits})
