"""Prices: the readings of each format, and the count of every decision."""

from typing import Any

import msgspec
import pytest

from pipeline.config.currency import CODES, SHARED_SIGNS, SIGNS, code_of
from pipeline.normalize.money import Money, read_money
from pipeline.normalize.numerals import WireNumber

AMBIGUOUS, SHARED, CONFLICT = "ambiguous_separator", "shared_currency_sign", "currency_conflict"
UNREADABLE, NEGATIVE, UNKNOWN = "unreadable_price", "negative_price", "unknown_currency"

decode_number = msgspec.json.Decoder(Any, float_hook=WireNumber).decode


def parts(read: Money) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Amount as its exact text, currency, notes."""
    return None if read.amount is None else str(read.amount), read.currency, read.notes


NUMBERS = [
    # plain
    *[("12.50", "12.50"), ("12.5", "12.5"), ("12", "12"), (" 12.50\n", "12.50"), ("0", "0"), ("0.00", "0.00")],
    *[("00012.50", "12.50"), ("1e3", "1E+3"), ("1.5E-2", "0.015"), ("+5.00", "5.00"), ("１２．５０", "12.50")],
    # both separators: the last one is the decimal mark
    *[("1,299.00", "1299.00"), ("1.299,00", "1299.00"), ("1,299.5", "1299.5"), ("1,234,567.89", "1234567.89")],
    *[("1.234.567,89", "1234567.89"), ("1,29,900.00", "129900.00"), ("12,34,56,789.00", "123456789.00")],
    # a separator that repeats groups
    *[("1,234,567", "1234567"), ("1.234.567", "1234567")],
    # a lone separator
    *[("12,50", "12.50"), ("12,5", "12.5"), ("1234,56", "1234.56"), ("0,299", "0.299"), ("0.299", "0.299")],
    *[("1234.567", "1234.567"), ("1234,567", "1234.567")],
    # apostrophes and blanks group
    *[("1'299.00", "1299.00"), ("1’299,50", "1299.50"), ("1`299", "1299"), ("1´299´000.50", "1299000.50")],
    *[
        ("1 299,00", "1299.00"),
        ("1\u00a0299,00", "1299.00"),
        ("1\u202f299\u202f000,00", "1299000.00"),
        ("1 299", "1299"),
    ],
    # no cents
    *[("12.-", "12"), ("12,-", "12"), ("12.–", "12"), ("12,—", "12"), ("12.--", "12"), ("1'299.-", "1299")],
]
READABLE = [
    *[(text, amount, None, ()) for text, amount in NUMBERS],
    ("1,299", "1299", None, (AMBIGUOUS,)),
    ("1.299", "1.299", None, (AMBIGUOUS,)),
    ("59.000", "59.000", None, (AMBIGUOUS,)),
    ("999,000", "999000", None, (AMBIGUOUS,)),
    ("CHF 1’299.-", "1299", "CHF", ()),
    ("€12.50", "12.50", "EUR", ()),
    ("12,50 €", "12.50", "EUR", ()),
    ("€ 1.299,00", "1299.00", "EUR", ()),
    ("1\u202f299,00\u00a0€", "1299.00", "EUR", ()),
    ("₹1,29,900.00", "129900.00", "INR", ()),
    ("US$ 10.00", "10.00", "USD", ()),
    ("R$ 1.299,90", "1299.90", "BRL", ()),
    ("12,50 zł", "12.50", "PLN", ()),
    ("1 299,00 Kč", "1299.00", "CZK", ()),
    ("EUR 12.50", "12.50", "EUR", ()),
    ("EUR: 12.50", "12.50", "EUR", ()),
    ("12.50EUR", "12.50", "EUR", ()),
    ("12.50 SEK", "12.50", "SEK", ()),
    ("€1,299", "1299", "EUR", (AMBIGUOUS,)),
    ("$12.50", "12.50", "USD", (SHARED,)),
    ("$1,299", "1299", "USD", (AMBIGUOUS, SHARED)),
    ("¥1000", "1000", "JPY", (SHARED,)),
    ("￥1000", "1000", "JPY", (SHARED,)),
    ("kr 100", "100", None, (UNKNOWN,)),
    ("100 kr.", "100", None, (UNKNOWN,)),
]


@pytest.mark.parametrize(("text", "amount", "currency", "notes"), READABLE)
def test_text_is_read(text: str, amount: str, currency: str | None, notes: tuple[str, ...]) -> None:
    """A price in a documented format gives its exact amount, its currency, and notes on decisions."""
    assert parts(read_money(text)) == (amount, currency, notes)


@pytest.mark.parametrize(
    "text",
    [
        *[
            "Free",
            "N/A",
            "on request",
            "TBD",
            "-",
            "€",
            "EUR",
            "true",
            "inf",
            "-inf",
            "nan",
            "NaN",
            "Infinity",
            "1_000",
        ],
        *["US$ 10.00 - 20.00", "10-20", "10.00–20.00", "10/20", "10 to 20", "from 10", "2 for 5", "10 … 20", "10~20"],
        *[
            "€10 $12",
            "$10 €",
            "EUR 10 USD",
            "10 EUR EUR",
            "top 10",
            "try 5",
            "eur 5",
            "US$ 10 / 9 €",
            "10.00 20.00",
            "1,299.00 1,199.00",
        ],
        *["5%", "5 €/kg", "SKU 5", "XYZ 10", "0x10", "ten", "1e", "e5", "1e3 EUR", "12 px", "$$5", "~5", "5?", "#5"],
        *["1..2", "1,,2", "1.2.3", "1,2,3", "1,23,4", "12,34,56", "1.299.00", "1,2345.00", "0,299.00", "1.23,456.7"],
        *["1'29", "1 29", "1 299 00", "12 .50", "12. 50", "10½", "½", ".", ",", "1/2", "(5", "5)", "5.", ".5", "٫٥"],
        *["9" * 37, "1" * 65, "1e19", "1e-19", "1e999", "0." + "0" * 18 + "1", "9" * 20],
    ],
)
def test_text_that_is_no_certain_price_is_none_and_counted(text: str) -> None:
    """Ranges, several numbers or currencies, words and noise are not prices, and are counted as unreadable."""
    assert read_money(text) == Money(notes=(UNREADABLE,))


@pytest.mark.parametrize("text", ["9.99 500", "1,299 000", "1234 567", "9.99\n500", "199\n149", "199\t149", "€9  149"])
def test_blank_between_what_are_two_numbers_makes_it_no_price(text: str) -> None:
    """A blank between two numbers does not join them: it groups only if the digits form valid groups."""
    assert read_money(text) == Money(notes=(UNREADABLE,))


@pytest.mark.parametrize("text", ["$10⁹⁹", "10⁹⁹ €", "12.50¹", "12₅", "5①"])
def test_raised_figures_are_no_further_digits(text: str) -> None:
    """Superscript cents and footnote marks are not appended to the amount: $10⁹⁹ is not $1099."""
    assert read_money(text) == Money(notes=(UNREADABLE,))


@pytest.mark.parametrize("text", ["1.299,-", "€ 1.299,–", "1.299,-- €"])
def test_no_cents_sign_tells_the_decimal_separator(text: str) -> None:
    """The comma of ``,-`` is the decimal mark, so a point before it groups: 1.299,- is 1299, unambiguously."""
    read = read_money(text)
    assert (read.amount, read.notes) == (1299, ())


@pytest.mark.parametrize(
    "text",
    ["-5.00", "−5.00", "－5", "- 5", "-$5", "$-5", "€ -5,00", "5-", "5.00 -", "(5.00)", "($5)", "-0.01", "EUR -5"],
)
def test_negative_text_is_no_price(text: str) -> None:
    """A negative amount is not a price in any notation, and never becomes its absolute value."""
    assert read_money(text) == Money(notes=(NEGATIVE,))


@pytest.mark.parametrize("value", ["", "  ", None, [], {}, {"amount": None}, {"amount": "", "note": None}])
def test_nothing_given_is_no_price_and_no_complaint(value: object) -> None:
    """An empty value gives no price and no note."""
    assert read_money(value) == Money()


@pytest.mark.parametrize("value", [True, False, [1], ["12.50"], [[]], {"amount": True}, {"amount": {"value": 1}}])
def test_value_of_another_kind_is_no_price_and_counted(value: object) -> None:
    """Booleans, lists and objects within objects are not prices, and are counted as unreadable."""
    assert read_money(value) == Money(notes=(UNREADABLE,))


@pytest.mark.parametrize("value", [{"min": 5, "max": 10}, {"from": "5.00"}, {"currency": "EUR", "cents": 1250}])
def test_object_without_an_amount_is_counted(value: object) -> None:
    """A non-empty object without a known amount key is counted as unreadable."""
    assert UNREADABLE in read_money(value).notes


@pytest.mark.parametrize(
    ("number", "amount", "notes"),
    [
        *[
            ("12.50", "12.50", ()),
            ("12", "12", ()),
            ("0", "0", ()),
            ("0.0", "0.0", ()),
            ("-0.0", "0.0", ()),
            ("-0", "0", ()),
        ],
        *[
            ("1.299", "1.299", ()),
            ("59.000", "59.000", ()),
            ("19.990000000000000000001", "19.990000000000000000001", ()),
        ],
        *[("-5", None, (NEGATIVE,)), ("-0.01", None, (NEGATIVE,)), ("1e30", None, (UNREADABLE,))],
        *[("1e-30", None, (UNREADABLE,)), ("9" * 40, None, (UNREADABLE,)), ("1." + "1" * 40, None, (UNREADABLE,))],
    ],
)
def test_json_number_is_taken_as_it_stands(number: str, amount: str | None, notes: tuple[str, ...]) -> None:
    """A JSON number is exact and never ambiguous; if negative or out of bounds, it is not a price."""
    assert parts(read_money(decode_number(number))) == (amount, None, notes)


@pytest.mark.parametrize(
    ("value", "record_currency", "currency", "notes"),
    [
        ("12.50", "EUR", "EUR", ()),
        (WireNumber("12.50"), "EUR", "EUR", ()),
        ("€12.50", "EUR", "EUR", ()),
        ("€12.50", "USD", "EUR", (CONFLICT,)),
        ("USD 12.50", "EUR", "USD", (CONFLICT,)),
        ("$12.50", "USD", "USD", ()),
        ("$12.50", "CAD", "CAD", ()),
        ("$12.50", "EUR", "USD", (CONFLICT,)),
        ("US$12.50", "CAD", "USD", (CONFLICT,)),
        ("12.50 kr", "SEK", "SEK", ()),
        ("12.50 kr", "EUR", None, (CONFLICT,)),
        ({"amount": "12.50", "currency": "CHF"}, "EUR", "CHF", (CONFLICT,)),
        ("Free", "EUR", None, (UNREADABLE,)),
        ({"amount": 1250, "currency": "EUR"}, None, "EUR", ()),
        ({"value": "12,50", "currency_code": "eur "}, None, "EUR", ()),
        ({"amount": "12.50", "priceCurrency": "CHF"}, None, "CHF", ()),
        ({"price": "$12.50", "currencyCode": "AUD"}, None, "AUD", ()),
        ({"amount": "12.50"}, "SEK", "SEK", ()),
        ({"amount": "12.50", "currency": "Dollars"}, None, None, (UNKNOWN,)),
        ({"amount": "12.50", "currency": {"code": "EUR"}}, None, None, (UNKNOWN,)),
        ({"amount": "x", "currency": "Euro"}, None, None, (UNREADABLE, UNKNOWN)),
        ({"amount": -1, "currency": "EUR"}, None, None, (NEGATIVE,)),
    ],
)
def test_currency_comes_from_the_text_then_the_object_then_the_record(
    value: object, record_currency: str | None, currency: str | None, notes: tuple[str, ...]
) -> None:
    """A currency sign in the text wins, a shared sign follows the record, and conflicts are counted."""
    assert parts(read_money(value, record_currency))[1:] == (currency, notes)


def test_signs_tell_codes_that_exist() -> None:
    """Every sign gives a currency of ISO 4217, and no sign has two meanings."""
    assert set(SIGNS.values()) <= CODES
    assert all(usual in (None, *sharing) and sharing <= CODES for usual, sharing in SHARED_SIGNS.values())
    assert not set(SIGNS) & set(SHARED_SIGNS)
    assert (code_of(" eur "), code_of("Euro"), code_of("XXX"), code_of(978), code_of(None)) == ("EUR", *[None] * 4)
