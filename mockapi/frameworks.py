"""Servers with the defaults of common frameworks: one class each, composed of a page format and behaviours."""

from collections.abc import Mapping, Sequence
from math import ceil
from random import Random
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from mockapi.api import Window, as_json
from mockapi.content import DIGITS, amount, cycled, decimal, title
from mockapi.quota import Standing
from mockapi.shop import Record, Shop
from mockapi.truth import Truth
from mockapi.wordpress import page_headers

_CATEGORIES = ("Lamps", "Küche", "")
_CURRENCIES = ("EUR", "JPY")


class Framework(Shop):
    """A shop whose errors all have a message; its first two ``parameters`` are page number and page size."""

    parameters: Sequence[str] = ("page", "page_size")

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a product with its price as text, its currency and its category."""
        named, category, currency = title(rng, index), cycled(_CATEGORIES, index), cycled(_CURRENCIES, index)
        price = decimal(amount(rng), DIGITS[currency])
        record = {"id": index + 1, "name": named.written, "price": price, "currency": currency, "category": category}
        return record, Truth(str(index + 1), named.meant, price, currency, category.lower() or "uncategorized")

    def window(self, request: Request) -> Window:
        """Read page number, from 1, and page size."""
        return self.numbered(request, *self.parameters)

    def failure(self, status: int, text: str = "") -> Response:
        """Return an error with a message in the framework's format."""
        return self.error(status, text or "Too many requests.")

    def page_url(self, request: Request, page: int, pages: int) -> str | None:
        """Return the absolute URL of a page, or None if there is no such page."""
        return str(request.url.include_query_params(**{self.parameters[0]: page})) if 1 <= page <= pages else None


class DjangoRest(Framework):
    """Django REST framework's ``PageNumberPagination``: ``count``, ``next`` as URL or null, and 404 after the end."""

    name = "django_rest"
    path = "/api/products/"
    past_end = "404"
    errors = "detail"

    def answer(self, request: Request, window: Window) -> Response:
        """Return ``results`` with their total ``count``."""
        pages = self.pages(window)
        links = {"next": window.page + 1, "previous": window.page - 1}
        body = {rel: self.page_url(request, page, pages) for rel, page in links.items()}
        return as_json({"count": self.total, **body, "results": self.records(window)})

    def too_many(self, standing: Standing) -> Response:
        """Return the message of a throttle."""
        wait = ceil(standing.wait or 0)
        return self.error(429, f"Request was throttled. Expected available in {wait} seconds.")


class Wordpress(Framework):
    """WordPress' REST API: a list at the root, totals in ``X-WP-*`` headers, and 400 after the end."""

    name = "wordpress"
    path = "/wp-json/wp/v2/products"
    parameters = ("page", "per_page")
    usual, most = 10, 100
    past_end = "400"

    def answer(self, request: Request, window: Window) -> Response:
        """Return a list."""
        headers = page_headers(request, window, self.total, self.pages(window))
        return as_json(self.records(window), headers=headers)


class Strapi(Framework):
    """Strapi: ``pagination[page]``, totals in ``meta.pagination``, and 400 for unknown parameters."""

    name = "strapi"
    path = "/api/products"
    parameters = ("pagination[page]", "pagination[pageSize]")
    usual, most = 25, 100
    unknown_parameters = "refuse"
    errors = "error.message"

    def answer(self, request: Request, window: Window) -> Response:  # noqa: ARG002 - the window is enough
        """Return ``data``, empty past the end."""
        pages = self.pages(window)
        pagination = {"page": window.page, "pageSize": window.size, "pageCount": pages, "total": self.total}
        return as_json({"data": self.records(window), "meta": {"pagination": pagination}})


class JsonApi(Framework):
    """JSON:API: ``page[number]``, records in ``attributes``, an enforced ``Accept``, 400 for unknown parameters."""

    name = "json_api"
    path = "/products"
    parameters = ("page[number]", "page[size]")
    unknown_parameters = "refuse"
    media_type = "application/vnd.api+json"
    errors = "errors[0].detail"

    def answer(self, request: Request, window: Window) -> Response:
        """Return ``data``, empty past the end."""
        pages = self.pages(window)
        near = {"first": 1, "prev": window.page - 1, "next": window.page + 1, "last": pages}
        links = {rel: self.page_url(request, page, pages) for rel, page in near.items()}
        links["self"] = str(request.url)
        data = [
            {"type": "products", "id": str(record.pop("id")), "attributes": record} for record in self.records(window)
        ]
        return as_json({"links": links, "data": data})


class JsonServer(Framework):
    """json-server 1: all records without ``_page``, page numbers as ``next``, unknown parameters as filters."""

    name = "json_server"
    path = "/products"
    parameters = ("_page", "_per_page")
    usual = 10
    past_end = "last"
    unknown_parameters = "filter"
    errors = "error"

    def window(self, request: Request) -> Window:
        """Read ``_page``, from 1, and ``_per_page``; without ``_page``, return the whole catalogue."""
        return super().window(request) if "_page" in request.query_params else Window(0, max(1, self.total))

    def answer(self, request: Request, window: Window) -> Response:
        """Return ``data`` with page numbers, or a list if no page was requested."""
        records, pages, page = self.records(window), max(1, self.pages(window)), window.page
        if "_page" not in request.query_params:
            return as_json(records)
        numbers = {"first": 1, "prev": page - 1 or None, "next": page + 1 if page < pages else None, "last": pages}
        return as_json({**numbers, "pages": pages, "items": self.total, "data": records})


class OracleRest(Framework):
    """Oracle REST Data Services: ``offset`` and ``limit``, ``hasMore``, ``count`` of this page, ``links`` as a list."""

    name = "oracle_rest"
    path = "/ords/shop/products/"
    parameters = ("offset", "limit")
    usual = 25

    def window(self, request: Request) -> Window:
        """Read ``offset`` and ``limit``."""
        return Window(self.whole(request, "offset", 0), self.size(request, "limit"))

    def answer(self, request: Request, window: Window) -> Response:
        """Return ``items``, empty past the end."""
        records, start, size = self.records(window), window.start, window.size
        offsets = {"first": 0, "next": start + size, "prev": max(0, start - size)}
        if self.is_last(window):
            del offsets["next"]
        if start == 0:
            del offsets["prev"]
        links = [
            {"rel": rel, "href": str(request.url.include_query_params(offset=offset, limit=size))}
            for rel, offset in offsets.items()
        ]
        body = {"items": records, "hasMore": "next" in offsets, "limit": size, "offset": start, "count": len(records)}
        return as_json({**body, "links": [{"rel": "self", "href": str(request.url)}, *links]})


_ALL: tuple[type[Framework], ...] = (DjangoRest, Wordpress, Strapi, JsonApi, JsonServer, OracleRest)

# By name, as ``SHOPS``.
FRAMEWORKS: Final[Mapping[str, type[Framework]]] = MappingProxyType({server.name: server for server in _ALL})
