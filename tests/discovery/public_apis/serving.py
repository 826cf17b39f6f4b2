"""Serve product APIs in process: a description of each, and a transport that answers for it."""

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import httpx
import msgspec

from mockapi.truth import Truth

Record = dict[str, Any]
Parameters = Mapping[str, str]


class Window(msgspec.Struct, frozen=True):
    """The part of a catalogue that a request selects. ``next`` is the query of the next page, None at the end."""

    start: int
    size: int
    total: int
    number: int = 1
    next: str | None = None

    @property
    def stop(self) -> int:
        return min(self.start + self.size, self.total)

    @property
    def pages(self) -> int:
        return -(-self.total // self.size)

    @property
    def has_more(self) -> bool:
        return self.stop < self.total


Select = Callable[[Parameters, int], Window | None]


class PublicApi(msgspec.Struct, frozen=True):
    """A public API: its documentation, the URL path, its records, its paging, and the body around the records.

    ``select`` returns the window of a request, None for a request that the API refuses with status 400. With
    ``links``, the next page is in a Link header (RFC 8288).
    """

    name: str
    documented: str
    path: str
    record: Callable[[int], tuple[Record, Truth]]
    select: Select
    body: Callable[[list[Record], Window], Any]
    count: int = 23
    links: bool = False

    @property
    def url(self) -> str:
        return f"https://{self.name.replace('_', '-')}.test{self.path}"

    @property
    def truth(self) -> list[Truth]:
        """The products of the whole catalogue."""
        return [self.record(index)[1] for index in range(self.count)]


class PublicApiTransport(httpx.AsyncBaseTransport):
    """A transport that answers as one API does."""

    def __init__(self, api: PublicApi) -> None:
        self._api = api
        self.requests: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(str(request.url))
        parameters = dict(request.url.params)
        if request.url.path != self._api.path.partition("?")[0]:
            return httpx.Response(404, json={"message": "not found"})
        window = self._api.select(parameters, self._api.count)
        if window is None:
            return httpx.Response(400, json={"message": "a parameter is not valid"})
        records = [self._api.record(index)[0] for index in range(window.start, window.stop)]
        headers = {"Content-Type": "application/json"}
        if self._api.links and window.next:
            headers["Link"] = f'<{request.url.copy_with(query=None)}?{window.next}>; rel="next"'
        text = json.dumps(self._api.body(records, window))
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(text.encode()))


def by_page(page: str = "page", size: str = "limit", default: int = 10, *, first: int = 1) -> Select:
    """Return the paging by number; a page after the end is empty."""

    def select(sent: Parameters, total: int) -> Window:
        number, most = int(sent.get(page, first)), int(sent.get(size, default))
        more = (number - first + 1) * most < total
        return Window((number - first) * most, most, total, number, f"{page}={number + 1}" if more else None)

    return select


def by_offset(
    offset: str = "offset", size: str = "limit", default: int = 10, *, first: int = 0, only: Sequence[str] | None = None
) -> Select:
    """Return the paging by position, from ``first``. Parameters other than those in ``only`` are refused."""

    def select(sent: Parameters, total: int) -> Window | None:
        if only is not None and sent.keys() - {offset, size, *only}:
            return None
        start, most = int(sent.get(offset, first)) - first, int(sent.get(size, default))
        following = f"{offset}={start + most + first}" if start + most < total else None
        return Window(start, most, total, start // most + 1, following)

    return select


def by_cursor(cursor: str = "cursor", size: str = "limit", default: int = 10) -> Select:
    """Return the paging by an opaque cursor; a cursor of another kind is refused."""

    def select(sent: Parameters, total: int) -> Window | None:
        given = sent.get(cursor, "c0x")
        if not (given.startswith("c") and given.endswith("x")):
            return None
        start, most = int(given[1:-1]), int(sent.get(size, default))
        following = f"{cursor}=c{start + most}x" if start + most < total else None
        return Window(start, most, total, start // most + 1, following)

    return select


def single(_sent: Parameters, total: int) -> Window:
    """Return the whole catalogue, whatever is requested."""
    return Window(0, max(total, 1), total)


def cursor_of(window: Window) -> str | None:
    """Return the value of the cursor of the next page."""
    return window.next.partition("=")[2] if window.next else None


_ADJECTIVES = ("Oak", "Walnut", "Linen", "Copper", "Wool", "Glass", "Slate", "Cork")
_NOUNS = ("Lamp", "Chair", "Table", "Kettle", "Blanket", "Mirror", "Shelf", "Bowl")
CATEGORIES = ("Lighting", "Seating", "Tables", "Kitchen")


def title(index: int) -> str:
    """Return the title of a product."""
    return f"{_ADJECTIVES[index % 8]} {_NOUNS[index // 3 % 8]} {index}"


def category(index: int) -> str:
    """Return the category of a product."""
    return CATEGORIES[index % len(CATEGORIES)]


def cents(name: str, index: int) -> int:
    """Return the price of a product in hundredths, which is not a whole number of units."""
    return Random(f"{name}:{index}").randrange(3, 250) * 100 + (index * 7 + 5) % 99 + 1


def decimal(hundredths: int) -> str:
    """Return hundredths as a decimal text: 1999 is 19.99."""
    return f"{hundredths // 100}.{hundredths % 100:02}"


def truth(
    index: int,
    price: str | None,
    currency: str | None = None,
    *,
    id: str | int,  # noqa: A002 - the field of the product
    named: str | None = None,
    of: str = "uncategorized",
) -> Truth:
    """Return the product of a record; its title is that of the index unless it is ``named``."""
    return Truth(str(id), named or title(index), price, currency, of.lower())
