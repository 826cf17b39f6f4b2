"""No particular API: pages numbered from 0, in the format of Spring Data."""

from random import Random

from starlette.requests import Request
from starlette.responses import Response

from mockapi.api import Window, as_json
from mockapi.content import amount, cycled, decimal, title
from mockapi.shop import Record, Shop
from mockapi.truth import Truth

_CATEGORIES = ("Garden", "Büro &amp; Papier", None)


class PagesFromZero(Shop):
    """A shop whose prices are objects with amount and currency."""

    name = "pages_from_zero"
    path = "/catalogue"
    parameters = ("page", "size")
    usual = 20

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a product; every third has no category."""
        named, price, category = title(rng, index), decimal(amount(rng)), _CATEGORIES[index % len(_CATEGORIES)]
        record = {
            "id": 1_000 + index,
            "name": named.written,
            "price": {"amount": price, "currency": cycled(("EUR", "CHF"), index)},
            "category": category,
        }
        meant = (category or "uncategorized").replace("&amp;", "&").lower()
        return record, Truth(str(1_000 + index), named.meant, price, cycled(("EUR", "CHF"), index), meant)

    def window(self, request: Request) -> Window:
        """Read ``page``, from 0, and ``size``."""
        return self.numbered(request, "page", "size", first=0)

    def answer(self, request: Request, window: Window) -> Response:  # noqa: ARG002 - the window is enough
        """Return ``content``, empty past the end."""
        records = self.records(window)
        body = {
            "content": records,
            "number": window.page - 1,
            "first": window.start == 0,
            "last": self.is_last(window),
            "totalPages": self.pages(window),
            "totalElements": self.setup.records,
            "numberOfElements": len(records),
            "size": window.size,
        }
        return as_json(body)
