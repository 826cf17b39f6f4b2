"""Shop platforms."""

from typing import Any

from discovery.public_apis.serving import (
    PublicApi,
    Record,
    Window,
    by_cursor,
    by_offset,
    by_page,
    category,
    cents,
    cursor_of,
    decimal,
    single,
    title,
    truth,
)

from mockapi.truth import Truth


def _shopware(index: int) -> tuple[Record, Truth]:
    price, identity = cents("shopware", index), f"{index:032x}"
    listed = {"price": (price + 500) / 100, "discount": -5.0, "percentage": 9.1} if index % 3 == 0 else None
    record = {
        "id": identity,
        "parentId": None,
        "productNumber": f"SW{index}",
        "name": None if index % 2 else title(index),
        "translated": {"name": title(index), "description": "…"},
        "ean": f"{4_000_000_000_000 + index}",
        "stock": 10 + index,
        "taxId": "a1",
        "minPurchase": 1,
        "cover": {"id": f"c{index}", "media": {"id": f"m{index}", "url": f"https://cdn.test/{index}.jpg"}},
        "calculatedPrice": {
            "unitPrice": price / 100,
            "quantity": 1,
            "totalPrice": price / 100,
            "calculatedTaxes": [{"tax": 1.9, "taxRate": 19.0, "price": price / 100}],
            "listPrice": listed,
            "referencePrice": None,
        },
        "calculatedPrices": [],
        "manufacturer": {"id": "man1", "translated": {"name": "Nordlicht"}},
    }
    return record, truth(index, decimal(price), id=identity)


def _prestashop(index: int) -> tuple[Record, Truth]:
    price = decimal(cents("prestashop", index))
    record = {
        "id": index + 1,
        "id_manufacturer": "1",
        "id_category_default": "3",
        "reference": f"demo_{index}",
        "name": [{"id": "1", "value": title(index)}, {"id": "2", "value": f"{title(index)} (fr)"}],
        "price": f"{price}0000",
        "wholesale_price": "1.000000",
        "unit_price_ratio": "0.000000",
        "additional_shipping_cost": "0.000000",
        "ean13": f"{4_000_000_000_000 + index}",
        "active": "1",
        "link_rewrite": [{"id": "1", "value": f"lamp-{index}"}],
    }
    return record, truth(index, price, id=index + 1, of="3")


def _spree(index: int) -> tuple[Record, Truth]:
    price = cents("spree", index)
    record = {
        "id": str(100 + index),
        "type": "product",
        "attributes": {
            "name": title(index),
            "description": "…",
            "available_on": "2026-01-01T00:00:00Z",
            "slug": f"lamp-{index}",
            "sku": f"SP{index}",
            "purchasable": True,
            "in_stock": True,
            "price": decimal(price),
            "currency": "USD",
            "display_price": f"${decimal(price)}",
            "compare_at_price": decimal(price + 700),
            "display_compare_at_price": f"${decimal(price + 700)}",
        },
        "relationships": {"taxons": {"data": [{"id": "7", "type": "taxon"}]}},
    }
    return record, truth(index, decimal(price), "USD", id=100 + index)


def _spree_body(records: list[Record], window: Window) -> Any:
    own = "https://spree.test/api/v2/storefront/products"
    return {
        "data": records,
        "included": [
            {"id": str(n), "type": "image", "attributes": {"name": f"Image {n}", "position": n}} for n in (1, 2)
        ],
        "meta": {"count": len(records), "total_count": window.total, "total_pages": window.pages},
        "links": {"self": own, "next": f"{own}?{window.next}" if window.next else own, "last": own},
    }


def _medusa(index: int) -> tuple[Record, Truth]:
    price = cents("medusa", index)
    amount = {"calculated_amount": price / 100, "original_amount": (price + 300) / 100, "currency_code": "eur"}
    record = {
        "id": f"prod_{index}",
        "title": title(index),
        "subtitle": None,
        "handle": f"lamp-{index}",
        "thumbnail": f"https://cdn.test/{index}.png",
        "collection": {"id": "pcol_1", "title": category(index)},
        "options": [{"id": f"opt_{index}", "title": "Size", "values": [{"value": "M"}]}],
        "variants": [
            {
                "id": f"variant_{index}",
                "title": "M",
                "sku": f"MED-{index}",
                "manage_inventory": True,
                "calculated_price": {"id": f"pset_{index}", "is_calculated_price_tax_inclusive": False, **amount},
            }
        ],
    }
    return record, truth(index, decimal(price), "EUR", id=f"prod_{index}", of=category(index))


