"""Read prices as exact decimals from numbers, text and objects; uncertain prices are left out.

Text is read by these rules, in this order. Each decision of a rule is counted under the name in brackets.

1. A number is read as in JSON: ``12.50``, ``1e3``. ``true``, ``inf`` and ``nan`` are not numbers.
2. A sign, code or word before or after the number is its currency: ``€``, ``EUR``, ``euro``. A sign of several
   currencies stands for the usual one: ``$`` for US dollars and ``¥`` for yen [``shared_currency_sign``], unless the
   record names another currency with that sign. If the record names a currency that contradicts the sign, the sign wins
   [``currency_conflict``].
3. With both separators, the last one is the decimal mark: ``1,299.00``, ``1.299,00``. A separator that repeats groups
   thousands. So does an apostrophe or a blank. ``.-`` and ``,-`` mean no cents, and identify the decimal mark.
4. In a currency without decimals, a lone separator before exactly three digits groups: ``12.500 ₫`` is 12500. Decimals
   that are not zeros make the price uncertain. So does a sign of several currencies in which the number differs. In a
   currency with three decimals, a point before three digits is the decimal mark: ``1.250 KWD`` is 1.250. A comma there
   is uncertain.
5. In other currencies a lone comma is the decimal mark, unless exactly three digits follow: ``1,299`` is 1299. A lone
   point always is: ``1.299`` is 1.299. Both readings are counted [``ambiguous_separator``]. So is that of rule 4 if the
   text is a plain number, whose currency only the record names.
6. A named currency that is not in ISO 4217 is left open [``unknown_currency``].
7. Words around the number that change nothing are ignored: ``Price:``, ``inc. VAT``. A range, several numbers or
   currencies, or any other word is not a price [``unreadable_price``]. Neither is a negative number
   [``negative_price``].
"""

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import msgspec

from pipeline.config.currency import NO_DECIMALS, WRITTEN_WHOLE, code_of, meaning_of
from pipeline.normalize.fields import CURRENCY_KEYS
from pipeline.normalize.numerals import (
    AMBIGUOUS,
    Numeral,
    WireFloat,
    WireNumber,
    normalize_digits,
    number_in,
    read_number,
)
from pipeline.normalize.wording import Meaning, meanings_around

# Beyond these limits a "price" is noise, and reading or adding it would cost unbounded time and memory.
_MAX_TEXT = 64
_MAX_DIGITS = 36
# A number of at most this many characters, without an exponent, is within both limits.
_SURELY_PLAIN = 15
_MAX_MAGNITUDE = 18

_PLAIN = re.compile(r"\d+(\.\d+)?([eE][+-]?\d{1,3})?")
_AMOUNT = re.compile(r"\d(?:[\d.,' ]*\d)?")
# The usual form of a price: a sign or a code on one side, groups of thousands, and two decimals. Its parts are read at
# once; all other forms take the long way, which would read these the same.
_USUAL = re.compile(
    r"(?P<before>[$€£]|[A-Z]{3})?[ \xa0]?"
    r"(?:(?P<whole>0|[1-9]\d{0,8})[.,]|(?P<commas>[1-9]\d{0,2}(?:,\d{3}){1,3})\.|(?P<points>[1-9]\d{0,2}(?:\.\d{3}){1,3}),)"
    r"(?P<cents>\d\d)[ \xa0]?(?P<after>[$€£]|[A-Z]{3})?",
    re.ASCII,
)
_NO_CENTS = re.compile(r"(?<=\d)([.,])-+(?! ?\d)")
_MINUS = re.compile(r"^\(.*\)$|- ?\d|\d ?-$|^-")

# The keys of the amount in an object that is a price, the first of which counts.
AMOUNT_KEYS = ("amount", "value", "price", "current", "gross")


class Money(msgspec.Struct, frozen=True, gc=False):
    """A price that was read from a record. ``notes`` names the rules that made a decision.

    ``text`` is the amount as a JSON number: the received text if the price was one.
    """

    amount: Decimal | None = None
    currency: str | None = None
    notes: tuple[str, ...] = ()
    text: str | None = None


