"""Prices: the readings of each format, and the count of every decision."""

from typing import Any

import msgspec
import pytest

from pipeline.config.currency import CODES, SHARED_SIGNS, SIGNS, code_of, meaning_of
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


WHOLE = [
    # no decimals: a separator before three digits groups
    *[("12.500 ₫", "12500", "VND"), ("12,500円", "12500", "JPY"), ("CLP 12.990", "12990", "CLP")],
    *[("1.234.567 ₩", "1234567", "KRW"), ("₩1,234,567", "1234567", "KRW"), ("12.500원", "12500", "KRW")],
    *[("1.250 ISK", "1250", "ISK"), ("1 250 isk", "1250", "ISK"), ("₲ 150.000", "150000", "PYG")],
    *[("12’500 XOF", "12500", "XOF"), ("12 500,- XAF", "12500", "XAF"), ("1.250,- ISK", "1250", "ISK")],
    *[
        ("250 ₫", "250", "VND"),
        ("12500 vnd", "12500", "VND"),
        ("12.500đ", "12500", "VND"),
        ("12.500 VNĐ", "12500", "VND"),
        ("JPY 0", "0", "JPY"),
        ("1.000 JPY", "1000", "JPY"),
    ],
    # decimals that are zeros
    *[("1,250.00 JPY", "1250.00", "JPY"), ("1.250,00 CLP", "1250.00", "CLP"), ("1250.000 JPY", "1250.000", "JPY")],
    # decimals in ISO 4217, none in practice
    *[("Rp12.500", "12500", "IDR"), ("Rp. 12,500", "12500", "IDR"), ("Rp 12.500,00", "12500.00", "IDR")],
    *[("IDR 12.500", "12500", "IDR"), ("rp 1.250.000", "1250000", "IDR"), ("12.990 Ft", "12990", "HUF")],
    *[("12 990 Ft", "12990", "HUF"), ("₡12.500", "12500", "CRC"), ("25.000 IQD", "25000", "IQD")],
    *[("1.299 din.", "1299", "RSD"), ("1.299,50 дин", "1299.50", "RSD"), ("1.250 Lek", "1250", "ALL")],
    # three decimals
    *[("1.250 KWD", "1.250", "KWD"), ("BHD 0.500", "0.500", "BHD"), ("KWD 1,250.000", "1250.000", "KWD")],
    *[("1 250,500 TND", "1250.500", "TND"), ("12.5 KWD", "12.5", "KWD"), ("1,250,000 OMR", "1250000", "OMR")],
]
NAMED = [
    *[("1 299,00 руб.", "1299.00", "RUB", (SHARED,)), ("500 РУБ", "500", "RUB", (SHARED,))],
    *[("500р.", "500", "RUB", (SHARED,)), ("500 р", "500", "RUB", (SHARED,)), ("500 rub", "500", "RUB", ())],
    *[("99,90 грн", "99.90", "UAH", ()), ("99.90 Грн.", "99.90", "UAH", ()), ("99 uah", "99", "UAH", ())],
    *[("12,50 лв", "12.50", None, (UNKNOWN,)), ("12,50 лв.", "12.50", None, (UNKNOWN,))],
    *[("1 299,00 kč", "1299.00", "CZK", ()), ("12,50 ZŁ", "12.50", "PLN", ()), ("1.299,90 TL", "1299.90", "TRY", ())],
    *[("12,50 lei", "12.50", "RON", (SHARED,)), ("12,50 Lei", "12.50", "RON", (SHARED,))],
    *[("RM12.50", "12.50", "MYR", ()), ("S/ 12.50", "12.50", "PEN", ()), ("S/.12.50", "12.50", "PEN", ())],
    *[("Rs 500", "500", None, (UNKNOWN,)), ("Rs.500", "500", None, (UNKNOWN,)), ("₨ 500", "500", None, (UNKNOWN,))],
    *[("12.50元", "12.50", "CNY", (SHARED,)), ("¥12.50元", "12.50", "CNY", ()), ("¥1,250円", "1250", "JPY", ())],
    *[("¥12.50", "12.50", None, (UNKNOWN,)), ("¥1.250", "1250", "JPY", (SHARED,))],
    *[("r$ 12,50", "12.50", "BRL", ()), ("MX$12.50", "12.50", "MXN", ()), ("120 ден.", "120", "MKD", ())],
    *[
        ("120 dh", "120", None, (UNKNOWN,)),
        ("120 Dhs.", "120", None, (UNKNOWN,)),
        ("120 درهم", "120", None, (UNKNOWN,)),
    ],
    *[("100 Kr.", "100", None, (UNKNOWN,)), ("€12 euro", "12", "EUR", ())],
    *[("749,00 euro", "749.00", "EUR", ()), ("Euro 749", "749", "EUR", ()), ("12 EUROS", "12", "EUR", ())],
    *[("12,50 евро", "12.50", "EUR", ()), ("5 eur", "5", "EUR", ()), ("5 Eur", "5", "EUR", ())],
    *[("140,00 pln", "140.00", "PLN", ()), ("usd 12.50", "12.50", "USD", ()), ("12.50usd", "12.50", "USD", ())],
    *[("TRY 5", "5", "TRY", ()), ("TOP 10", "10", "TOP", ()), ("12.50 (USD)", "12.50", "USD", ())],
    *[("$12.50 USD", "12.50", "USD", ()), ("$12.50 CAD", "12.50", "CAD", ()), ("CLP $ 12.990", "12990", "CLP", ())],
]
WORDED = [
    *[("Price: 12.50 EUR", "12.50", "EUR"), ("Price:€12.50", "12.50", "EUR"), ("PRICE 12.50", "12.50", None)],
    *[("Preis: 12,50 €", "12.50", "EUR"), ("Prix : 12,50 €", "12.50", "EUR"), ("Cena: 12,50 zł", "12.50", "PLN")],
    *[("Цена: 99 грн.", "99", "UAH"), ("Precio: MX$12.50", "12.50", "MXN"), ("価格 12,500円（税込）", "12500", "JPY")],
    *[
        ("€12.50 inc. VAT", "12.50", "EUR"),
        ("€12.50 (incl. VAT)", "12.50", "EUR"),
        ("12.50 GBP VAT included", "12.50", "GBP"),
    ],
    *[
        ("12,50 € inkl. MwSt.", "12.50", "EUR"),
        ("Preis inkl. MwSt.: 12,50 €", "12.50", "EUR"),
        ("12,50 € TTC", "12.50", "EUR"),
    ],
    *[
        ("£12.50 inc VAT", "12.50", "GBP"),
        ("12,50 € IVA incluido", "12.50", "EUR"),
        ("99,00 zł brutto", "99.00", "PLN"),
    ],
    *[("Inc. GST NZ$12.50", "12.50", "NZD"), ("₹499 (Inclusive of all taxes)", "499", "INR")],
    *[("Only €12", "12", "EUR"), ("€12 only", "12", "EUR"), ("Now only £15", "15", "GBP"), ("€5 each", "5", "EUR")],
]