def _vtex(index: int) -> tuple[Record, Truth]:
    price = cents("vtex", index)
    record = {
        "productId": str(2000 + index),
        "productName": title(index),
        "brand": "Casa",
        "brandId": 9,
        "productReference": f"REF{index}",
        "categoryId": "10",
        "categories": [f"/Home/{category(index)}/", "/Home/"],
        "link": f"https://vtex.test/lamp-{index}/p",
        "items": [
            {
                "itemId": str(index),
                "name": "M",
                "ean": f"{7_000_000_000_000 + index}",
                "images": [{"imageId": "1", "imageUrl": f"https://cdn.test/{index}.jpg"}],
                "sellers": [
                    {
                        "sellerId": "1",
                        "sellerName": "Casa",
                        "commertialOffer": {
                            "Installments": [{"Value": price / 300, "NumberOfInstallments": 3, "InterestRate": 0}],
                            "Price": price / 100,
                            "ListPrice": (price + 1000) / 100,
                            "PriceWithoutDiscount": (price + 1000) / 100,
                            "RewardValue": 0.0,
                            "Tax": 0.0,
                            "AvailableQuantity": 10,
                        },
                    }
                ],
            }
        ],
    }
    return record, truth(index, decimal(price), id=2000 + index, of=f"/home/{category(index)}/")


def _tiendanube(index: int) -> tuple[Record, Truth]:
    price, promotional = cents("tiendanube", index), index % 4 == 0
    record = {
        "id": 5000 + index,
        "name": {"es": title(index), "pt": f"{title(index)} (pt)"},
        "description": {"es": "<p>…</p>"},
        "handle": {"es": f"lampara-{index}"},
        "attributes": [{"es": "Color"}],
        "published": True,
        "brand": None,
        "variants": [
            {
                "id": index,
                "product_id": 5000 + index,
                "price": decimal(price),
                "compare_at_price": decimal(price),
                "promotional_price": decimal(price - 100) if promotional else None,
                "stock": 4,
                "sku": f"TN{index}",
                "values": [{"es": "Rojo"}],
                "cost": "1.00",
            }
        ],
        "images": [{"id": 1, "src": f"https://cdn.test/{index}.jpg", "position": 1}],
        "categories": [{"id": 3, "name": {"es": category(index), "pt": category(index)}, "parent": None}],
    }
    paid = decimal(price - 100) if promotional else decimal(price)
    return record, truth(index, paid, id=5000 + index, of=category(index))


def _ecwid(index: int) -> tuple[Record, Truth]:
    price = cents("ecwid", index)
    record = {
        "id": 900 + index,
        "sku": f"EC{index}",
        "quantity": 12,
        "unlimited": False,
        "inStock": True,
        "name": title(index),
        "price": price / 100,
        "priceInProductList": price / 100,
        "defaultDisplayedPrice": price / 100,
        "defaultDisplayedPriceFormatted": f"€{decimal(price)}",
        "compareToPrice": (price + 400) / 100,
        "tax": {"taxable": True, "defaultLocationIncludedTaxRate": 0},
        "shipping": {"type": "GLOBAL_METHODS", "methodMarkup": 0, "flatRate": 0},
        "url": f"https://ecwid.test/lamp-{index}",
        "thumbnailUrl": f"https://cdn.test/{index}.jpg",
        "categoryIds": [11, 12],
        "defaultCategoryId": 11,
    }
    return record, truth(index, decimal(price), "EUR", id=900 + index, of="11")


def _squarespace(index: int) -> tuple[Record, Truth]:
    price, on_sale = cents("squarespace", index), index % 5 == 0
    record = {
        "id": f"sq{index:022x}",
        "type": "PHYSICAL",
        "storePageId": "p1",
        "name": title(index),
        "url": f"https://squarespace.test/shop/{index}",
        "tags": ["new"],
        "isVisible": True,
        "images": [{"id": "i1", "url": f"https://cdn.test/{index}.jpg"}],
        "variants": [
            {
                "id": f"v{index}",
                "sku": f"SQ{index}",
                "pricing": {
                    "basePrice": {"currency": "USD", "value": decimal(price)},
                    "onSale": on_sale,
                    "salePrice": {"currency": "USD", "value": decimal(price - 100) if on_sale else "0.00"},
                },
                "stock": {"quantity": 3, "unlimited": False},
            }
        ],
    }
    paid = decimal(price - 100) if on_sale else decimal(price)
    return record, truth(index, paid, "USD", id=f"sq{index:022x}")