NO_PRICE = Money()
UNREADABLE = Money(notes=("unreadable_price",))
NEGATIVE = Money(notes=("negative_price",))


def read_money(value: object, record_currency: str | None = None, *, separator_is_known: bool = False) -> Money:
    """Read a price from a record: a JSON number, text, or an object with an amount.

    ``record_currency`` is the ISO 4217 code that the record names elsewhere, if any. An empty value is not a price;
    0 is a price. ``separator_is_known`` states that a point certainly is the decimal mark.
    """
    # Most prices are numbers or texts: these are checked first.
    if type(value) is WireNumber or type(value) is WireFloat:
        return _read_number(value.text, record_currency)
    if type(value) is str:
        return _read_text(value, record_currency, separator_is_known)
    return _read(value, record_currency, separator_is_known)


def is_plain_number(text: str) -> bool:
    """True if ``text`` is a number as in JSON, apart from surrounding blanks; leading zeros are allowed."""
    return text.isascii() and _PLAIN.fullmatch(text.strip().removeprefix("-")) is not None


def _read(value: object, record_currency: str | None, separator_is_known: bool) -> Money:
    match value:
        case bool():
            return UNREADABLE
        case int():
            return _read_number(str(value), record_currency)
        case dict() if value:
            return _read_object(value, record_currency, separator_is_known)
        case None | [] | dict():
            return NO_PRICE
        case _:
            return UNREADABLE


def _read_object(price: dict[str, object], record_currency: str | None, separator_is_known: bool) -> Money:
    amount = next((price[key] for key in AMOUNT_KEYS if price.get(key) not in (None, "")), None)
    if isinstance(amount, dict) or (amount is None and price.keys().isdisjoint(AMOUNT_KEYS)):
        return UNREADABLE
    named = next((price[key] for key in CURRENCY_KEYS if price.get(key) not in (None, "")), None)
    own = code_of(named)
    money = read_money(amount, own or record_currency, separator_is_known=separator_is_known)
    notes = (
        *_if(named is not None and own is None, "unknown_currency"),
        *_if(own and record_currency not in (None, own) and money.amount is not None, "currency_conflict"),
    )
    return msgspec.structs.replace(money, notes=(*money.notes, *notes)) if notes else money


def _read_number(text: str, record_currency: str | None) -> Money:
    if len(text) <= _SURELY_PLAIN and text[0] != "-" and "e" not in text and "E" not in text:
        return Money(Decimal(text), record_currency, (), text)
    try:
        return checked_money(Decimal(text), record_currency, (), text)
    except InvalidOperation:  # the exponent is too large for a Decimal
        return UNREADABLE


def _read_text(text: str, record_currency: str | None, separator_is_known: bool) -> Money:
    text = text.strip()
    if not text:
        return NO_PRICE
    if len(text) > _MAX_TEXT:
        return UNREADABLE
    if _PLAIN.fullmatch(text) and text.isascii():
        if text.isdigit() or (text[-4:-3] != "." and record_currency not in NO_DECIMALS):  # most plain numbers
            return checked_money(Decimal(text), record_currency)
        return _read_plain(text, record_currency, separator_is_known)
    return _read_usual(text, record_currency) or _read_any(text, record_currency, separator_is_known)


def _read_usual(text: str, record_currency: str | None) -> Money | None:
    """Read a price in its usual form; None for any other."""
    found = _USUAL.fullmatch(text)
    if found is None:
        return None
    before, whole, commas, points, cents, after = found.groups()
    decided = None if before and after else _usual_currency(before or after, record_currency)
    if decided is None:
        return None
    whole = whole or (commas.replace(",", "") if commas else points.replace(".", ""))
    exact = f"{whole}.{cents}"
    return Money(Decimal(exact), decided[0], decided[1], exact)


