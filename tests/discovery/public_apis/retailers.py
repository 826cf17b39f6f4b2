"""Retailers and media stores."""

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
    decimal,
    single,
    title,
    truth,
)

from mockapi.truth import Truth


def _bestbuy(index: int) -> tuple[Record, Truth]:
    price, on_sale = cents("bestbuy", index), index % 2 == 0
    record = {
        "sku": 6_000_000 + index,
        "score": None,
        "productId": 1_200 + index,
        "name": title(index),
        "type": "HardGood",
        "active": True,
        "new": False,
        "upc": f"{600_000_000_000 + index}",
        "regularPrice": (price + 1000) / 100 if on_sale else price / 100,
        "salePrice": price / 100,
        "onSale": on_sale,
        "dollarSavings": 10.0 if on_sale else 0.0,
        "percentSavings": "10.0" if on_sale else "0.0",
        "planPrice": None,
        "shippingCost": 5.99,
        "freeShipping": False,
        "customerReviewCount": 12,
        "customerReviewAverage": 4.2,
        "categoryPath": [{"id": "cat00000", "name": "Best"}, {"id": "abc", "name": category(index)}],
        "image": f"https://cdn.test/{index}.jpg",
        "url": f"https://bestbuy.test/site/{index}.p",
        "manufacturer": "Nordlicht",
    }
    return record, truth(index, decimal(price), id=6_000_000 + index, of="best")


def _walmart(index: int) -> tuple[Record, Truth]:
    price = cents("walmart", index)
    record = {
        "itemId": 55_000 + index,
        "parentItemId": 55_000 + index,
        "name": title(index),
        "msrp": (price + 400) / 100,
        "salePrice": price / 100,
        "upc": f"{600_000_000_000 + index}",
        "categoryPath": f"Home/{category(index)}",
        "longDescription": "…",
        "brandName": "Nordlicht",
        "thumbnailImage": f"https://cdn.test/{index}.jpg",
        "productTrackingUrl": "https://track.test/x",
        "standardShipRate": 5.99,
        "marketplace": False,
        "stock": "Available",
        "customerRating": "4.5",
        "numReviews": 7,
        "offerType": "ONLINE_AND_STORE",
    }
    return record, truth(index, decimal(price), id=55_000 + index, of=f"home/{category(index)}")


def _kroger(index: int) -> tuple[Record, Truth]:
    price, promo = cents("kroger", index), index % 3 == 0
    record = {
        "productId": f"{1_111_000 + index:013}",
        "upc": f"{1_111_000 + index:013}",
        "aisleLocations": [],
        "brand": "Kroger",
        "categories": [category(index)],
        "countryOrigin": "USA",
        "description": title(index),
        "images": [{"perspective": "front", "sizes": [{"size": "small", "url": f"https://cdn.test/{index}.jpg"}]}],
        "items": [
            {
                "itemId": f"{1_111_000 + index:013}",
                "favorite": False,
                "fulfillment": {"curbside": True, "delivery": False},
                "price": {"regular": price / 100, "promo": (price - 50) / 100 if promo else 0},
                "size": "1 ct",
            }
        ],
        "temperature": {"indicator": "Ambient", "heatSensitive": False},
    }
    paid = decimal(price - 50) if promo else decimal(price)
    return record, truth(index, paid, id=f"{1_111_000 + index:013}", of=category(index))


def _nike(index: int) -> tuple[Record, Truth]:
    price = cents("nike", index)
    record = {
        "id": f"thread-{index}",
        "channelId": "web",
        "marketplace": "GB",
        "language": "en-GB",
        "publishedContent": {
            "nodes": [],
            "properties": {"title": title(index), "subtitle": "Shoe", "seo": {"slug": "x"}},
        },
        "productInfo": [
            {
                "merchProduct": {"id": f"p{index}", "styleColor": f"AB{index}-001", "status": "ACTIVE"},
                "merchPrice": {
                    "id": f"pr{index}",
                    "snapshotId": "s",
                    "currency": "GBP",
                    "msrp": (price + 1500) / 100,
                    "fullPrice": (price + 1000) / 100,
                    "currentPrice": price / 100,
                    "discounted": True,
                },
                "availability": {"available": True},
            }
        ],
    }
    return record, truth(index, decimal(price), "GBP", id=f"thread-{index}")


def _nike_body(records: list[Record], window: Window) -> Any:
    following = f"/product_feed/threads/v3?{window.next}" if window.next else ""
    pages = {"prev": "", "next": following, "totalPages": window.pages, "totalResources": window.total}
    return {"pages": pages, "objects": records}


def _itunes(index: int) -> tuple[Record, Truth]:
    price = cents("itunes", index)
    record = {
        "wrapperType": "track",
        "kind": "song",
        "artistId": 900,
        "collectionId": 910,
        "trackId": 920_000 + index,
        "artistName": "The Lamps",
        "collectionName": "Light",
        "trackName": title(index),
        "collectionCensoredName": "Light",
        "artworkUrl100": f"https://cdn.test/{index}.jpg",
        "trackViewUrl": f"https://itunes.test/{index}",
        "collectionPrice": (price + 800) / 100,
        "trackPrice": price / 100,
        "trackCount": 12,
        "trackNumber": 1,
        "country": "USA",
        "currency": "USD",
        "primaryGenreName": category(index),
        "isStreamable": True,
    }
    return record, truth(index, decimal(price), "USD", id=920_000 + index, of=category(index))


