"""Product feeds: Google Merchant's XML and TSV, Awin's CSV, eBay's TSV and JSON Lines, plain or gzipped."""

import csv
import gzip
import io
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from hashlib import sha256
from random import Random
from xml.sax.saxutils import escape

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mockapi.api import Window
from mockapi.content import amount, decimal, title
from mockapi.shop import Record, Shop
from mockapi.truth import Truth

_CHANGED_AT = formatdate(1_790_000_000, usegmt=True)


class Feed(Shop):
    """A catalogue as one response in several formats, with validators (RFC 9110, section 8.8)."""

    name = "feed"
    path = "/google.xml"

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return the values of a product by neutral names."""
        named, price = title(rng, index), decimal(amount(rng))
        meant = None if named.meant is None else f"{named.meant}, line\nbreak" if index % 7 == 3 else named.meant
        written = (meant or "").replace("&", "&amp;")
        record = {"id": f"p{index}", "title": written, "price": price, "currency": "EUR", "category": "Home > Lamps"}
        return record, Truth(f"p{index}", meant, price, "EUR", "home > lamps")

    def routes(self) -> Sequence[BaseRoute]:
        """Return a route for each format, and for each compressed."""
        return [
            Route(f"{path}{suffix}", self._serve)
            for path in _FORMATS
            for suffix in ("", ".gz")
            if path + suffix != self.path
        ]

    def window(self, request: Request) -> Window:  # noqa: ARG002 - there is one page
        """Return the whole catalogue."""
        return Window(0, max(self.setup.records, 1))

    def answer(self, request: Request, window: Window) -> Response:
        """Return the feed, or 304 if the client has this version."""
        path = request.url.path
        media_type, written = _FORMATS[path.removesuffix(".gz")]
        body = written(self.records(window))
        if path.endswith(".gz"):
            body, media_type = gzip.compress(body, mtime=0), "application/gzip"
        headers = {"ETag": f'"{sha256(body).hexdigest()[:16]}"', "Last-Modified": _CHANGED_AT}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=media_type)

    def _serve(self, request: Request) -> Response:
        return self.answer(request, self.window(request))


def _google_xml(records: Sequence[Record]) -> bytes:
    items = "".join(
        f"<item><g:id>{record['id']}</g:id><g:title><![CDATA[{record['title']}]]></g:title>"
        f"<g:price>{record['price']} {record['currency']}</g:price>"
        f"<g:product_type>{escape(record['category'])}</g:product_type><g:availability>in_stock</g:availability></item>\n"
        for record in records
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0">'
    return f"{head}<channel><title>Mock &amp; Co</title>\n{items}</channel></rss>\n".encode()


def _table(columns: Mapping[str, str], delimiter: str, *, escaped: bool = False) -> Callable[[Sequence[Record]], bytes]:
    """Return a writer of rows whose cells are templates of a record's values."""

    def write(records: Sequence[Record]) -> bytes:
        file = io.StringIO(newline="")
        quoting = {"doublequote": False, "escapechar": "\\"} if escaped else {}
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n", **quoting)  # type: ignore[arg-type]  # options by name
        writer.writerow(columns)
        writer.writerows([template.format_map(record) for template in columns.values()] for record in records)
        return file.getvalue().encode()

    return write


_GOOGLE = {"id": "{id}", "title": "{title}", "price": "{price} {currency}", "product_type": "{category}"}
_AWIN = {
    "aw_deep_link": "https://shop.example/{id}",
    "product_name": "{title}",
    "aw_product_id": "{id}",
    "merchant_category": "{category}",
    "search_price": "{price}",
    "currency": "{currency}",
}
_EBAY = {
    "itemId": "{id}",
    "title": "{title}",
    "category": "{category}",
    "priceValue": "{price}",
    "priceCurrency": "{currency}",
}

# The formats by path: media type and writer.
_FORMATS: Mapping[str, tuple[str, Callable[[Sequence[Record]], bytes]]] = {
    "/google.xml": ("application/xml", _google_xml),
    "/google.tsv": ("text/tab-separated-values", _table(_GOOGLE, "\t")),
    "/awin.csv": ("text/csv", _table(_AWIN, ",")),
    "/ebay.tsv": ("text/tab-separated-values", _table(_EBAY, "\t", escaped=True)),
    "/feed.jsonl": (
        "application/x-ndjson",
        lambda records: b"".join(msgspec.json.encode(each) + b"\n" for each in records),
    ),
}
