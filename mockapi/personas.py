"""All personas by name, in the order of their ports."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mockapi.api import Api
from mockapi.feed import Feed
from mockapi.frameworks import FRAMEWORKS
from mockapi.graphql import GraphqlShop
from mockapi.plain import Plain
from mockapi.setup import Setup
from mockapi.shop import Shop
from mockapi.shops import SHOPS
from mockapi.shops.commercetools import Commercetools
from mockapi.shops.magento2_graphql import Magento2Graphql
from mockapi.shops.saleor import Saleor
from mockapi.shops.search import Search
from mockapi.shops.shopify_graphql import ShopifyGraphql

# Served by default.
PERSONAS: Final = ("api1", "api2", "api3")

# Products are requested by POST, with a query in the body.
POSTED: Final[Mapping[str, type[Shop]]] = MappingProxyType(
    {shop.name: shop for shop in (ShopifyGraphql, Saleor, Magento2Graphql, Commercetools, Search)}
)

GRAPHQL: Final = tuple(name for name, shop in POSTED.items() if issubclass(shop, GraphqlShop))

_CATALOGUES: Mapping[str, type[Api]] = {**SHOPS, **FRAMEWORKS, **POSTED, Feed.name: Feed}

NAMES: Final = (*PERSONAS, *_CATALOGUES)

_FIRST_PORT = 8001


def api(name: str, setup: Setup) -> Api:
    """Create a persona that has had no requests."""
    return _CATALOGUES[name](setup) if name in _CATALOGUES else Plain(name, setup)


def usual_port(name: str) -> int:
    """Return the default port of a persona."""
    return _FIRST_PORT + NAMES.index(name)


def path(name: str) -> str:
    """Return the path from a persona's base URL to its products."""
    return _CATALOGUES[name].path if name in _CATALOGUES else Plain.path