def _scryfall(index: int) -> tuple[Record, Truth]:
    price = cents("scryfall", index)
    record = {
        "object": "card",
        "id": f"card-{index}",
        "oracle_id": "o",
        "name": title(index),
        "lang": "en",
        "released_at": "2026-01-01",
        "uri": f"https://scryfall.test/cards/{index}",
        "image_uris": {"small": f"https://cdn.test/{index}.jpg"},
        "cmc": 3.0,
        "set": "abc",
        "set_name": "Alpha",
        "rarity": "rare",
        "prices": {"usd": decimal(price), "usd_foil": None, "eur": decimal(price - 20), "tix": "0.02"},
        "purchase_uris": {"shop": "https://shop.test/x"},
    }
    return record, truth(index, decimal(price), "USD", id=f"card-{index}")


def _yahoo(index: int) -> tuple[Record, Truth]:
    price = 1_480 + 310 * index
    record = {
        "index": index + 1,
        "name": title(index),
        "description": "…",
        "headLine": "",
        "url": f"https://store.test/{index}.html",
        "inStock": True,
        "code": f"store_{index}",
        "condition": "new",
        "image": {"small": f"https://cdn.test/s/{index}", "medium": f"https://cdn.test/m/{index}"},
        "review": {"rate": 4.5, "count": 3, "url": "https://store.test/review"},
        "price": price,
        "premiumPriceStatus": False,
        "priceLabel": {"taxable": True, "defaultPrice": price, "discountedPrice": None, "fixedPrice": None},
        "point": {"amount": 14, "times": 1},
        "shipping": {"code": 2, "name": "条件付き送料無料"},
        "genreCategory": {"id": 1, "name": category(index), "depth": 2},
        "seller": {"sellerId": "store", "name": "Store"},
    }
    return record, truth(index, str(price), id=f"store_{index}", of=category(index))


def _yahoo_body(records: list[Record], window: Window) -> Any:
    return {
        "totalResultsAvailable": window.total,
        "totalResultsReturned": len(records),
        "firstResultsPosition": window.start + 1,
        "request": {"query": "lamp"},
        "hits": records,
    }


def _printful(index: int) -> tuple[Record, Truth]:
    price = cents("printful", index)
    record = {
        "id": 4_000 + index,
        "product_id": 71,
        "name": title(index),
        "size": "M",
        "color": "White",
        "image": f"https://cdn.test/{index}.jpg",
        "price": decimal(price),
        "in_stock": True,
        "currency": "USD",
        "material": [{"name": "cotton", "percentage": 100}],
    }
    return record, truth(index, decimal(price), "USD", id=4_000 + index)


RETAILERS = (
    PublicApi(
        "bestbuy",
        "Best Buy Products API",
        "/v1/products?format=json",
        _bestbuy,
        by_page(size="pageSize"),
        lambda records, window: {
            "from": window.start + 1,
            "to": window.stop,
            "currentPage": window.number,
            "total": window.total,
            "totalPages": window.pages,
            "queryTime": "0.1",
            "products": records,
        },
    ),
    PublicApi(
        "walmart",
        "Walmart Affiliate API, paginated items",
        "/v1/paginated/items?category=4044",
        _walmart,
        by_cursor("lastDoc", "count"),
        lambda records, window: {
            "category": "4044",
            "format": "json",
            "nextPage": f"/v1/paginated/items?category=4044&{window.next}" if window.next else None,
            "nextPageExist": window.has_more,
            "items": records,
        },
    ),
    PublicApi(
        "kroger",
        "Kroger Products API v1",
        "/v1/products?filter.term=lamp",
        _kroger,
        by_offset("filter.start", "filter.limit"),
        lambda records, window: {
            "data": records,
            "meta": {
                "pagination": {"start": window.start, "limit": window.size, "total": window.total},
                "warnings": [],
            },
        },
    ),
    PublicApi(
        "nike", "Nike product feed, threads v3", "/product_feed/threads/v3", _nike, by_cursor("anchor"), _nike_body
    ),
    PublicApi(
        "itunes",
        "iTunes Search API",
        "/search?term=lamps&limit=200",
        _itunes,
        single,
        lambda records, window: {"resultCount": len(records), "results": records},
    ),
    PublicApi(
        "scryfall",
        "Scryfall API, cards/search",
        "/cards/search?q=lamp",
        _scryfall,
        by_page(),
        lambda records, window: {
            "object": "list",
            "total_cards": window.total,
            "has_more": window.has_more,
            **({"next_page": f"https://scryfall.test/cards/search?q=lamp&{window.next}"} if window.next else {}),
            "data": records,
        },
    ),
    PublicApi(
        "yahoo_shopping",
        "Yahoo! Shopping Japan, itemSearch v3",
        "/ShoppingWebService/V3/itemSearch?query=lamp",
        _yahoo,
        by_offset("start", "results", first=1),
        _yahoo_body,
    ),
    PublicApi(
        "printful",
        "Printful API, variants with paging",
        "/products/variants",
        _printful,
        by_offset(),
        lambda records, window: {
            "code": 200,
            "result": records,
            "extra": [],
            "paging": {"total": window.total, "offset": window.start, "limit": window.size},
        },
    ),
)
