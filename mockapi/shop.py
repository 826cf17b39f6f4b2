"""Shops: APIs that generate their catalogue record by record and know the true product of each."""

from abc import abstractmethod
from collections.abc import Iterator
from math import ceil
from random import Random
from typing import Any

from starlette.requests import Request

from mockapi.api import Api, RefusedError, Window
from mockapi.truth import Truth

Record = dict[str, Any]


class Shop(Api):
    """An API whose records are a pure function of seed, persona and index.

    ``usual`` is the page size if a request names none; None means ``per_page``. ``most`` is the largest page size of
    the real API; None means no maximum. ``per_page`` of the settings limits both.
    """

    errors = "message"
    usual: int | None = None
    most: int | None = None

    @classmethod
    @abstractmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return the record of an index, from 0, and its true product."""

    @property
    def total(self) -> int:
        """Return the number of records."""
        return self.setup.records

    @classmethod
    def truth(cls, seed: int, records: int) -> list[Truth]:
        """Return the products that a correct client reads, in their order."""
        return [truth for _, truth in cls._made(seed, 0, records)]

    def records(self, window: Window) -> list[Record]:
        """Return the records of a window; none past the end."""
        stop = min(window.start + window.size, self.setup.records)
        return [record for record, _ in self._made(self.setup.seed, window.start, stop)]

    def is_last(self, window: Window) -> bool:
        """True if no record follows a window."""
        return window.start + window.size >= self.setup.records

    def numbered(self, request: Request, page: str, size: str, *, first: int = 1) -> Window:
        """Read a window from the parameters named ``page``, counted from ``first``, and ``size``."""
        length = self.size(request, size)
        return Window((self.whole(request, page, first, least=first) - first) * length, length)

    def pages(self, window: Window) -> int:
        """Return the number of pages if all have a window's size."""
        return ceil(self.setup.records / window.size)

    def size(self, request: Request, name: str) -> int:
        """Read the page size from the parameter ``name``, limited to what the API allows."""
        asked = self.whole(request, name, self.usual or self.setup.per_page, least=1)
        return min(asked, self.most or asked, self.setup.per_page)

    def whole(self, request: Request, name: str, default: int, *, least: int = 0) -> int:
        """Read a query parameter that is a whole number.

        Raises:
            RefusedError: if it is not a whole number or is less than ``least``.
        """
        text = request.query_params.get(name, str(default))
        if not (text.isascii() and text.isdecimal() and int(text) >= least):
            raise RefusedError(self.error(400, f"{name} must be a whole number of at least {least}"))
        return int(text)

    @classmethod
    def _made(cls, seed: int, start: int, stop: int) -> Iterator[tuple[Record, Truth]]:
        for index in range(start, stop):
            yield cls.make(Random(f"{seed}:{cls.name}:{index}"), index)
