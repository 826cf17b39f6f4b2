"""Numbered pages of a fixed size, in three shapes: api1, api2 and api3."""

from starlette.requests import Request
from starlette.responses import Response

from mockapi.api import Api, RefusedError, Window, as_json
from mockapi.catalog import envelope, page_of, pages_of
from mockapi.dirt import soiled
from mockapi.setup import Setup


class Plain(Api):
    """One of the three; ``catalog.py`` has their content."""

    path = "/products"
    parameters = ("page",)

    def __init__(self, name: str, setup: Setup) -> None:
        super().__init__(setup)
        self.name = name

    @property
    def total(self) -> int:
        """Return the number of records, as if all pages were full."""
        return self._pages * self.setup.per_page

    @property
    def _pages(self) -> int:
        setup = self.setup
        return pages_of(self.name, setup.seed, pages=setup.pages, per_page=setup.per_page, night=setup.night)

    def window(self, request: Request) -> Window:
        """Read ``page``, from 1."""
        text = request.query_params.get("page", "1")
        if not text.isdecimal() or int(text) == 0:
            raise RefusedError(self.error(400, "page must be a whole number of at least 1"))
        return Window((int(text) - 1) * self.setup.per_page, self.setup.per_page)

    def answer(self, request: Request, window: Window) -> Response:  # noqa: ARG002 - the window is enough
        """Return the records in the persona's envelope; api2 answers 204 past its end."""
        setup, page = self.setup, window.page
        records = page_of(
            self.name,
            setup.seed,
            page,
            pages=setup.pages,
            per_page=setup.per_page,
            shift=window.shift,
            night=setup.night,
        )
        if not records and self.name == "api2":
            return Response(status_code=204)
        if window.dirty:
            records = soiled(records)
        return as_json(envelope(self.name, records, page, self._pages))
