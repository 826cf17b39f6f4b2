"""Search engines and back-ends that serve a catalogue of one's own."""

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
    single,
    title,
    truth,
)

from mockapi.truth import Truth


def _document(name: str, index: int) -> Record:
    price = cents(name, index)
    return {
        "sku": f"{name[:2].upper()}{index}",
        "name": title(index),
        "price": price / 100,
        "list_price": (price + 300) / 100,
        "category": category(index),
        "in_stock": True,
        "rating": 4.5,
        "image": f"https://cdn.test/{index}.jpg",
    }


def _plain(name: str, index: int, identity: str | int, wrapped: Record) -> tuple[Record, Truth]:
    return wrapped, truth(index, decimal(cents(name, index)), id=identity, of=category(index))


def _algolia(index: int) -> tuple[Record, Truth]:
    highlight = {"name": {"value": title(index), "matchLevel": "none", "matchedWords": []}}
    record = {**_document("algolia", index), "objectID": f"obj{index}", "_highlightResult": highlight}
    return _plain("algolia", index, f"AL{index}", record)


def _typesense(index: int) -> tuple[Record, Truth]:
    highlights = [{"field": "name", "matched_tokens": ["Lamp"], "snippet": f"<mark>{title(index)}</mark>"}]
    document = {"id": f"ts{index}", **_document("typesense", index)}
    return _plain("typesense", index, f"ts{index}", {"document": document, "highlights": highlights, "text_match": 57})


def _meilisearch(index: int) -> tuple[Record, Truth]:
    return _plain("meilisearch", index, index, {"id": index, **_document("meilisearch", index)})


def _elasticsearch(index: int) -> tuple[Record, Truth]:
    record = {"_index": "products", "_id": f"es{index}", "_score": 1.0, "_source": _document("elasticsearch", index)}
    return _plain("elasticsearch", index, f"es{index}", record)


def _elasticsearch_body(records: list[Record], window: Window) -> Any:
    return {
        "took": 3,
        "timed_out": False,
        "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
        "hits": {"total": {"value": window.total, "relation": "eq"}, "max_score": 1.0, "hits": records},
    }


def _contentful(index: int) -> tuple[Record, Truth]:
    price = cents("contentful", index)
    fields = {
        "productName": {"en-US": title(index), "de": f"{title(index)} (de)"},
        "slug": {"en-US": f"lamp-{index}"},
        "price": {"en-US": price / 100},
        "quantity": {"en-US": 4},
    }
    links = {"type": "Link", "linkType": "ContentType", "id": "product"}
    record = {
        "metadata": {"tags": []},
        "sys": {"id": f"entry{index}", "type": "Entry", "revision": 1, "contentType": {"sys": links}},
        "fields": fields,
    }
    return record, truth(index, decimal(price), id=f"entry{index}")


def _directus(index: int) -> tuple[Record, Truth]:
    return _plain(
        "directus", index, index + 1, {"id": index + 1, "status": "published", **_document("directus", index)}
    )


def _supabase(index: int) -> tuple[Record, Truth]:
    return _plain("supabase", index, index + 1, {"id": index + 1, **_document("supabase", index), "currency": "EUR"})


def _supabase_in_euro(index: int) -> tuple[Record, Truth]:
    record, product = _supabase(index)
    return record, Truth(product.id, product.title, product.price, "EUR", product.category)


SEARCH_ENGINES = (
    PublicApi(
        "algolia",
        "Algolia Search API, response of a query",
        "/1/indexes/products?query=lamp",
        _algolia,
        by_page(size="hitsPerPage", first=0),
        lambda records, window: {
            "hits": records,
            "nbHits": window.total,
            "page": window.number,
            "nbPages": window.pages,
            "hitsPerPage": window.size,
            "exhaustiveNbHits": True,
            "params": "query=lamp",
        },
    ),
    PublicApi(
        "typesense",
        "Typesense API, documents/search",
        "/collections/products/documents/search?q=lamp",
        _typesense,
        by_page(size="per_page"),
        lambda records, window: {
            "facet_counts": [],
            "found": window.total,
            "hits": records,
            "out_of": window.total,
            "page": window.number,
            "request_params": {"collection_name": "products", "per_page": window.size, "q": "lamp"},
            "search_time_ms": 1,
        },
    ),
    PublicApi(
        "meilisearch",
        "Meilisearch API, documents of an index",
        "/indexes/products/documents",
        _meilisearch,
        by_offset(),
        lambda records, window: {
            "results": records,
            "offset": window.start,
            "limit": window.size,
            "total": window.total,
        },
    ),
    PublicApi(
        "elasticsearch",
        "Elasticsearch, _search by GET",
        "/products/_search?q=lamp",
        _elasticsearch,
        by_offset("from", "size", only=("q",)),
        _elasticsearch_body,
    ),
    PublicApi(
        "contentful",
        "Contentful Delivery API, entries with all locales",
        "/spaces/s/environments/master/entries?locale=*",
        _contentful,
        by_offset("skip"),
        lambda records, window: {
            "sys": {"type": "Array"},
            "total": window.total,
            "skip": window.start,
            "limit": window.size,
            "items": records,
            "includes": {
                "Asset": [{"sys": {"id": "a"}, "fields": {"title": {"en-US": "Asset"}, "file": {"en-US": {"size": 9}}}}]
            },
        },
    ),
    PublicApi(
        "directus",
        "Directus REST API, items of a collection",
        "/items/products",
        _directus,
        by_page(),
        lambda records, window: {"data": records},
    ),
    PublicApi(
        "supabase",
        "Supabase and PostgREST, rows of a table",
        "/rest/v1/products?select=*",
        _supabase_in_euro,
        single,
        lambda records, window: records,
    ),
)
