"""Tell by its name whether a value is a price, and which kind of price."""

from collections.abc import Collection, Sequence
from enum import IntEnum
from itertools import pairwise

from pipeline.config.currency import CODES
from pipeline.discovery.samples import SamplePath, is_language, words_of
from pipeline.normalize.fields import PRICE_KEYS

_NOUNS = frozenset("price prices pricing preis preise prix precio precios preco prezzo cena pris cost".split())

# Words in the paths of amounts of money, whose last key may be any of the names of an amount.
MONEY = frozenset({"money", "amount"}) | _NOUNS
_AMOUNTS = frozenset(
    """
    amount value gross net cent cents current regular base promo promotional final sale sell selling list original
    retail special discounted calculated tax standard full now was old lowest display spot effective book basic actual
    """.split()
)

# Words in names that match a price but mean another amount, or none.
_OTHERS = frozenset(
    """
    image images media photo shipping delivery freight discount percent percentage pct rate rating ratings review
    reviews count quantity qty min max minimum maximum range ranges points point saving savings save saved deposit
    installment installments per weight converted threshold id ids type currency currencies code symbol label date time
    timestamp at until valid history wholesale cogs purchase supplier bulk tier tiers commission fee fees refund related
    recommendations bundle upsell similar divisor exponent decimals precision measure status available enabled trend
    average avg low high target updated changed start end visible show hide
    """.split()
)
# Words for the lower end of a range, which is the price of a product whose variants differ.
_LOWER_END = frozenset("min minimum range ranges start".split())
_TAXES = frozenset("tax taxes vat gst mwst".split())
_WITH = frozenset("with incl including included inclusive inc".split())

_FINAL = frozenset(
    """
    final calculated sale promo promotion promotional special discounted discount current now actual selling offer our
    effective
    """.split()
)
# Those of a discount, rather than of any price that is valid today.
_REDUCED = frozenset("final calculated sale promo promotion promotional special discounted discount".split())
_LIST = frozenset(
    """
    list original regular old was msrp rrp uvp compare retail standard before strike crossed normal recommended
    suggested full base
    """.split()
)
_LIST_NOUNS = frozenset({"msrp", "rrp", "uvp"})
# Names of a price by themselves, beside a price.
_SPECIAL_NOUNS = frozenset({"special", "promo", "promotional", "discounted"})
_WRAPPERS = frozenset("info product products item items data node attributes document details".split())
_UNUSUAL = frozenset("cost net without excl excluding ex total unit lowest".split())


class PriceKind(IntEnum):
    """The kind of a price by its name; the lowest is wanted."""

    FINAL = 0
    PLAIN = 1
    UNUSUAL = 2
    LIST = 3


def is_price_name(at: SamplePath) -> bool:
    """Return True if a path leads to a price by its names."""
    words = [word for key in at.keys for word in words_of(key)]
    last = set(at.last_words)
    others = _OTHERS & set(words)
    if _is_range(words):
        others -= _LOWER_END
    if any(one == "discount" and other in _NOUNS for one, other in pairwise(words)):
        others -= {"discount"}
    if others or (_TAXES & set(words) and not includes_tax(words) and not last & _NOUNS):
        return False
    if last & (_NOUNS | _LIST_NOUNS) or last <= _SPECIAL_NOUNS or at.path in PRICE_KEYS:
        return True
    above = {word for key in at.keys[:-1] for word in words_of(key)}
    is_amount = bool(last & _AMOUNTS) or names_currency(at) is not None or is_language(at.keys[-1])
    return bool(above & MONEY) and is_amount


def kind_of(at: SamplePath) -> PriceKind:
    """Return the kind of a price.

    A list price beside a calculated one is a list price, ``calculated.listPrice``, and the end of a range is unusual.
    """
    words = _words_about_price(at)
    if words & _LIST:
        return PriceKind.LIST
    if _is_range(words):
        return PriceKind.UNUSUAL
    if words & _FINAL:
        return PriceKind.FINAL
    return PriceKind.UNUSUAL if words & _UNUSUAL else PriceKind.PLAIN


def _words_about_price(at: SamplePath) -> frozenset[str]:
    """Return the words of a path without those of objects around the whole product, such as ``productBaseInfo``."""
    keys = [set(words_of(key)) for key in at.keys]
    about = [words for words in keys[:-1] if words & _NOUNS or not words & _WRAPPERS]
    return frozenset().union(*about, keys[-1])


def _is_range(words: Collection[str]) -> bool:
    """Return True for a price in a range: ``priceRange.start.gross``, ``price_range.minimum_price``."""
    return bool({"range", "ranges"} & set(words)) and bool({"min", "minimum", "start"} & set(words))


def includes_tax(words: Sequence[str]) -> bool:
    """Return True if the words say that tax is included."""
    return bool(_WITH & set(words)) and bool(_TAXES & set(words))


def preference(at: SamplePath) -> tuple[object, ...]:
    """Return the key by which paths of prices are sorted, the likeliest first."""
    return (
        kind_of(at),
        kind_of(at) is PriceKind.FINAL and not _words_about_price(at) & _REDUCED,
        at.through_list,
        not includes_tax(sorted(at.words)),
        at.path != "price",
        len(at.keys),
        at.keys[-1].lower() not in _NOUNS,
        not set(at.last_words) & _NOUNS,
    )


def names_currency(at: SamplePath) -> str | None:
    """Return the currency that the last key names, as in ``prices.usd``."""
    code = at.keys[-1].upper()
    return code if code in CODES and len(at.keys) > 1 else None
