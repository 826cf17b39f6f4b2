"""Words around the amount of a price text: the currency that they name, if no word changes what the amount means.

Only words that certainly leave the meaning as it is are allowed. Words such as ``from``, ``was``, ``per`` or ``excl.``
are none of them: with these the amount is not the price, or not all of it.
"""

import re

from pipeline.config.currency import meaning_of

# The usual currency, if any, and all currencies that may be meant.
Meaning = tuple[str | None, frozenset[str]]

_BEFORE = frozenset(
    """
    price preis prix precio preço prezzo prijs pris hinta cena cijena preț ár fiyat harga giá τιμή цена ціна 価格 가격
    now only just nur
    """.split()
)
_AFTER = frozenset({"each", "only"})

_TAXES = "vat gst hst tax taxes mwst ust tva iva btw moms mva dph ндс пдв".split()
_INCLUDED = """
    inc incl including included inclusive inkl inklusive ink inclusief incluse inclusa incluido incluído comprise
    compresa vč вкл
""".split()
_TAX_INCLUDED = frozenset(
    {"ttc", "税込", "brutto", "s dph", "с ндс", "inclusive of all taxes", "incl of all taxes"}
    | {f"{included} {tax}" for included in _INCLUDED for tax in _TAXES}
    | {f"{tax} {included}" for included in _INCLUDED for tax in _TAXES}
)

_IN_PARENTHESES = re.compile(r"\(([^()]+)\)")
_BETWEEN_WORDS = re.compile(r"[\s:]+")


def meanings_around(before: str, after: str) -> tuple[Meaning, ...] | None:
    """Return the meaning of the texts before and after an amount: that of one currency, or none.

    None if the currencies contradict each other, or if any word is not known to be harmless.
    """
    first, last = before.strip(" \t\r\n:+"), after.strip(" \t\r\n*")
    if not first or not last:  # most price texts: a sign alone, or nothing
        sign = first or last
        if not sign:
            return ()
        if meaning := meaning_of(sign):
            return (meaning,)
    if before.endswith(".") and not meaning_of(first.rsplit(maxsplit=1)[-1]):
        return None  # the point may be the decimal mark: .50
    names_before, names_after = _names(first, _BEFORE), _names(last, _AFTER)
    if names_before is None or names_after is None:
        return None
    return _agreed(names_before + names_after)


def _names(side: str, harmless: frozenset[str]) -> list[str] | None:
    """Return the names of currencies in a text, None if there is any other word that is not known to be harmless."""
    names: list[str] = []
    others: list[str] = []
    for word in _BETWEEN_WORDS.split(_IN_PARENTHESES.sub(r" \1 ", side)):
        if meaning_of(word):
            names.append(word)
        elif word and word.lower() not in harmless:
            others.append(word.lower().removesuffix("."))
    return None if others and " ".join(others) not in _TAX_INCLUDED else names


def _agreed(names: list[str]) -> tuple[Meaning, ...] | None:
    """Return the meaning of the names together: a sign and a code may name the same currency, as in ``$5 CAD``."""
    match [meaning_of(name) for name in names]:
        case []:
            return ()
        case [(_, _) as only]:
            return (only,)
        case [(_, first), (_, second)] if names[0] != names[1] and len(common := first & second) == 1:
            return ((next(iter(common)), common),)
        case _:
            return None