@pytest.mark.parametrize(("text", "amount", "currency"), WHOLE)
def test_separator_is_read_as_in_the_currency(text: str, amount: str, currency: str) -> None:
    """A separator before three digits is read by the decimals of the currency, and is not counted as ambiguous."""
    assert parts(read_money(text)) == (amount, currency, ())


@pytest.mark.parametrize(("text", "amount", "currency", "notes"), NAMED)
def test_currency_is_named_in_many_ways(text: str, amount: str, currency: str | None, notes: tuple[str, ...]) -> None:
    """Signs, abbreviations and words name a currency; a code in lower case does so unless it is a word."""
    assert parts(read_money(text)) == (amount, currency, notes)


@pytest.mark.parametrize(("text", "amount", "currency"), WORDED)
def test_words_that_change_nothing_are_ignored(text: str, amount: str, currency: str | None) -> None:
    """A label, a word such as "only", and the statement that taxes are included leave a price as it is."""
    assert parts(read_money(text)) == (amount, currency, ())


@pytest.mark.parametrize(
    "text",
    [
        # decimals in a currency without, and a comma before three digits in a currency with three
        *[
            "12.50 JPY",
            "12,50 ₫",
            "12.500,75 CLP",
            "0.500 JPY",
            "1234.567 KRW",
            "12,5円",
            "1.250 kr",
            "1,250 KWD",
            "TND 1,250",
        ],
        # words that are codes
        *[
            "all 12.50",
            "All 12.50",
            "12.50 top",
            "Try 5",
            "mop 5",
            "1 cup",
            "pen 5",
            "5 kgs",
            "5 sos",
            "gel 5",
            "lak 5",
        ],
        # abbreviations of something else
        *["12 ft", "5 rm", "DIN 912", "s/ 5", "12p", "2 zl", "12 BGN"],
        # the amount is a bound, an old price, a part of one or several
        *[
            "from $12",
            "ab 12,50 €",
            "starting at €12",
            "desde 12 €",
            "à partir de 12 €",
            "12元起",
            "up to €12",
            "ca. 12 €",
        ],
        *[
            "was $20 now $15",
            "was $20",
            "Old price: $20",
            "$10 - $20",
            "2 for $5",
            "$5 / kg",
            "€5/month",
            "$5 per month",
        ],
        *[
            "$5 a month",
            "$15 now",
            "12 руб/шт",
            "12.50 EUR (15.00 USD)",
            "12 руб. 50 коп.",
            "20% off",
            "$5 off",
            "20 %",
        ],
        *["12 тыс. руб.", "1.2 Mio. €", "1万円", "12k €", "₹5 lakh", "Rp 12 juta", "3만원", "$5M"],
        # taxes are not included, or are the amount
        *["€12.50 excl. VAT", "12,50 € zzgl. MwSt.", "€12.50 ex VAT", "€12.50 + VAT", "12.50 net", "£12.50 plus VAT"],
        *["VAT: 12.50", "Tax €5", "12 inc.", "€12.50 inkl. 19% MwSt.", "€12.50 VAT"],
        # currencies that contradict each other
        *[
            "€12.50 USD",
            "$12.50 EUR",
            "€12 €",
            "12,50 лв. EUR",
            "12 EUR (USD)",
            "US$12.50 CAD",
            "Rs 5 kr",
            "$ 5 USD CAD",
        ],
        # a mark beside the digits may be a decimal mark
        *[
            "$.50",
            "EUR.50",
            "Price.50",
            "Price: .50",
            "inc. VAT.50",
            "€ 5.",
            "5. EUR",
            "5, EUR",
            "Price (5",
            "Price 5)",
        ],
        *[
            "Price",
            "Price:",
            "only",
            "(incl. VAT)",
            "12,50 € or",
            "call for price 5",
            "members only $5",
            "€12.50 Price",
        ],
    ],
)
def test_words_that_may_change_the_price_make_it_no_price(text: str) -> None:
    """A bound, a unit, a condition, a tax, or a word that is not known: the price is left out, and counted."""
    assert read_money(text) == Money(notes=(UNREADABLE,))


