"""What the shops' records are made of: titles, amounts and currencies, awkward ones among them."""

from random import Random
from typing import Final

import msgspec

# Digits behind the point, by ISO 4217.
DIGITS: Final = {"USD": 2, "JPY": 0, "KWD": 3, "EUR": 2, "KRW": 0, "BHD": 3}

_ADJECTIVES = ("Acoustic", "Brushed", "Cordless", "Durable", "Élégante", "Foldable", "Große", "Handmade", "Żółta")
_NOUNS = ("Backpack", "Crème Brûlée Torch", "Desk Lamp", "Étagère", "Teekanne", "Tischläufer", "مصباح", "台灯", "Часы")

# As written in HTML, and as read.
_ENDINGS = (
    ("", ""),
    (" &amp; Case", " & Case"),
    (" &#8211; Set of 2", " – Set of 2"),
    (" 6&#39; Cable", " 6' Cable"),
    (" &quot;Nova&quot;", ' "Nova"'),
    (" 100 % Cotton", " 100 % Cotton"),
)
_BLANKS = ("", "", "", " ", "\t", "  ")


class Title(msgspec.Struct, frozen=True):
    """A title as it stands in a record, and as it is meant; None when it says nothing."""

    written: str
    meant: str | None


def title(rng: Random, index: int) -> Title:
    """The title of a record; each thirteenth is empty."""
    words = f"{rng.choice(_ADJECTIVES)} {rng.choice(_NOUNS)}"
    written, meant = _ENDINGS[index % len(_ENDINGS)]
    before, after = rng.choice(_BLANKS), rng.choice(_BLANKS)
    if index % 13 == 11:
        return Title(before, None)
    return Title(f"{before}{words}{written}{after}", f"{words}{meant}")


def amount(rng: Random) -> int:
    """An amount in minor units; one of three ends in 0."""
    units = rng.randint(100, 300_000)
    return units - units % 10 if rng.randrange(3) == 0 else units


def decimal(units: int, digits: int = 2) -> str:
    """An amount in minor units as exact decimal text in major ones, with all its digits: 1990 is 19.90."""
    return f"{units // 10**digits}.{units % 10**digits:0{digits}}" if digits else str(units)


def shortest(units: int, digits: int = 2) -> str:
    """The same without zeros at the end: 1990 is 19.9."""
    text = decimal(units, digits)
    return text.rstrip("0").rstrip(".") if digits else text


def number(text: str) -> msgspec.Raw:
    """A decimal text as a JSON number with these very digits."""
    return msgspec.Raw(text.encode())


def cycled(choices: tuple[str, ...], index: int) -> str:
    """One after the other, so that a small catalogue has them all."""
    return choices[index % len(choices)]
