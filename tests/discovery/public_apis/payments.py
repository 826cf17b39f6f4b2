"""Payment and membership platforms, whose amounts are in minor units."""

from discovery.public_apis.serving import (
    PublicApi,
    Record,
    by_cursor,
    by_page,
    cents,
    cursor_of,
    decimal,
    single,
    title,
    truth,
)

from mockapi.truth import Truth


def _square(index: int) -> tuple[Record, Truth]:
    price = cents("square", index)
    variation = {
        "item_id": f"SQ{index}",
        "name": "Regular",
        "sku": f"sq-{index}",
        "ordinal": 1,
        "pricing_type": "FIXED_PRICING",
        "price_money": {"amount": price, "currency": "USD"},
    }
    record = {
        "type": "ITEM",
        "id": f"SQ{index}",
        "updated_at": "2026-01-01T00:00:00Z",
        "version": 1_790_000_000_000,
        "is_deleted": False,
        "item_data": {
            "name": title(index),
            "is_taxable": True,
            "variations": [
                {"type": "ITEM_VARIATION", "id": f"V{index}", "version": 1, "item_variation_data": variation}
            ],
            "product_type": "REGULAR",
        },
    }
    return record, truth(index, decimal(price), "USD", id=f"SQ{index}", of="regular")


def _paddle(index: int) -> tuple[Record, Truth]:
    price = cents("paddle", index)
    record = {
        "id": f"pri_{index:04}",
        "product_id": "pro_1",
        "description": "internal",
        "type": "standard",
        "name": title(index),
        "billing_cycle": {"interval": "month", "frequency": 1},
        "trial_period": None,
        "tax_mode": "account_setting",
        "unit_price": {"amount": str(price), "currency_code": "USD"},
        "unit_price_overrides": [],
        "quantity": {"minimum": 1, "maximum": 100},
        "status": "active",
    }
    return record, truth(index, decimal(price), "USD", id=f"pri_{index:04}")


def _gumroad(index: int) -> tuple[Record, Truth]:
    price = cents("gumroad", index)
    record = {
        "custom_permalink": None,
        "custom_receipt": None,
        "deleted": False,
        "max_purchase_count": None,
        "name": title(index),
        "preview_url": None,
        "require_shipping": False,
        "published": True,
        "id": f"gum{index}=",
        "price": price,
        "purchasing_power_parity_prices": {"EU": price - 100},
        "currency": "usd",
        "short_url": f"https://gumroad.test/l/{index}",
        "thumbnail_url": f"https://cdn.test/{index}.png",
        "tags": ["lamp"],
        "formatted_price": f"${decimal(price)}",
        "sales_count": 4,
        "sales_usd_cents": 4 * price,
        "variants": [],
    }
    return record, truth(index, decimal(price), "USD", id=f"gum{index}=")


def _lemonsqueezy(index: int) -> tuple[Record, Truth]:
    price = cents("lemonsqueezy", index)
    record = {
        "type": "products",
        "id": str(index + 1),
        "attributes": {
            "store_id": 1,
            "name": title(index),
            "slug": f"lamp-{index}",
            "status": "published",
            "thumb_url": f"https://cdn.test/{index}.png",
            "price": price,
            "price_formatted": f"${decimal(price)}",
            "from_price": None,
            "to_price": None,
            "pay_what_you_want": False,
            "buy_now_url": f"https://lemon.test/buy/{index}",
            "created_at": "2026-01-01T00:00:00Z",
        },
        "relationships": {"store": {"links": {"related": "https://lemon.test/v1/products/1/store"}}},
        "links": {"self": f"https://lemon.test/v1/products/{index}"},
    }
    return record, truth(index, decimal(price), id=index + 1)


PAYMENTS = (
    PublicApi(
        "square",
        "Square Catalog API, list catalog",
        "/v2/catalog/list?types=ITEM",
        _square,
        by_cursor(),
        lambda records, window: {
            "objects": records,
            **({"cursor": cursor_of(window)} if window.next else {}),
        },
    ),
    PublicApi(
        "paddle",
        "Paddle Billing API, list prices",
        "/prices",
        _paddle,
        by_cursor("after", "per_page"),
        lambda records, window: {
            "data": records,
            "meta": {
                "request_id": "r",
                "pagination": {
                    "per_page": window.size,
                    "next": f"https://paddle.test/prices?{window.next or f'after=c{window.total}x'}",
                    "has_more": window.has_more,
                    "estimated_total": window.total,
                },
            },
        },
    ),
    PublicApi(
        "gumroad",
        "Gumroad API v2, products",
        "/v2/products",
        _gumroad,
        single,
        lambda records, window: {"success": True, "products": records},
    ),
    PublicApi(
        "lemonsqueezy",
        "Lemon Squeezy API, products as JSON:API",
        "/v1/products",
        _lemonsqueezy,
        by_page("page[number]", "page[size]"),
        lambda records, window: {
            "meta": {
                "page": {
                    "currentPage": window.number,
                    "from": window.start + 1,
                    "lastPage": window.pages,
                    "perPage": window.size,
                    "to": window.stop,
                    "total": window.total,
                }
            },
            "jsonapi": {"version": "1.0"},
            "links": {"next": f"https://lemonsqueezy.test/v1/products?{window.next}"} if window.next else {},
            "data": records,
        },
    ),
)
