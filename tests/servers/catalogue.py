"""The catalogue that every server has: 333 products made from a seed, with exact prices."""

import random
from dataclasses import dataclass
from decimal import Decimal

COUNT = 333
SEED = 20_261_126

CATEGORIES = ("books", "electronics", "garden", "office", "toys")
CURRENCIES = ("EUR", "USD", "GBP")
ADJECTIVES = ("Quiet", "Gentle", "Bright", "Sturdy", "Plain", "Swift")
NOUNS = ("Lamp", "Chair", "Camera", "Notebook", "Kettle", "Müsli Bowl", 'Screen 27"', "Nuts & Bolts")

# Prices that binary floats cannot hold, that end in zeros, and that are small or large.
AWKWARD = tuple(
    map(Decimal, ("0.10", "19.90", "1299.00", "0.01", "0.29", "1.10", "4.35", "8.20", "100.00", "1234567.89"))
)


@dataclass(frozen=True, slots=True)
class Product:
    """One product, with the values that every server must return."""

    id: int
    title: str
    price: Decimal
    currency: str
    category: str


def make_catalogue(count: int = COUNT, seed: int = SEED) -> list[Product]:
    """Make `count` products with the ids 1 to `count`; the same seed makes the same products."""
    chance = random.Random(seed)
    products = []
    for number in range(1, count + 1):
        cents = Decimal(chance.randint(1, 200_000)) / 100
        products.append(
            Product(
                id=number,
                title=f"{chance.choice(ADJECTIVES)} {chance.choice(NOUNS)} {number}",
                price=AWKWARD[number - 1] if number <= len(AWKWARD) else cents.quantize(Decimal("0.01")),
                currency=chance.choice(CURRENCIES),
                category=chance.choice(CATEGORIES),
            )
        )
    return products
