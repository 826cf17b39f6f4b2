"""A shop: an API whose catalogue is made up record by record, and that knows what is true of each."""

from abc import abstractmethod
from collections.abc import Iterator
from math import ceil
from random import Random
from typing import Any

from starlette.requests import Request

from mockapi.api import Api, RefusedError, Window, as_json
from mockapi.truth import Truth

Record = dict[str, Any]


class Shop(Api):
    """Records are a pure function of seed, persona and index.

    ``usual`` is how many a page has when a request does not say, None for all; ``most`` is how many the real API gives
    whatever a request says, None for any number. The mock's own pages may be smaller still.
    """

    usual: int | None = None
    most: int | None = None

    @classmethod
    @abstractmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """The record of an index, from 0, and what is true of it."""

    @classmethod
    def truth(cls, seed: int, records: int) -> list[Truth]:
        """The products that a correct client ends up with, in their order."""
        return [truth for _, truth in cls._made(seed, 0, records)]

    def records(self, window: Window) -> list[Record]:
        """The records that a window shows; none past the end."""
        stop = min(window.start + window.size, self.setup.records)
        return [record for record, _ in self._made(self.setup.seed, window.start, stop)]

    def is_last(self, window: Window) -> bool:
        """Whether nothing comes behind a window."""
        return window.start + window.size >= self.setup.records

    def numbered(self, request: Request, page: str, size: str, *, first: int = 1) -> Window:
        """The window of a page that is asked for by its number, counted from ``first``; the names of the parameters."""
        length = self.size(request, size)
        return Window((self.whole(request, page, first, least=first) - first) * length, length)

    def pages(self, window: Window) -> int:
        """How many pages there are, when all are of a window's size."""
        return ceil(self.setup.records / window.size)

    def size(self, request: Request, name: str) -> int:
        """How many records a page has for a request; the name of the parameter."""
        asked = self.whole(request, name, self.usual or self.setup.per_page, least=1)
        return min(asked, self.most or asked, self.setup.per_page)

    def whole(self, request: Request, name: str, default: int, *, least: int = 0) -> int:
        """A query parameter that is a whole number.

        Raises:
            RefusedError: when it is none, or less than ``least``.
        """
        text = request.query_params.get(name, str(default))
        if not (text.isascii() and text.isdecimal() and int(text) >= least):
            raise RefusedError(as_json({"message": f"{name} must be a whole number from {least}"}, 400))
        return int(text)

    @classmethod
    def _made(cls, seed: int, start: int, stop: int) -> Iterator[tuple[Record, Truth]]:
        for index in range(start, stop):
            yield cls.make(Random(f"{seed}:{cls.name}:{index}"), index)