@pytest.mark.parametrize("text", ["-20%", "Price: -5 EUR", "Price - 5 EUR"])
def test_negative_text_with_words_is_no_price(text: str) -> None:
    """A minus is not ignored between words."""
    assert read_money(text).amount is None


@pytest.mark.parametrize(
    ("value", "record_currency", "amount", "notes"),
    [
        ("1.250 kr", "ISK", "1250", ()),
        ("1.250 kr", "DKK", "1.250", (AMBIGUOUS,)),
        ("12.500", "VND", "12500", (AMBIGUOUS,)),
        ("12,500", "VND", "12500", ()),
        ("$ 12.990", "CLP", "12990", ()),
        ("$ 12.990", "COP", "12990", ()),
        ("12.500", "IDR", "12500", (AMBIGUOUS,)),
        ("12500.00", "JPY", "12500.00", ()),
        ("12.50", "JPY", None, (UNREADABLE,)),
        ("12.50", "HUF", "12.50", ()),
        (WireNumber("12.5"), "JPY", "12.5", ()),
        (WireNumber("12.500"), "VND", "12.500", ()),
        ("1.250", "KWD", "1.250", ()),
        ("1,250", "KWD", None, (UNREADABLE,)),
        ("1.250", "EUR", "1.250", (AMBIGUOUS,)),
        ("12.50 €", "JPY", "12.50", (CONFLICT,)),
        ({"amount": "12.500", "currency": "₫"}, None, "12500", (AMBIGUOUS,)),
        ("9" * 30 + ".00", "JPY", None, (UNREADABLE,)),
    ],
)
def test_currency_of_the_record_tells_the_separator(
    value: object, record_currency: str, amount: str | None, notes: tuple[str, ...]
) -> None:
    """The record's currency decides like one in the text; a JSON number is what the API says."""
    read = parts(read_money(value, record_currency))
    assert (read[0], read[2]) == (amount, notes)


@pytest.mark.parametrize(
    ("text", "record_currency", "currency", "notes"),
    [
        *[("Rs. 500", currency, currency, ()) for currency in ("INR", "PKR", "LKR", "NPR", "MUR", "SCR")],
        *[("500 руб.", "BYN", "BYN", ()), ("12,50 lei", "MDL", "MDL", ()), ("100元", "TWD", "TWD", ())],
        *[("120 dh", "MAD", "MAD", ()), ("120 dh", "AED", "AED", ()), ("120 dh", "EUR", None, (CONFLICT,))],
        *[("12,50 лв", "EUR", None, (CONFLICT,)), ("12.50 eur", "USD", "EUR", (CONFLICT,))],
        *[("Price: $12.50", "CAD", "CAD", ()), ("12,50 zł brutto", "PLN", "PLN", ())],
    ],
)
def test_shared_word_is_the_currency_of_the_record(
    text: str, record_currency: str, currency: str | None, notes: tuple[str, ...]
) -> None:
    """A word of several currencies is that of the record, if it is one of these."""
    assert parts(read_money(text, record_currency))[1:] == (currency, notes)


@pytest.mark.parametrize(
    ("text", "record_currency", "amount"),
    [
        *[("1.250", "EUR", "1.250"), ("1.250 KWD", None, "1.250"), ("12.50 €", None, "12.50")],
        *[("12.000 ₫", None, None), ("12.000", "VND", None), ("12.50 ₫", None, None), ("1500.00", "JPY", "1500.00")],
    ],
)
def test_known_point_is_never_read_as_grouping(text: str, record_currency: str | None, amount: str | None) -> None:
    """A point that certainly is the decimal mark contradicts a currency without decimals: the price is uncertain."""
    read = read_money(text, record_currency, separator_is_known=True)
    assert (parts(read)[0], AMBIGUOUS in read.notes) == (amount, False)


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
    assert not {sign.lower() for sign in SIGNS} & set(SHARED_SIGNS)
    assert all(sign == sign.lower() for sign in SHARED_SIGNS)
    assert all(meaning_of(sign) == (code, {code}) for sign, code in SIGNS.items())
    assert all(meaning_of(code) == (code, {code}) for code in CODES)
    assert (code_of(" eur "), code_of("Euro"), code_of("XXX"), code_of(978), code_of(None)) == ("EUR", *[None] * 4)
