"""Marketplaces."""

from typing import Any

from discovery.public_apis.serving import (
    PublicApi,
    Record,
    Window,
    by_offset,
    by_page,
    category,
    cents,
    decimal,
    title,
    truth,
)

from mockapi.truth import Truth


def _mercadolibre(index: int) -> tuple[Record, Truth]:
    price = cents("mercadolibre", index)
    record = {
        "id": f"MLA{1000 + index}",
        "title": title(index),
        "condition": "new",
        "thumbnail_id": f"t{index}",
        "catalog_product_id": None,
        "permalink": f"https://articulo.test/MLA{index}",
        "category_id": f"MLA{index % 3}",
        "domain_id": "MLA-LAMPS",
        "thumbnail": f"https://cdn.test/{index}.jpg",
        "currency_id": "ARS",
        "price": price / 100,
        "original_price": (price + 5000) / 100 if index % 2 else None,
        "sale_price": None,
        "available_quantity": 50,
        "official_store_id": None,
        "shipping": {"store_pick_up": False, "free_shipping": True, "logistic_type": "fulfillment"},
        "seller": {"id": 77, "nickname": "CASA"},
        "installments": {"quantity": 6, "amount": price / 600, "rate": 0, "currency_id": "ARS"},
    }
    return record, truth(index, decimal(price), "ARS", id=f"MLA{1000 + index}", of=f"MLA{index % 3}")


def _mercadolibre_body(records: list[Record], window: Window) -> Any:
    filters = [
        {
            "id": "price",
            "name": "Precio",
            "type": "range",
            "values": [{"id": "*-100", "name": "Hasta $100", "results": 9}],
        }
    ]
    return {
        "site_id": "MLA",
        "query": "lampara",
        "paging": {
            "total": window.total,
            "primary_results": window.total,
            "offset": window.start,
            "limit": window.size,
        },
        "results": records,
        "sort": {"id": "relevance", "name": "Más relevantes"},
        "available_sorts": [{"id": "price_asc", "name": "Menor precio"}],
        "filters": [],
        "available_filters": filters,
    }


def _etsy(index: int) -> tuple[Record, Truth]:
    price = cents("etsy", index)
    record = {
        "listing_id": 8000 + index,
        "user_id": 5,
        "shop_id": 6,
        "title": title(index),
        "description": "…",
        "state": "active",
        "creation_timestamp": 1_790_000_000,
        "quantity": 3,
        "shop_section_id": 12,
        "featured_rank": -1,
        "url": f"https://etsy.test/listing/{8000 + index}",
        "num_favorers": 4,
        "shipping_profile_id": 33,
        "processing_min": 1,
        "price": {"amount": price, "divisor": 100, "currency_code": "USD"},
        "taxonomy_id": 1229,
    }
    return record, truth(index, decimal(price), "USD", id=8000 + index)


def _allegro(index: int) -> tuple[Record, Truth]:
    price = cents("allegro", index)
    record = {
        "id": str(14_000 + index),
        "name": title(index),
        "seller": {"id": "44", "login": "dom", "company": True, "superSeller": False},
        "promotion": {"emphasized": False, "bold": False, "highlight": False},
        "delivery": {"availableForFree": False, "lowestPrice": {"amount": "8.99", "currency": "PLN"}},
        "images": [{"url": f"https://cdn.test/{index}"}],
        "sellingMode": {"format": "BUY_NOW", "popularity": 3, "price": {"amount": decimal(price), "currency": "PLN"}},
        "stock": {"unit": "UNIT", "available": 7},
        "vendor": None,
        "category": {"id": str(index % 4)},
        "publication": {"endingAt": None},
    }
    return record, truth(index, decimal(price), "PLN", id=14_000 + index)


def _allegro_body(records: list[Record], window: Window) -> Any:
    return {
        "items": {"promoted": [], "regular": records},
        "categories": {"subcategories": [{"id": "1", "name": "Lampy", "count": 3}], "path": []},
        "filters": [
            {"id": "price", "type": "NUMERIC", "name": "cena", "values": [{"idSuffix": ".from", "name": "od"}]}
        ],
        "searchMeta": {"availableCount": window.total, "totalCount": window.total, "fallback": False},
        "sort": [{"value": "-relevance", "order": "DESC", "name": "trafność", "selected": True}],
    }


def _reverb(index: int) -> tuple[Record, Truth]:
    price = cents("reverb", index) + 100_000
    record = {
        "id": 600 + index,
        "make": "Fender",
        "model": "Deluxe",
        "finish": "Red",
        "year": "1974",
        "title": title(index),
        "created_at": "2026-01-01T00:00:00Z",
        "shop_name": "Strings",
        "condition": {"uuid": "c", "display_name": "Excellent"},
        "price": {
            "amount": f"{price // 100:,}.{price % 100:02}",
            "amount_cents": price,
            "currency": "USD",
            "symbol": "$",
            "display": f"${price // 100:,}.{price % 100:02}",
        },
        "buyer_price": {"amount": decimal(price), "amount_cents": price, "currency": "USD"},
        "inventory": 1,
        "offers_enabled": True,
        "categories": [{"uuid": "x", "full_name": f"Home / {category(index)}"}],
        "shipping": {"local": True, "rates": [{"region_code": "US", "rate": {"amount": "49.00", "currency": "USD"}}]},
        "photos": [{"_links": {"full": {"href": f"https://cdn.test/{index}.jpg"}}}],
    }
    return record, truth(index, decimal(price), "USD", id=600 + index)


