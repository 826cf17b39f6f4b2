"""The shops: personas in the shape of well-known product APIs, in the order of their ports."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mockapi.shop import Shop
from mockapi.shops.bigcommerce import Bigcommerce
from mockapi.shops.cursors import Cursors
from mockapi.shops.dummyjson import Dummyjson
from mockapi.shops.ebay_browse import EbayBrowse
from mockapi.shops.fakestore import Fakestore
from mockapi.shops.magento2 import Magento2
from mockapi.shops.pages_from_zero import PagesFromZero
from mockapi.shops.platzi import Platzi
from mockapi.shops.shopify_admin import ShopifyAdmin
from mockapi.shops.shopify_storefront import ShopifyStorefront
from mockapi.shops.stripe_prices import StripePrices
from mockapi.shops.woocommerce_store import WoocommerceStore
from mockapi.shops.woocommerce_v3 import WoocommerceV3

_ALL: tuple[type[Shop], ...] = (
    ShopifyStorefront,
    ShopifyAdmin,
    WoocommerceV3,
    WoocommerceStore,
    Magento2,
    Bigcommerce,
    EbayBrowse,
    StripePrices,
    Dummyjson,
    Fakestore,
    Platzi,
    Cursors,
    PagesFromZero,
)

# By name. A class has a ``name``, the ``path`` of its products, and their ``truth(seed, records)``.
SHOPS: Final[Mapping[str, type[Shop]]] = MappingProxyType({shop.name: shop for shop in _ALL})
