"""Magento 2 (Adobe Commerce): search criteria in the query, and the last page again after the end."""

from random import Random

from starlette.requests import Request
from starlette.responses import Response

from mockapi.api import RefusedError, Window, as_json
from mockapi.content import amount, cycled, number, shortest, title
from mockapi.credentials import TOKEN, bearer
from mockapi.shop import Record, Shop
from mockapi.truth import Truth

_PAGE, _SIZE = "searchCriteria[currentPage]", "searchCriteria[pageSize]"
_CATEGORY_IDS = ("48", "3", "112")


class Magento2(Shop):
    """A shop whose products are identified by ``sku``; configurable products have the price 0, which means none."""

    name = "magento2"
    path = "/rest/V1/products"
    parameters = (_PAGE, _SIZE)
    usual, most = 20, 300

    @classmethod
    def make(cls, rng: Random, index: int) -> tuple[Record, Truth]:
        """Return a product; every fifth is configurable, every seventh has no category."""
        sku, named = f'MH-{index + 1:04} "Técnica"', title(rng, index)
        is_configurable, category = index % 5 == 2, None if index % 7 == 6 else cycled(_CATEGORY_IDS, index)
        price = None if is_configurable else shortest(amount(rng))
        attributes: list[Record] = [{"attribute_code": "image", "value": "/c/a/mock.jpg"}]
        if category:
            attributes.append({"attribute_code": "category_ids", "value": [category, "2"]})
        record = {
            "id": 1_247 + index,
            "sku": sku,
            "name": named.written,
            "attribute_set_id": 20,
            "price": number(price or "0"),
            "status": 1,
            "visibility": 4,
            "type_id": "configurable" if is_configurable else "simple",
            "extension_attributes": {"website_ids": [1]},
            "custom_attributes": attributes,
        }
        return record, Truth(sku, named.meant, price, None, category or "uncategorized")

    def authorize(self, request: Request) -> None:
        """Check the ``Bearer`` token."""
        if bearer(request) != TOKEN:
            text = "The consumer isn't authorized to access %resources."
            resources = {"resources": "Magento_Catalog::products"}
            raise RefusedError(as_json({"message": text, "parameters": resources}, 401))

    def window(self, request: Request) -> Window:
        """Read ``searchCriteria[currentPage]``, from 1, and ``searchCriteria[pageSize]``."""
        return self.numbered(request, _PAGE, _SIZE)

    def answer(self, request: Request, window: Window) -> Response:  # noqa: ARG002 - the window is enough
        """Return ``items``, past the end those of the last page; ``search_criteria`` repeats the request."""
        last = max(0, self.pages(window) - 1) * window.size
        body = {
            "items": self.records(Window(min(window.start, last), window.size)),
            "search_criteria": {"filter_groups": [], "page_size": window.size, "current_page": window.page},
            "total_count": self.setup.records,
        }
        return as_json(body)