def _reverb_body(records: list[Record], window: Window) -> Any:
    links = {"self": {"href": "https://reverb.test/api/listings"}}
    if window.next:
        links["next"] = {"href": f"https://reverb.test/api/listings?{window.next}"}
    return {
        "total": window.total,
        "current_page": window.number,
        "per_page": window.size,
        "total_pages": window.pages,
        "listings": records,
        "_links": links,
    }


def _discogs(index: int) -> tuple[Record, Truth]:
    price = cents("discogs", index)
    record = {
        "id": 172_000 + index,
        "resource_url": f"https://discogs.test/marketplace/listings/{index}",
        "uri": f"https://discogs.test/sell/item/{index}",
        "status": "For Sale",
        "condition": "Mint (M)",
        "sleeve_condition": "Mint (M)",
        "ships_from": "Germany",
        "posted": "2026-01-01T00:00:00",
        "allow_offers": False,
        "audio": False,
        "price": {"value": price / 100, "currency": "EUR"},
        "original_price": {"curr_abbr": "EUR", "curr_id": 3, "formatted": f"€{decimal(price)}", "value": price / 100},
        "shipping_price": {"value": 5.0, "currency": "EUR"},
        "seller": {"id": 9, "username": "wax", "min_order_total": 0.0},
        "release": {"id": 5 + index, "title": title(index), "artist": "…", "year": 1979, "format": "LP"},
    }
    return record, truth(index, decimal(price), "EUR", id=172_000 + index)


def _discogs_body(records: list[Record], window: Window) -> Any:
    urls = {"next": f"https://discogs.test/users/wax/inventory?{window.next}"} if window.next else {}
    page = {"page": window.number, "pages": window.pages, "per_page": window.size, "items": window.total, "urls": urls}
    return {"pagination": page, "listings": records}


def _zalando(index: int) -> tuple[Record, Truth]:
    price = cents("zalando", index)
    money = {"currency": "EUR", "value": price / 100, "formatted": f"{price // 100},{price % 100:02} €"}
    listed = {"currency": "EUR", "value": (price + 900) / 100, "formatted": f"{price // 100 + 9},{price % 100:02} €"}
    record = {
        "id": f"ZA{index}",
        "modelId": f"M{index}",
        "name": title(index),
        "shopUrl": f"https://zalando.test/{index}.html",
        "color": "red",
        "available": True,
        "season": "ALL",
        "brand": {"key": "N", "name": "Nordlicht", "logoUrl": "https://cdn.test/n.png"},
        "attributes": [{"name": "Material", "values": ["Oak"]}],
        "categoryKeys": ["home"],
        "units": [
            {"id": f"{index}-1", "size": "S", "price": money, "originalPrice": listed, "available": True, "stock": 3},
            {"id": f"{index}-2", "size": "M", "price": money, "originalPrice": listed, "available": True, "stock": 1},
        ],
        "media": {"images": [{"orderNumber": 1, "smallUrl": f"https://cdn.test/{index}.jpg"}]},
    }
    return record, truth(index, decimal(price), "EUR", id=f"ZA{index}", of="home")


def _rakuten(index: int) -> tuple[Record, Truth]:
    price = 980 + 250 * index
    record = {
        "Item": {
            "itemName": title(index),
            "catchcopy": "…",
            "itemCode": f"shop:{1000 + index}",
            "itemPrice": price,
            "itemUrl": f"https://item.test/{index}",
            "affiliateUrl": "",
            "imageFlag": 1,
            "smallImageUrls": [{"imageUrl": f"https://cdn.test/{index}.jpg?_ex=64x64"}],
            "availability": 1,
            "taxFlag": 0,
            "postageFlag": 1,
            "shopName": "Tokyo Lamp",
            "shopCode": "tokyolamp",
            "reviewCount": 3,
            "reviewAverage": 4.5,
            "pointRate": 1,
            "genreId": "100804",
        }
    }
    return record, truth(index, str(price), id=f"shop:{1000 + index}", of="100804")


MARKETPLACES = (
    PublicApi(
        "mercadolibre",
        "Mercado Libre, items and searches",
        "/sites/MLA/search?q=lampara",
        _mercadolibre,
        by_offset(),
        _mercadolibre_body,
    ),
    PublicApi(
        "etsy",
        "Etsy Open API v3, findAllListingsActive",
        "/v3/application/listings/active",
        _etsy,
        by_offset(),
        lambda records, window: {"count": window.total, "results": records},
    ),
    PublicApi(
        "allegro",
        "Allegro REST API, offers/listing",
        "/offers/listing?phrase=lampa",
        _allegro,
        by_offset(),
        _allegro_body,
    ),
    PublicApi("reverb", "Reverb API v3, listings", "/api/listings", _reverb, by_page(size="per_page"), _reverb_body),
    PublicApi(
        "discogs",
        "Discogs API v2, inventory of a seller",
        "/users/wax/inventory",
        _discogs,
        by_page(size="per_page"),
        _discogs_body,
    ),
    PublicApi(
        "zalando",
        "Zalando Shop API, articles",
        "/articles",
        _zalando,
        by_page(size="pageSize"),
        lambda records, window: {
            "content": records,
            "totalElements": window.total,
            "totalPages": window.pages,
            "page": window.number,
            "size": window.size,
        },
    ),
    PublicApi(
        "rakuten",
        "Rakuten Ichiba Item Search API",
        "/services/api/IchibaItem/Search/20220601?keyword=lamp",
        _rakuten,
        by_page(size="hits"),
        lambda records, window: {
            "Items": records,
            "pageCount": window.pages,
            "TagInformation": [],
            "hits": len(records),
            "last": window.stop,
            "count": window.total,
            "page": window.number,
            "carrier": 0,
            "GenreInformation": [],
            "first": window.start + 1,
        },
    ),
)
