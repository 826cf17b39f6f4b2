"""Numbers as people write them: digits, grouped or not, with either decimal mark.

Prices: exact decimals from numbers, text and objects; what cannot be read for certain is no price.

The rules for text, in this order. Whatever they had to decide is counted under the name in brackets.

1. A number is read as JSON would: ``12.50``, ``1e3``. ``true``, ``inf`` and ``nan`` are no numbers.
2. A sign or code before or after the number is its currency. ``$`` alone is taken for US dollars and ``¥`` for yen
   [``shared_currency_sign``], unless the record says which dollar it is; a record that contradicts the sign loses
   [``currency_conflict``].
3. With both separators, the last one is the decimal one: ``1,299.00``, ``1.299,00``. A separator that repeats groups
   thousands. So does an apostrophe or a blank. ``.-`` and ``,-`` mean no cents, and which mark is the decimal one.
4. A lone comma is the decimal one, unless exactly three digits follow: ``1,299`` is 1299. A lone point always is the
   decimal one: ``1.299`` is 1.299. Both readings are counted [``ambiguous_separator``].
5. A currency that is named but is none of ISO 4217 is left open [``unknown_currency``].
6. A range, several numbers or currencies, or any other word makes it no price [``unreadable_price``]. So does a
   negative number [``negative_price``].
"""

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Self

import msgspec

from pipeline.currency import CODES, SHARED_SIGNS, SIGNS, code_of
from pipeline.normalize.fields import CURRENCY_KEYS

