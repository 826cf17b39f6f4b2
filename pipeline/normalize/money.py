"""Read prices as exact decimals from numbers, text and objects; uncertain prices are left out.

Text is read by these rules, in this order. Each decision of a rule is counted under the name in brackets.

1. A number is read as in JSON: ``12.50``, ``1e3``. ``true``, ``inf`` and ``nan`` are not numbers.
2. A sign, code or word before or after the number is its currency; so are both, if they agree: ``$5 CAD``. ``$`` alone
   is read as US dollars and ``¥`` as yen [``shared_currency_sign``], unless the record names another currency with that
   sign. If the record names a currency that contradicts the sign, the sign wins [``currency_conflict``]. ``Price:``,
   ``incl. VAT`` and the like may be around them.
3. With both separators, the last one is the decimal mark: ``1,299.00``, ``1.299,00``. A separator that repeats groups
   thousands. So does an apostrophe or a blank. ``.-`` and ``,-`` mean no cents, and identify the decimal mark.
4. A lone comma is the decimal mark, unless exactly three digits follow: ``1,299`` is 1299. A lone point always is the
   decimal mark: ``1.299`` is 1.299. Both readings are counted [``ambiguous_separator``]. In a currency without
   decimals, both group thousands: ``12.500 ₫`` is 12500.
5. A named currency that is not in ISO 4217 is left open [``unknown_currency``].
6. A range, several numbers or currencies, or any other word is not a price [``unreadable_price``]. Neither is a
   negative number [``negative_price``].
"""

import re
from decimal import Decimal, InvalidOperation

import msgspec

from pipeline.config.currency import code_of, currency_of_sign, has_no_decimals, shared_sign
from pipeline.normalize.fields import CURRENCY_KEYS
from pipeline.normalize.numerals import AMBIGUOUS, WireFloat, WireNumber, normalize_digits, read_number

# Beyond these limits a "price" is noise, and reading or adding it would cost unbounded time and memory.
_MAX_TEXT = 64
_MAX_DIGITS = 36
# A number of at most this many characters, without an exponent, is within both limits.
_SURELY_PLAIN = 15
_MAX_MAGNITUDE = 18

_PLAIN = re.compile(r"\d+(\.\d+)?([eE][+-]?\d{1,3})?")
_AMOUNT = re.compile(r"\d(?:[\d.,' ]*\d)?")
_NO_CENTS = re.compile(r"(?<=\d)([.,])-+(?! ?\d)")
_MINUS = re.compile(r"^\(.*\)$|- ?\d|\d ?-$|^-")

# Words around an amount that do not change its meaning. No sign of a currency is longer than three letters.
_BLANKS = " \t\r\n"
_LONGEST_SIGN = 3
_TAX = r"(vat|gst|taxe?s?|mwst\.?|ust\.?|tva|iva|moms)"
_HARMLESS = re.compile(
    r"^(our )?(price|preis|prix|precio|preço|prezzo|cena|цена|only|now|nur)\b"
    rf"|\(?\b(incl?\.?|including|inkl\.?) {_TAX}\)?$",
    re.IGNORECASE,
)

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
    if type(value) is WireNumber:  # most prices: checked first, and with fewer checks
        return _read_number(value.text, record_currency)
    money = _read(value, record_currency, separator_is_known=separator_is_known)
    if separator_is_known and "ambiguous_separator" in money.notes:
        notes = tuple(note for note in money.notes if note != "ambiguous_separator")
        return msgspec.structs.replace(money, notes=notes)
    return money


def is_plain_number(text: str) -> bool:
    """True if ``text`` is a number as in JSON, apart from surrounding blanks; leading zeros are allowed."""
    return text.isascii() and _PLAIN.fullmatch(text.strip().removeprefix("-")) is not None


def _read(value: object, record_currency: str | None, *, separator_is_known: bool) -> Money:
    match value:
        case bool():
            return UNREADABLE
        case int():
            return checked_money(Decimal(value), record_currency, (), str(value))
        case WireFloat():
            return _read_number(value.text, record_currency)
        case str():
            return _read_text(value, record_currency, separator_is_known=separator_is_known)
        case dict() if value:
            return _read_object(value, record_currency)
        case None | [] | dict():
            return NO_PRICE
        case _:
            return UNREADABLE


def _read_object(price: dict[str, object], record_currency: str | None) -> Money:
    amount = next((price[key] for key in AMOUNT_KEYS if price.get(key) not in (None, "")), None)
    if isinstance(amount, dict) or (amount is None and price.keys().isdisjoint(AMOUNT_KEYS)):
        return UNREADABLE
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
        return checked_money(Decimal(text), record_currency, (), text)
    except InvalidOperation:  # the exponent is too large for a Decimal
        return UNREADABLE


def _read_text(text: str, record_currency: str | None, *, separator_is_known: bool) -> Money:
    text = text.strip()
    if not text:
        return NO_PRICE
    if len(text) > _MAX_TEXT:
        return UNREADABLE
    if _PLAIN.fullmatch(text) and text.isascii():
        ambiguous = AMBIGUOUS.fullmatch(text)
        if ambiguous and not separator_is_known and has_no_decimals(record_currency):
            return checked_money(Decimal(text.replace(".", "")), record_currency)
        return checked_money(Decimal(text), record_currency, _if(ambiguous, "ambiguous_separator"))
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
    if number is None:
        return UNREADABLE
    before, _, after = plain.partition(amounts[0])
    currency, notes = _currency_around(_bare(before, ":+"), _bare(after, "*"), record_currency)
    if "unreadable_price" in notes:
        return UNREADABLE
    if number.ambiguous and not separator_is_known and has_no_decimals(currency, in_practice=True):
        return checked_money(Decimal(re.sub("[.,]", "", amounts[0])), currency, notes)
    return checked_money(number.value, currency, (*_if(number.ambiguous, "ambiguous_separator"), *notes))


def _bare(text: str, marks: str) -> str:
    """Return the text beside an amount without blanks and ``marks``, and without words that do not change it."""
    text = text.strip(_BLANKS + marks)
    return _HARMLESS.sub("", text).strip(_BLANKS + marks) if len(text) > _LONGEST_SIGN else text


def _currency_around(before: str, after: str, record_currency: str | None) -> tuple[str | None, tuple[str, ...]]:
    """Return the currency given by the texts beside an amount and by the record, and the notes on decisions."""
    if not before and not after:
        return record_currency, ()
    if not before or not after:
        return _currency_of(before or after, record_currency, after=bool(after))
    for one, other, is_after in ((after, before, True), (before, after, False)):
        certain = currency_of_sign(one, after=is_after)
        if certain and _currency_of(other, certain, after=not is_after) == (certain, ()):
            return certain, _if(record_currency not in (None, certain), "currency_conflict")
    return None, ("unreadable_price",)


def _currency_of(sign: str, record_currency: str | None, *, after: bool) -> tuple[str | None, tuple[str, ...]]:
    """Return the currency given by a sign and the record together, and the notes on decisions."""
    if currency := currency_of_sign(sign, after=after):
        return currency, _if(record_currency not in (None, currency), "currency_conflict")
    if shared := shared_sign(sign):
        usual, sharing = shared
        if record_currency in sharing:
            return record_currency, ()
        if record_currency is None:
            return usual, ("shared_currency_sign" if usual else "unknown_currency",)
        return usual, ("currency_conflict",)
    return None, ("unreadable_price",)


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
