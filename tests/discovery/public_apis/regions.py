"""Shops of countries whose price texts have their own signs and separators."""

from discovery.public_apis.serving import PublicApi, Record, by_offset, by_page, category, cents, decimal, title, truth

from mockapi.truth import Truth


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def _indonesian(index: int) -> tuple[Record, Truth]:
    price = 12_500 + 1_500 * index
    record = {
        "id": 70_000 + index,
        "name": title(index),
        "url": f"https://indonesian.test/lampu-{index}",
        "imageUrl": f"https://cdn.test/{index}.jpg",
        "price": f"Rp{_grouped(price)}",
        "originalPrice": f"Rp{_grouped(price + 5_000)}",
        "discountPercentage": 10,
        "rating": 5,
        "countReview": 12,
        "shop": {"id": 3, "name": "Toko", "city": "Jakarta"},
        "categoryName": category(index),
    }
    return record, truth(index, str(price), "IDR", id=70_000 + index, of=category(index))


def _vietnamese(index: int) -> tuple[Record, Truth]:
    price = 12_500 + 1_500 * index
    record = {
        "sku": f"VN{index}",
        "name": title(index),
        "price_text": f"{_grouped(price)} ₫",
        "list_price_text": f"{_grouped(price + 5_000)} ₫",
        "thumbnail_url": f"https://cdn.test/{index}.jpg",
        "url_path": f"den-{index}.html",
        "quantity_sold": {"text": "Đã bán 100", "value": 100},
    }
    return record, truth(index, str(price), "VND", id=f"VN{index}")


def _chilean(index: int) -> tuple[Record, Truth]:
    price = 12_990 + 1_000 * index
    record = {
        "productId": f"8{index:05}",
        "displayName": title(index),
        "brand": "CASA",
        "url": f"https://chilean.test/product/{index}",
        "mediaUrls": [f"https://cdn.test/{index}"],
        "prices": {"offer": {"price": f"$ {_grouped(price)}", "currency": "CLP"}, "installments": 6},
        "merchantCategory": category(index),
    }
    return record, truth(index, str(price), "CLP", id=f"8{index:05}", of=category(index))


def _polish(index: int) -> tuple[Record, Truth]:
    price = cents("polish", index)
    record = {
        "id": index + 1,
        "nazwa": title(index),
        "name": title(index),
        "cena": f"{price // 100},{price % 100:02} pln",
        "cena_netto": f"{price // 123},00 pln",
        "kategoria": category(index),
        "producent": "Dom",
    }
    return record, truth(index, decimal(price), "PLN", id=index + 1, of=category(index))


def _brazilian(index: int) -> tuple[Record, Truth]:
    price = cents("brazilian", index) + 100_000
    text = f"R$ {_grouped(price // 100)},{price % 100:02}"
    record = {
        "codigo": f"BR{index}",
        "nome": title(index),
        "name": title(index),
        "preco": text,
        "precoOriginal": f"R$ {_grouped(price // 100 + 90)},00",
        "parcelas": {"quantidade": 10, "valor": f"R$ {price // 1000},00"},
        "categoria": category(index),
        "id": 90 + index,
    }
    return record, truth(index, decimal(price), "BRL", id=90 + index, of=category(index))


REGIONS = (
    PublicApi(
        "indonesian",
        "an Indonesian marketplace, search of products",
        "/search/v2/products?q=lampu",
        _indonesian,
        by_page(size="rows"),
        lambda records, window: {
            "header": {"totalData": window.total, "process_time": 0.1},
            "data": {
                "isQuerySafe": True,
                "banners": [{"id": 1, "name": "Promo", "imageUrl": "https://cdn.test/b"}],
                "products": records,
            },
        },
    ),
    PublicApi(
        "vietnamese",
        "a Vietnamese marketplace, products of a category",
        "/v2/products?category=1",
        _vietnamese,
        by_page(),
        lambda records, window: {
            "data": records,
            "paging": {
                "total": window.total,
                "per_page": window.size,
                "current_page": window.number,
                "last_page": window.pages,
            },
        },
    ),
    PublicApi(
        "chilean",
        "a Chilean department store, search",
        "/s/browse/v1/search?Ntt=lampara",
        _chilean,
        by_page(),
        lambda records, window: {
            "facets": [{"name": "Marca", "values": [{"title": "CASA", "count": 9, "url": "/x"}]}],
            "results": records,
            "pagination": {"count": window.total, "perPage": window.size, "currentPage": window.number},
        },
    ),
    PublicApi(
        "polish",
        "a Polish shop, list of products",
        "/api/produkty",
        _polish,
        by_page("strona", "na_stronie"),
        lambda records, window: {
            "produkty": records,
            "strona": window.number,
            "stron": window.pages,
            "nastepna": f"/api/produkty?{window.next}" if window.next else None,
        },
    ),
    PublicApi(
        "brazilian",
        "a Brazilian shop, list of products",
        "/api/v1/produtos",
        _brazilian,
        by_offset(),
        lambda records, window: {
            "produtos": records,
            "meta": {"total": window.total, "offset": window.start, "limit": window.size},
        },
    ),
)
