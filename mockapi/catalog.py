"""Products of api1, api2 and api3: a pure function of seed, persona, index and night."""

from collections.abc import Callable
from random import Random
from typing import Any

from mockapi.nights import offers

_ADJECTIVES = ("Amber", "Bold", "Compact", "Dapper", "Everyday", "Folding", "Gentle", "Heavy-Duty", "Ivory", "Jolly")
_GADGETS = ("Lamp", "Kettle", "Speaker", "Drone", "Keyboard", "Charger", "Camera", "Monitor")
_CLOTHES = ("Jacket", "Scarf", "T-Shirt", "Jeans", "Sneakers", "Hat", "Socks", "Belt")
_NOUNS = ("River", "Winter", "Clockmaker", "Garden", "Lighthouse", "Atlas", "Silence", "Orchard")

Record = dict[str, Any]


def pages_of(persona: str, seed: int, *, pages: int, per_page: int, night: int = 0) -> int:
    """Return the number of pages in a night; ``pages`` is that of night 0."""
    return -(-len(offers(f"{seed}:{persona}", pages * per_page, night)) // per_page)


def page_of(
    persona: str, seed: int, page: int, *, pages: int, per_page: int, shift: int = 0, night: int = 0
) -> list[Record]:
    """Return the records of a page, numbered from 1; none past the end.

    ``shift`` moves the page back by that number of records, as if items were inserted during a walk.
    """
    every = offers(f"{seed}:{persona}", pages * per_page, night)
    start = max(0, (page - 1) * per_page - shift)
    stop = start + per_page if (page - 1) * per_page < len(every) else start
    return [
        _SHAPES[persona](Random(f"{seed}:{persona}:{offer.index}"), offer.index + 1, offer.percent)
        for offer in every[start:stop]
    ]


def envelope(persona: str, records: list[Record], page: int, pages: int) -> Any:
    """Return the records in the body that the persona puts around them."""
    if persona == "api1":
        return {"products": records, "page": page, "total_pages": pages}
    if persona == "api2":
        return {"status": "ok", "items": records}
    return records


def _plain(rng: Random, number: int, percent: int) -> Record:
    return {
        "id": number,
        "name": f"{rng.choice(_ADJECTIVES)} {rng.choice(_GADGETS)}",
        "price": rng.randint(199, 149_999) * percent // 100 / 100,
        "category": rng.choice(("Electronics", "Home", "Office")),
        "brand": rng.choice(("Acme", "Globex", "Initech")),
    }


def _variant(rng: Random, number: int, percent: int) -> Record:
    category = rng.randrange(3)
    return {
        "product_id": f"V-{number:04}",
        "title": f" {rng.choice(_ADJECTIVES)} {rng.choice(_CLOTHES)} &ndash; {rng.choice('SML')} ",
        "cost": f"${rng.randint(500, 250_000) * percent // 100 / 100:,.2f}",
        "category": {"id": category + 1, "name": ("Apparel", "Footwear", "Accessories")[category]},
        "material": rng.choice(("cotton", "wool", "linen")),
    }


def _alternative(rng: Random, number: int, percent: int) -> Record:
    return {
        "item_id": 5_000 + number,
        "product_name": f"The {rng.choice(_ADJECTIVES)} {rng.choice(_NOUNS)} &amp; Other Stories",
        "price": {"amount": f"{rng.randint(399, 4_999) * percent // 100 / 100:.2f}", "currency": "EUR"},
        "category": ["Books", rng.choice(("Fiction", "Travel", "Cooking"))],
        "author": f"{rng.choice('ABCDEFG')}. {rng.choice(_NOUNS)}",
    }


_SHAPES: dict[str, Callable[[Random, int, int], Record]] = {"api1": _plain, "api2": _variant, "api3": _alternative}