# What may stand between digits, once all apostrophes and all blanks (but for tabs and line ends) are of one kind.
_MARKS = ".,' "
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘´`ʼ＇", "'"))
_MINUSES = str.maketrans(dict.fromkeys("−–—‒﹣－", "-"))

_GROUPS = {mark: re.compile(rf"[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+") for mark in ".' "}
# Commas group thousands, or as in India thousands and then hundreds: 12,34,56,789.
_GROUPS[","] = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d?(?:,\d{2})+,\d{3}")
# A lone separator with three digits behind it: decimals or thousands.
AMBIGUOUS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")


class Numeral(msgspec.Struct, frozen=True):
    """A number that was read; ``ambiguous`` when its separator could have been the other one."""

    value: Decimal
    ambiguous: bool = False


def plain_text(text: str) -> str | None:
    """``text`` with one kind each of digit, blank, minus and apostrophe; None where it has figures of another kind.

    Raised figures, fractions and circled numbers are no digits: appending them to a number would change it.
    """
    if any(unicodedata.category(sign) in ("No", "Nl") for sign in text):
        return None
    text = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).translate(_MINUSES)
    return "".join(_plain_sign(sign) for sign in text)


def _plain_sign(sign: str) -> str:
    return str(unicodedata.decimal(sign)) if sign.isdecimal() else sign


def read_number(text: str, decimal_mark: str | None = None) -> Numeral | None:
    """Read digits with separators; None where they do not stand as they do in numbers.

    Of two kinds of separators the last one is the decimal mark; one that repeats groups, as do apostrophes and blanks.
    A lone comma groups when exactly three digits follow, a lone point never does: both are ambiguous.
    ``decimal_mark`` says that the number has no decimals, and which separator cannot group.
    """
    marks = [sign for sign in text if sign in _MARKS]
    match sorted(set(marks)):
        case []:
            return Numeral(Decimal(text))
        case [mark] if decimal_mark is not None:
            return _grouped(text, mark) if mark != decimal_mark else None
        case [("." | ",") as mark] if len(marks) == 1:
            ambiguous = AMBIGUOUS.fullmatch(text) is not None
            if mark == "," and ambiguous:
                return Numeral(Decimal(text.replace(",", "")), ambiguous=True)
            return Numeral(Decimal(text.replace(",", ".")), ambiguous=ambiguous)
        case [mark]:
            return _grouped(text, mark)
        case [_, _] if decimal_mark is None and marks[-1] in ".," and marks.count(marks[-1]) == 1:
            whole, _, decimals = text.rpartition(marks[-1])
            return _grouped(whole, marks[0], decimals)
        case _:
            return None


def _grouped(whole: str, mark: str, decimals: str = "") -> Numeral | None:
    if not _GROUPS[mark].fullmatch(whole):
        return None
    digits = whole.replace(mark, "")
    return Numeral(Decimal(f"{digits}.{decimals}" if decimals else digits))


# Beyond these a "price" is noise, and reading or adding it up would cost time and memory without bound.
_MAX_TEXT = 64
_MAX_DIGITS = 36
# A number of so many characters, without an exponent, is within both.
_SURELY_PLAIN = 15
_MAX_MAGNITUDE = 18

_PLAIN = re.compile(r"\d+(\.\d+)?([eE][+-]?\d{1,3})?")
_AMOUNT = re.compile(r"\d(?:[\d.,' ]*\d)?")
_NO_CENTS = re.compile(r"(?<=\d)([.,])-+(?! ?\d)")
_MINUS = re.compile(r"^\(.*\)$|- ?\d|\d ?-$|^-")

_AMOUNT_KEYS = ("amount", "value", "price", "current", "gross")


class WireNumber(msgspec.Struct, frozen=True, gc=False):
    """A JSON number with a fraction or an exponent, still as the text that arrived: no float, no rounding."""

    text: str


class WireFloat(float):
    """A JSON number that expressions can reckon with, and that still has the text that arrived."""

    text: str

    def __new__(cls, text: str) -> Self:
        """The number that a text is."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


# JMESPath knows types by their names.
WireFloat.__name__ = "float"


def as_it_came(value: object) -> object:
    """How an encoder writes such a number: with the text that it came as; for nothing else."""
    if isinstance(value, WireFloat):
        return msgspec.Raw(value.text.encode())
    raise NotImplementedError


class Money(msgspec.Struct, frozen=True, gc=False):
    """A price as it was read. ``notes`` names the rules that had to decide something.

    ``text`` is the amount as a JSON number: for a price that came as one, the text it came with.
    """

    amount: Decimal | None = None
    currency: str | None = None
    notes: tuple[str, ...] = ()
    text: str | None = None


NO_PRICE = Money()
UNREADABLE = Money(notes=("unreadable_price",))


def read_money(value: object, record_currency: str | None = None, *, separator_is_known: bool = False) -> Money:
    """Read a price as it came in a record: a JSON number, text, or an object with an amount.

    ``record_currency`` is the ISO 4217 code that the record names elsewhere, if any. Where nothing was given there
    is no price; a price of 0 is a price. ``separator_is_known`` says that a point is the decimal mark for certain.
    """
    if type(value) is WireNumber:  # most prices: first of all, and with fewer questions
        return _read_number(value.text, record_currency)
    money = _read(value, record_currency)
    if separator_is_known and "ambiguous_separator" in money.notes:
        notes = tuple(note for note in money.notes if note != "ambiguous_separator")
        return msgspec.structs.replace(money, notes=notes)
    return money


def is_plain_number(text: str) -> bool:
    """Whether a text is a number as JSON has them, and nothing else."""
    return text.isascii() and _PLAIN.fullmatch(text.strip().removeprefix("-")) is not None


def _read(value: object, record_currency: str | None) -> Money:
    match value:
        case bool():
            return _noted("unreadable_price")
        case int():
            return _checked(Decimal(value), record_currency, (), str(value))
        case WireFloat():
            return _read_number(value.text, record_currency)
        case str():
            return _read_text(value, record_currency)
        case dict() if value:
            return _read_object(value, record_currency)
        case None | [] | dict():
            return NO_PRICE
        case _:
            return _noted("unreadable_price")


def _read_object(price: dict[str, object], record_currency: str | None) -> Money:
    amount = next((price[key] for key in _AMOUNT_KEYS if price.get(key) not in (None, "")), None)
    if isinstance(amount, dict) or (amount is None and price.keys().isdisjoint(_AMOUNT_KEYS)):
        return _noted("unreadable_price")
    named = next((price[key] for key in CURRENCY_KEYS if price.get(key) not in (None, "")), None)
    own = code_of(named)
    money = read_money(amount, own or record_currency)
    notes = (
        *_if(named is not None and own is None, "unknown_currency"),
        *_if(own and record_currency not in (None, own) and money.amount is not None, "currency_conflict"),
    )
    return msgspec.structs.replace(money, notes=(*money.notes, *notes)) if notes else money


def _read_number(text: str, record_currency: str | None) -> Money:
    if len(text) <= _SURELY_PLAIN and text[0] != "-" and "e" not in text and "E" not in text:
        return Money(Decimal(text), record_currency, (), text)
    try:
        return _checked(Decimal(text), record_currency, (), text)
    except InvalidOperation:  # an exponent beyond what any decimal holds
        return _noted("unreadable_price")


def _read_text(text: str, record_currency: str | None) -> Money:
    text = text.strip()
    if not text:
        return NO_PRICE
    if len(text) > _MAX_TEXT:
        return _noted("unreadable_price")
    if _PLAIN.fullmatch(text) and text.isascii():
        return _checked(Decimal(text), record_currency, _if(AMBIGUOUS.fullmatch(text), "ambiguous_separator"))
    plain = plain_text(text)
    if plain is None:
        return _noted("unreadable_price")
    no_cents = _NO_CENTS.search(plain)
    plain = _NO_CENTS.sub("", plain)
    amounts = _AMOUNT.findall(plain)
    if len(amounts) != 1:
        return _noted("unreadable_price")
    if _MINUS.search(plain):
        return _noted("negative_price")
    number = read_number(amounts[0], no_cents[1] if no_cents else None)
    before, _, after = plain.partition(amounts[0])
    signs = [sign for sign in (before.strip(" \t\r\n:+"), after.strip(" \t\r\n*")) if sign]
    if number is None or len(signs) > 1:
        return _noted("unreadable_price")
    currency, notes = _currency_of(signs[0], record_currency) if signs else (record_currency, ())
    if "unreadable_price" in notes:
        return _noted("unreadable_price")
    return _checked(number.value, currency, (*_if(number.ambiguous, "ambiguous_separator"), *notes))


def _currency_of(sign: str, record_currency: str | None) -> tuple[str | None, tuple[str, ...]]:
    """The currency that a sign and the record tell together, and what had to be decided."""
    if sign in SHARED_SIGNS:
        usual, sharing = SHARED_SIGNS[sign]
        if record_currency in sharing:
            return record_currency, ()
        if record_currency is None:
            return usual, ("shared_currency_sign" if usual else "unknown_currency",)
        return usual, ("currency_conflict",)
    # A code in lower case might be a word: top 10, try 5.
    currency = SIGNS.get(sign) or (sign if sign in CODES else None)
    if currency is None:
        return None, ("unreadable_price",)
    return currency, _if(record_currency not in (None, currency), "currency_conflict")


def _if(condition: object, note: str) -> tuple[str, ...]:
    return (note,) if condition else ()


def checked_money(amount: Decimal, currency: str | None, notes: tuple[str, ...] = ()) -> Money:
    """The price of an amount that was worked out; none where it is negative, or beyond what prices are."""
    return _checked(amount, currency, notes)


def _checked(amount: Decimal, currency: str | None, notes: tuple[str, ...], text: str | None = None) -> Money:
    if _is_noise(amount):
        return _noted("unreadable_price")
    if amount.is_signed():
        if amount:
            return _noted("negative_price")
        amount, text = abs(amount), None
    return Money(amount, currency, notes, text or format(amount, "f"))


def _is_noise(amount: Decimal) -> bool:
    # Few numbers are long enough to have their digits counted.
    return abs(amount.adjusted()) > _MAX_MAGNITUDE or (
        len(str(amount)) > _MAX_DIGITS and len(amount.as_tuple().digits) > _MAX_DIGITS
    )


def _noted(note: str) -> Money:
    return Money(notes=(note,))
