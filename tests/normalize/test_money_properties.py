"""Properties of prices that hold for every text and number."""

import re
import unicodedata
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.config.currency import CODES, SHARED_SIGNS, SIGNS, WRITTEN_WHOLE, meaning_of, minor_digits
from pipeline.normalize import money
from pipeline.normalize.money import Money, read_money
from pipeline.normalize.numerals import WireNumber

UNREADABLE = "unreadable_price"

decode_number = msgspec.json.Decoder(Any, float_hook=WireNumber).decode


def parts(read: Money) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Amount as its exact text, currency, notes."""
    return None if read.amount is None else str(read.amount), read.currency, read.notes


def indian(whole: int) -> str:
    """12,34,56,789"""
    head, tail = divmod(whole, 1000)
    return re.sub(r"(?<=\d)(?=(\d\d)+$)", ",", str(head)) + f",{tail:03}" if head else str(whole)


STYLES = {
    "en": lambda whole, cents: f"{whole:,}.{cents:02}",
    "de": lambda whole, cents: f"{whole:,}".replace(",", ".") + f",{cents:02}",
    "ch": lambda whole, cents: f"{whole:,}".replace(",", "’") + f".{cents:02}",
    "fr": lambda whole, cents: f"{whole:,}".replace(",", "\u202f") + f",{cents:02}",
    "in": lambda whole, cents: f"{indian(whole)}.{cents:02}",
}
WHOLES = st.one_of(st.integers(0, 10_000), st.integers(0, 10**15))
FRAMES = st.sampled_from([("{}", None), ("€ {}", "EUR"), ("{} EUR", "EUR"), ("US$ {}", "USD"), ("{} zł", "PLN")])


@given(WHOLES, st.integers(0, 99), st.sampled_from(list(STYLES)), FRAMES)
def test_amount_in_any_style_is_exact(whole: int, cents: int, style: str, frame: tuple[str, str | None]) -> None:
    """An amount with cents in English, German, Swiss, French or Indian format is read exactly and unambiguously."""
    template, currency = frame
    text = template.format(STYLES[style](whole, cents))
    assert parts(read_money(text)) == (f"{whole}.{cents:02}", currency, ())


# Locales: what groups thousands, and the decimal mark.
LOCALES = [(",", "."), (".", ","), ("’", "."), ("\u202f", ","), (" ", "."), ("", "."), ("", ",")]
NAMES = [
    *SIGNS,
    *SHARED_SIGNS,
    *sorted(CODES),
    *(code.lower() for code in sorted(CODES)),
    "euro",
    "Euros",
    "руб.",
    "Kr.",
    "Rs.",
]
NAMED = st.sampled_from([name for name in NAMES if meaning_of(name)])
TEMPLATES = st.sampled_from(
    ["{name} {}", "{} {name}", "{name}{}", "{}{name}", "{name}\u00a0{}", "Price: {} {name}", "{} {name} incl. VAT"]
)


@given(WHOLES, st.integers(0, 999), NAMED, st.sampled_from(LOCALES), TEMPLATES)
@example(12_500, 0, "₫", (".", ","), "{} {name}")
@example(1, 250, "KWD", (".", ","), "{} {name}")
def test_amount_with_the_decimals_of_its_currency_is_read_back(
    whole: int, part: int, name: str, locale: tuple[str, str], template: str
) -> None:
    """An amount in any currency and locale is read exactly; only a comma before three decimals leaves it uncertain."""
    usual, currencies = meaning_of(name) or (None, frozenset())
    group, mark = locale
    for record_currency in (None, *currencies):
        currency = record_currency or usual
        digits = 0 if currency in WRITTEN_WHOLE else minor_digits(currency or "EUR") or 0
        decimals = f"{part:03}"[:digits]
        text = template.format(f"{whole:,}".replace(",", group) + (mark + decimals if decimals else ""), name=name)
        read = read_money(text, record_currency)
        if digits == 3 and mark == "," and 1 <= whole < 1000:
            assert read == Money(notes=(UNREADABLE,))
        else:
            exact = f"{whole}.{decimals}" if decimals else str(whole)
            assert (str(read.amount), read.currency) == (exact, currency)


@given(st.from_regex(r"(0|[1-9][0-9]{0,9})([.,][0-9]{1,3})?([.,][0-9]{1,3})?", fullmatch=True), st.sampled_from("०٠০๐"))
@example("1,299", "०")
def test_digits_of_another_script_mean_the_same(text: str, zero: str) -> None:
    """A number in Devanagari, Arabic, Bengali or Thai digits is read like the same ASCII digits, or is unreadable."""
    foreign = "".join(chr(ord(zero) + int(sign)) if sign.isdigit() else sign for sign in text)
    assert read_money(foreign) in (read_money(text), Money(notes=(UNREADABLE,)))


@given(st.from_regex(r"(0|[1-9][0-9]{0,15})(\.[0-9]{1,6})?", fullmatch=True))
def test_json_number_keeps_its_exact_text(number: str) -> None:
    """Every digit of a JSON number is kept, including trailing zeros."""
    assert str(read_money(decode_number(number)).amount) == number


PIECES = st.sampled_from(
    [
        *NAMES,
        *"0123456789.,'’ -–−()$€krCHFeE+*:/%\u00a0½²٣",
        "12",
        "500",
        "Price",
        "only",
        "incl.",
        "VAT",
        "from",
        "was",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=70),
    st.text(alphabet="0123456789.,'’ -–−()$€krCHFeE+*\u00a0½²٣", max_size=20),
    st.lists(PIECES, max_size=10).map("".join),
    st.lists(PIECES, max_size=6).map(" ".join),
)
JSON_NUMBERS = st.decimals(allow_nan=False, allow_infinity=False).map(str).map(WireNumber)
VALUES = st.recursive(
    st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), JSON_NUMBERS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["amount", "value", "currency", "x"]), inner)
    ),
)


CURRENCIES = st.sampled_from([None, "USD", "EUR", "JPY", "KWD", "IDR"])


@given(st.one_of(TEXTS, VALUES), CURRENCIES)
def test_whatever_is_given_the_result_is_sane(value: object, record_currency: str | None) -> None:
    """No value raises; an amount is finite and not negative; a currency needs an amount; notes are documented."""
    read = read_money(value, record_currency)
    if read.amount is None:
        assert (read.currency, read.text) == (None, None)
    else:
        assert read.amount.is_finite()
        assert not read.amount.is_signed()
        assert msgspec.json.decode(read.text or "", type=Decimal) == read.amount
    assert read.currency is None or read.currency in CODES
    assert all(f"[``{note}``]" in (money.__doc__ or "") for note in read.notes)


@given(TEXTS, CURRENCIES, st.booleans())
def test_amount_is_made_of_the_digits_of_its_text(
    text: str, record_currency: str | None, separator_is_known: bool
) -> None:
    """Except with exponents, an amount has exactly the digits of its text, in order."""
    amount = read_money(text, record_currency, separator_is_known=separator_is_known).amount
    if amount is not None and not re.search("[0-9]e", text.lower()):
        digits = "".join(str(unicodedata.decimal(sign)) for sign in text if sign.isdecimal())
        assert f"{amount:f}".replace(".", "").lstrip("0") == digits.lstrip("0")