def _webflow(index: int) -> tuple[Record, Truth]:
    price = cents("webflow", index)
    record = {
        "product": {
            "id": f"wf{index}",
            "createdOn": "2026-01-01T00:00:00Z",
            "fieldData": {"name": title(index), "slug": f"lamp-{index}", "shippable": True, "tax-category": "standard"},
        },
        "skus": [
            {
                "id": f"sku{index}",
                "fieldData": {
                    "name": title(index),
                    "price": {"value": price, "unit": "USD"},
                    "compare-at-price": {"value": price + 500, "unit": "USD"},
                    "quantity": 5,
                },
            }
        ],
    }
    return record, truth(index, decimal(price), "USD", id=f"wf{index}")


def _bigcartel(index: int) -> tuple[Record, Truth]:
    price = cents("bigcartel", index)
    record = {
        "id": 300 + index,
        "name": title(index),
        "permalink": f"lamp-{index}",
        "url": f"/product/lamp-{index}",
        "price": price / 100,
        "default_price": price / 100,
        "tax": 0.0,
        "on_sale": False,
        "status": "active",
        "position": index,
        "images": [{"url": f"https://cdn.test/{index}.jpg", "width": 800, "height": 600}],
        "categories": [{"id": 1, "name": category(index), "permalink": "c", "url": "/category/c"}],
        "options": [{"id": index, "name": "Default", "price": price / 100, "sold_out": False}],
    }
    return record, truth(index, decimal(price), id=300 + index, of=category(index))


def _swell(index: int) -> tuple[Record, Truth]:
    price, on_sale = cents("swell", index), index % 3 == 0
    record = {
        "id": f"{index:024x}",
        "name": title(index),
        "active": True,
        "sku": f"SWL{index}",
        "currency": "USD",
        "price": price / 100,
        "sale": on_sale,
        "sale_price": (price - 100) / 100 if on_sale else None,
        "cost": 1.5,
        "stock_tracking": True,
        "stock_level": 9,
        "purchase_options": {"standard": {"price": price / 100, "sale": on_sale}},
        "category_index": {"id": ["c1"], "sort": {}},
        "images": [{"id": "1", "file": {"id": "f", "url": f"https://cdn.test/{index}.jpg", "width": 10}}],
    }
    paid = decimal(price - 100) if on_sale else decimal(price)
    return record, truth(index, paid, "USD", id=f"{index:024x}")


def _sfcc(index: int) -> tuple[Record, Truth]:
    price = cents("sfcc", index)
    record = {
        "_type": "product_search_hit",
        "hit_type": "product",
        "product_id": f"M{index}",
        "product_name": title(index),
        "currency": "GBP",
        "price": price / 100,
        "prices": {"gbp-m-list-prices": (price + 1000) / 100, "gbp-m-sale-prices": price / 100},
        "orderable": True,
        "represented_product": {"_type": "product_ref", "id": f"M{index}-1"},
        "image": {"_type": "image", "alt": title(index), "link": f"https://cdn.test/{index}.jpg"},
    }
    return record, truth(index, decimal(price), "GBP", id=f"M{index}")


def _sfcc_body(records: list[Record], window: Window) -> Any:
    refinements = [
        {"attribute_id": "cgid", "label": "Category", "values": [{"hit_count": 3, "label": "A", "value": "a"}]}
    ]
    return {
        "_v": "24.1",
        "_type": "product_search_result",
        "count": len(records),
        "refinements": refinements,
        "hits": records,
        "query": "lamp",
        "start": window.start,
        "total": window.total,
    }


def _occ(index: int) -> tuple[Record, Truth]:
    price = cents("occ", index)
    record = {
        "code": str(700_000 + index),
        "name": title(index),
        "summary": "…",
        "manufacturer": "Nordlicht",
        "averageRating": 4.5,
        "numberOfReviews": 12,
        "price": {
            "currencyIso": "EUR",
            "formattedValue": f"€{decimal(price)}",
            "priceType": "BUY",
            "value": price / 100,
        },
        "priceRange": {},
        "stock": {"stockLevel": 12, "stockLevelStatus": "inStock"},
        "images": [{"format": "thumbnail", "url": f"/medias/{index}.jpg"}],
        "url": f"/product/{index}",
        "volumePricesFlag": False,
    }
    return record, truth(index, decimal(price), "EUR", id=700_000 + index)


