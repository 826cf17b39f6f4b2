"""Numbers as people write them: digits, grouped or not, with either decimal mark."""

import re
import unicodedata
from decimal import Decimal

import msgspec

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