@lru_cache(maxsize=1024)
def _usual_currency(sign: str | None, record_currency: str | None) -> tuple[str | None, tuple[str, ...]] | None:
    """Return the currency of a price with two decimals, and the notes; None if only all rules together decide it."""
    if not sign:
        return None if record_currency in WRITTEN_WHOLE else (record_currency, ())
    meaning = meaning_of(sign)
    if meaning is None:
        return None
    currency, notes = _currency_of(meaning, record_currency)
    return None if currency is None or currency in WRITTEN_WHOLE else (currency, notes)


def _read_any(text: str, record_currency: str | None, separator_is_known: bool) -> Money:
    """Read a text that is not a plain number, by all rules."""
    plain = normalize_digits(text)
    if plain is None:
        return UNREADABLE
    no_cents = _NO_CENTS.search(plain)
    plain = _NO_CENTS.sub("", plain)
    amounts = _AMOUNT.findall(plain)
    if len(amounts) != 1:
        return UNREADABLE
    if _MINUS.search(plain):
        return NEGATIVE
    number = read_number(amounts[0], no_cents[1] if no_cents else None)
    before, _, after = plain.partition(amounts[0])
    meanings = meanings_around(before, after)
    if number is None or meanings is None:
        return UNREADABLE
    currency, notes = _currency_of(meanings[0], record_currency) if meanings else (record_currency, ())
    meant = number_in(currency, number, point_is_known=separator_is_known)
    if meant is None and "shared_currency_sign" in notes:  # the usual currency has no decimals: another one is meant
        meant, currency, notes = number, None, ("unknown_currency",)
    if meant is None or (currency is None and meanings and _differs(number, meanings[0], separator_is_known)):
        return UNREADABLE
    ambiguous = meant.ambiguous and not separator_is_known
    return checked_money(meant.value, currency, (*_if(ambiguous, "ambiguous_separator"), *notes))


def _differs(number: Numeral, meaning: Meaning, separator_is_known: bool) -> bool:
    """True if a number differs between the currencies that a sign may mean: ``1.250 kr`` is 1250 in Iceland."""
    _, currencies = meaning
    each = (number_in(currency, number, point_is_known=separator_is_known) for currency in currencies)
    return len({meant.value for meant in each if meant}) > 1


def _read_plain(text: str, currency: str | None, separator_is_known: bool) -> Money:
    """Read a number as in JSON, without a sign: only the record names its currency."""
    number = Numeral(Decimal(text), AMBIGUOUS.fullmatch(text) is not None)
    meant = number_in(currency, number, point_is_known=separator_is_known)
    if meant is None:
        return UNREADABLE
    decided = not separator_is_known and (meant.ambiguous or meant.value != number.value)
    return checked_money(meant.value, currency, _if(decided, "ambiguous_separator"))


def _currency_of(meaning: Meaning, record_currency: str | None) -> tuple[str | None, tuple[str, ...]]:
    """Return the currency given by a sign and the record together, and the notes on decisions."""
    usual, currencies = meaning
    if record_currency in currencies:
        return record_currency, ()
    if record_currency is not None:
        return usual, ("currency_conflict",)
    if len(currencies) == 1:
        return usual, ()
    return usual, ("shared_currency_sign" if usual else "unknown_currency",)


def _if(condition: object, note: str) -> tuple[str, ...]:
    return (note,) if condition else ()


def checked_money(amount: Decimal, currency: str | None, notes: tuple[str, ...] = (), text: str | None = None) -> Money:
    """Return an amount as a price; without an amount if it is negative or beyond the limits of prices.

    ``text`` is the amount as a JSON number, if it was received as one.
    """
    if _is_noise(amount):
        return UNREADABLE
    if amount.is_signed():
        if amount:
            return NEGATIVE
        amount, text = abs(amount), None
    return Money(amount, currency, notes, text or format(amount, "f"))


def _is_noise(amount: Decimal) -> bool:
    # The length is checked first: few numbers are long enough that counting their digits is necessary.
    return abs(amount.adjusted()) > _MAX_MAGNITUDE or (
        len(str(amount)) > _MAX_DIGITS and len(amount.as_tuple().digits) > _MAX_DIGITS
    )