def _occ_body(records: list[Record], window: Window) -> Any:
    facets = [{"name": "Price", "values": [{"name": "€0-€50", "count": 4, "selected": False}]}]
    page = {"currentPage": window.number, "pageSize": window.size, "totalPages": window.pages}
    return {
        "type": "productCategorySearchPageWsDTO",
        "breadcrumbs": [],
        "facets": facets,
        "products": records,
        "pagination": {**page, "sort": "relevance", "totalResults": window.total},
        "sorts": [{"code": "relevance", "name": "Relevance", "selected": True}],
    }


def _elastic_path(index: int) -> tuple[Record, Truth]:
    price = cents("elastic_path", index)
    with_tax = {"amount": price, "currency": "EUR", "formatted": f"€{decimal(price)}"}
    without_tax = {"amount": price - 200, "currency": "EUR", "formatted": f"€{decimal(price - 200)}"}
    record = {
        "type": "product",
        "id": f"ep-{index}",
        "attributes": {
            "name": title(index),
            "sku": f"EP{index}",
            "slug": f"lamp-{index}",
            "status": "live",
            "price": {"EUR": {"amount": price, "includes_tax": True}},
        },
        "meta": {"display_price": {"with_tax": with_tax, "without_tax": without_tax}, "product_types": ["standard"]},
        "relationships": {"main_image": {"data": {"type": "main_image", "id": "i"}}},
    }
    return record, truth(index, decimal(price), "EUR", id=f"ep-{index}", of="standard")


def _elastic_path_body(records: list[Record], window: Window) -> Any:
    own = "https://elastic-path.test/pcm/catalog/products"
    page = {"limit": window.size, "offset": window.start, "current": window.number, "total": window.pages}
    following = f"{own}?page[limit]={window.size}&{window.next}" if window.next else None
    return {
        "data": records,
        "links": {"first": own, "next": following},
        "meta": {"page": page, "results": {"total": window.total}},
    }


def _cscart(index: int) -> tuple[Record, Truth]:
    price = cents("cscart", index)
    record = {
        "product_id": str(40 + index),
        "product": title(index),
        "product_code": f"CS{index}",
        "product_type": "P",
        "status": "A",
        "company_id": "1",
        "list_price": f"{decimal(price + 900)}",
        "amount": "17",
        "weight": "1.00",
        "shipping_freight": "0.00",
        "price": f"{decimal(price)}0000",
        "base_price": f"{decimal(price)}0000",
        "main_category": 166,
        "category_ids": [166],
    }
    return record, truth(index, decimal(price), id=40 + index, of="p")


def _sylius(index: int) -> tuple[Record, Truth]:
    price = cents("sylius", index)
    record = {
        "@id": f"/api/v2/shop/products/{index}",
        "@type": "Product",
        "id": index + 1,
        "code": f"lamp_{index}",
        "name": title(index),
        "slug": f"lamp-{index}",
        "averageRating": 3,
        "images": [
            {"@id": f"/api/v2/shop/images/{index}", "id": index, "type": "main", "path": f"https://cdn.test/{index}"}
        ],
        "mainTaxon": "/api/v2/shop/taxons/1",
        "defaultVariantData": {"code": f"v{index}", "price": price, "originalPrice": price, "inStock": True},
    }
    return record, truth(index, decimal(price), id=index + 1, of="/api/v2/shop/taxons/1")


def _sylius_body(records: list[Record], window: Window) -> Any:
    view = {"@id": "/api/v2/shop/products?page=1", "@type": "hydra:PartialCollectionView"}
    if window.next:
        view["hydra:next"] = f"/api/v2/shop/products?{window.next}"
    return {
        "@context": "/api/v2/contexts/Product",
        "@type": "hydra:Collection",
        "hydra:member": records,
        "hydra:totalItems": window.total,
        "hydra:view": view,
        "hydra:search": {"hydra:mapping": [{"variable": "name", "property": "name", "required": False}]},
    }


