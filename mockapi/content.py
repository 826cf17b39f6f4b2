"""Building blocks of the shops' records: titles, amounts and currencies, including awkward ones."""

from random import Random
from typing import Final

import msgspec

# Digits after the decimal point (ISO 4217).
DIGITS: Final = {"USD": 2, "JPY": 0, "KWD": 3, "EUR": 2, "KRW": 0, "BHD": 3}

_ADJECTIVES = ("Acoustic", "Brushed", "Cordless", "Durable", "Élégante", "Foldable", "Große", "Handmade", "Żółta")
_NOUNS = ("Backpack", "Crème Brûlée Torch", "Desk Lamp", "Étagère", "Teekanne", "Tischläufer", "مصباح", "台灯", "Часы")

# The HTML text, and the text that it means.
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
    """A title as written in a record, and as meant; ``meant`` is None if the title is blank."""

    written: str
    meant: str | None


def title(rng: Random, index: int) -> Title:
    """Return the title of a record; every thirteenth is blank."""
    words = f"{rng.choice(_ADJECTIVES)} {rng.choice(_NOUNS)}"
    written, meant = _ENDINGS[index % len(_ENDINGS)]
    before, after = rng.choice(_BLANKS), rng.choice(_BLANKS)
    if index % 13 == 11:
        return Title(before, None)
    return Title(f"{before}{words}{written}{after}", f"{words}{meant}")


def amount(rng: Random) -> int:
    """Return a random amount in minor units; a third of them is rounded down to end in 0."""
    units = rng.randint(100, 300_000)
    return units - units % 10 if rng.randrange(3) == 0 else units


def decimal(units: int, digits: int = 2) -> str:
    """Return an amount in minor units as exact decimal text in major units, with all digits: 1990 becomes 19.90."""
    return f"{units // 10**digits}.{units % 10**digits:0{digits}}" if digits else str(units)


def shortest(units: int, digits: int = 2) -> str:
    """Return the same without trailing zeros: 1990 becomes 19.9."""
    text = decimal(units, digits)
    return text.rstrip("0").rstrip(".") if digits else text


def number(text: str) -> msgspec.Raw:
    """Return a decimal text as a JSON number with exactly these digits."""
    return msgspec.Raw(text.encode())


def cycled(choices: tuple[str, ...], index: int) -> str:
    """Return the choices in turn, so that a small catalogue contains them all."""
    return choices[index % len(choices)]
