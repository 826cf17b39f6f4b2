"""Numbers with their exact text: JSON numbers, and digits with separators as people write them."""

import re
import unicodedata
from decimal import Decimal
from typing import Self

import msgspec

from pipeline.config.currency import NO_DECIMALS, THREE_DECIMALS, WRITTEN_WHOLE

# Marks that may separate digits, after all apostrophes and all blanks except tabs and line ends are made equal.
_MARKS = ".,' "
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘´`ʼ＇", "'"))
_MINUSES = str.maketrans(dict.fromkeys("−–—‒﹣－", "-"))

_GROUPS = {mark: re.compile(rf"[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+") for mark in ".' "}
# Commas group thousands, or as in India thousands and then hundreds: 12,34,56,789.
_GROUPS[","] = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d?(?:,\d{2})+,\d{3}")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_FOREIGN_DIGIT = re.compile(r"[^\D0-9]")
# A lone separator followed by three digits: decimals or thousands.
AMBIGUOUS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")


class WireNumber(msgspec.Struct, frozen=True, gc=False):
    """A JSON number with a fraction or an exponent, kept as the received text: no float, no rounding."""

    text: str


class WireFloat(float):
    """A JSON number that JMESPath expressions can compute with, and that keeps the received text."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """Create the number from its JSON text."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


# JMESPath identifies types by their names.
WireFloat.__name__ = "float"


def encode_wire_float(value: object) -> object:
    """Encode a :class:`WireFloat` with its received text; an ``enc_hook`` for msgspec encoders.

    Raises:
        NotImplementedError: for a value of any other type.
    """
    if isinstance(value, WireFloat):
        return msgspec.Raw(value.text.encode())
    raise NotImplementedError


class Numeral(msgspec.Struct, frozen=True):
    """A number read from text; ``ambiguous`` if its separator could also have the other meaning."""

    value: Decimal
    ambiguous: bool = False


def normalize_digits(text: str) -> str | None:
    """Return ``text`` with one kind each of digit, blank, minus and apostrophe.

    None if it contains superscripts, fractions or circled numbers: appending these to a number would change it.
    """
    if text.isascii():  # as most prices
        return text.replace("`", "'")
    if any(unicodedata.category(sign) in ("No", "Nl") for sign in _NOT_ASCII.findall(text)):
        return None
    text = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).translate(_MINUSES)
    return _FOREIGN_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)


def number_in(currency: str | None, number: Numeral, *, point_is_known: bool = False) -> Numeral | None:
    """Return a number from a text as it is meant in a currency; None if that is uncertain.

    ``point_is_known`` states that a point certainly is the decimal mark.
    """
    if currency in WRITTEN_WHOLE:
        if number.ambiguous:  # the decimals are zeros at best: a point that certainly is the mark contradicts that
            whole = Decimal("".join(str(digit) for digit in number.value.as_tuple().digits))
            return None if point_is_known else Numeral(whole)
        if currency in NO_DECIMALS and number.value != number.value.to_integral_value():
            return None
    elif currency in THREE_DECIMALS and number.ambiguous:
        # All three decimals are usually written. After a comma they may as well be thousands.
        return Numeral(number.value) if number.value.as_tuple().exponent else None
    return number


def read_number(text: str, decimal_mark: str | None = None) -> Numeral | None:
    """Read digits with separators; return None if the separators are not placed as in a number.

    With two kinds of separators, the last one is the decimal mark. A separator that repeats groups digits; so do
    apostrophes and blanks. A lone comma groups if exactly three digits follow; a lone point never groups. Both are
    ambiguous. ``decimal_mark`` states that the number has no decimals, and which separator cannot group.
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