PLATFORMS = (
    PublicApi(
        "shopware",
        "Shopware 6 Store API, product listing",
        "/store-api/product",
        _shopware,
        by_page(),
        lambda records, window: {
            "apiAlias": "dal_entity_search_result",
            "entity": "product",
            "total": window.total,
            "aggregations": [],
            "page": window.number,
            "limit": window.size,
            "elements": records,
        },
    ),
    PublicApi(
        "prestashop",
        "PrestaShop 1.7 webservice, resource products",
        "/api/products?display=full&output_format=JSON",
        _prestashop,
        single,
        lambda records, window: {"products": records},
    ),
    PublicApi(
        "spree",
        "Spree Storefront API v2, products",
        "/api/v2/storefront/products",
        _spree,
        by_page(size="per_page"),
        _spree_body,
    ),
    PublicApi(
        "medusa",
        "Medusa v2 Store API, products with calculated prices",
        "/store/products",
        _medusa,
        by_offset(),
        lambda records, window: {
            "products": records,
            "count": window.total,
            "offset": window.start,
            "limit": window.size,
        },
    ),
    PublicApi(
        "vtex",
        "VTEX Catalog API, search of products",
        "/api/catalog_system/pub/products/search/lamps",
        _vtex,
        single,
        lambda records, window: records,
        count=9,
    ),
    PublicApi(
        "tiendanube",
        "Tiendanube and Nuvemshop API, resource Product",
        "/v1/1234/products",
        _tiendanube,
        by_page(size="per_page"),
        lambda records, window: records,
        links=True,
    ),
    PublicApi(
        "ecwid",
        "Ecwid REST API v3, search products",
        "/api/v3/1003/products",
        _ecwid,
        by_offset(),
        lambda records, window: {
            "total": window.total,
            "count": len(records),
            "offset": window.start,
            "limit": window.size,
            "items": records,
        },
    ),
    PublicApi(
        "squarespace",
        "Squarespace Commerce APIs, products",
        "/1.1/commerce/products",
        _squarespace,
        by_cursor(),
        lambda records, window: {
            "products": records,
            "pagination": {
                "hasNextPage": window.has_more,
                "nextPageCursor": cursor_of(window),
                "nextPageUrl": f"https://squarespace.test/1.1/commerce/products?{window.next}" if window.next else None,
            },
        },
    ),
    PublicApi(
        "webflow",
        "Webflow Data API v2, products and SKUs",
        "/v2/sites/1/products",
        _webflow,
        by_offset(),
        lambda records, window: {
            "items": records,
            "pagination": {"limit": window.size, "offset": window.start, "total": window.total},
        },
    ),
    PublicApi(
        "bigcartel",
        "Big Cartel, products.json of a store",
        "/products.json",
        _bigcartel,
        single,
        lambda records, window: records,
    ),
    PublicApi(
        "swell",
        "Swell Backend API, products",
        "/products",
        _swell,
        by_page(),
        lambda records, window: {
            "count": window.total,
            "page_count": window.pages,
            "page": window.number,
            "results": records,
            "pages": {str(n + 1): {"start": n * 10 + 1, "end": n * 10 + 10} for n in range(window.pages)},
        },
    ),
    PublicApi(
        "sfcc",
        "Salesforce B2C Commerce, Shop API, product_search",
        "/s/shop/dw/shop/v24_1/product_search?q=lamp",
        _sfcc,
        by_offset("start", "count"),
        _sfcc_body,
    ),
    PublicApi(
        "occ",
        "SAP Commerce OCC API v2, product search",
        "/occ/v2/electronics/products/search",
        _occ,
        by_page("currentPage", "pageSize", first=0),
        _occ_body,
    ),
    PublicApi(
        "elastic_path",
        "Elastic Path Commerce Cloud, catalog products",
        "/pcm/catalog/products",
        _elastic_path,
        by_offset("page[offset]", "page[limit]"),
        _elastic_path_body,
    ),
    PublicApi(
        "cscart",
        "CS-Cart REST API, products",
        "/api/products",
        _cscart,
        by_page(size="items_per_page"),
        lambda records, window: {
            "products": records,
            "params": {"page": window.number, "items_per_page": window.size, "total_items": str(window.total)},
        },
    ),
    PublicApi(
        "sylius",
        "Sylius Shop API v2, products as JSON-LD",
        "/api/v2/shop/products",
        _sylius,
        by_page(size="itemsPerPage"),
        _sylius_body,
    ),
)
