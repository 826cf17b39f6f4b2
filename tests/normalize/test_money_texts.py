"""Price texts of many countries: signs, words, codes, groups of digits, and words around an amount."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.currency import CODES, minor_digits
from pipeline.normalize.money import read_money

SIGNS = [
    ("1 299,50 руб.", "1299.50", "RUB"),
    ("1299 руб", "1299", "RUB"),
    ("990 р.", "990", "RUB"),
    ("1 299,50 Руб.", "1299.50", "RUB"),
    ("450 грн", "450", "UAH"),
    ("450,50 ГРН.", "450.50", "UAH"),
    ("1 250 Kč", "1250", "CZK"),
    ("1250 kč", "1250", "CZK"),
    ("4 990 Ft", "4990", "HUF"),
    ("4.990 Ft", "4990", "HUF"),
    ("129,99 lei", "129.99", "RON"),
    ("129,99 Lei", "129.99", "RON"),
    ("1.299,90 TL", "1299.90", "TRY"),
    ("Rp 12.500", "12500", "IDR"),
    ("Rp12.500", "12500", "IDR"),
    ("Rp. 12.500,00", "12500.00", "IDR"),
    ("Rp1.250.000", "1250000", "IDR"),
    ("RM12.90", "12.90", "MYR"),
    ("RM 1,290.00", "1290.00", "MYR"),
    ("1,980円", "1980", "JPY"),
    ("12,800 円", "12800", "JPY"),
    ("99元", "99", "CNY"),
    ("15,000원", "15000", "KRW"),
    ("R$ 1.299,90", "1299.90", "BRL"),
    ("MX$1,299.00", "1299.00", "MXN"),
    ("129,99 zł", "129.99", "PLN"),
    ("129,99 ZŁ", "129.99", "PLN"),
    ("129,99 zl", "129.99", "PLN"),
    ("₡ 12.500,00", "12500.00", "CRC"),
    ("S/ 129.90", "129.90", "PEN"),
    ("S/129.90", "129.90", "PEN"),
]

CODES_AND_WORDS = [
    ("140,00 pln", "140.00", "PLN"),
    ("140,00 Pln", "140.00", "PLN"),
    ("749,00 euro", "749.00", "EUR"),
    ("749 Euros", "749", "EUR"),
    ("12.50 eur", "12.50", "EUR"),
    ("5 usd", "5", "USD"),
    ("euro 749,00", "749.00", "EUR"),
    ("USD 12.50", "12.50", "USD"),
]

WITHOUT_DECIMALS = [
    ("12.500 ₫", "12500", "VND"),
    ("12.500₫", "12500", "VND"),
    ("1.250.000 ₫", "1250000", "VND"),
    ("12,500 VND", "12500", "VND"),
    ("CLP 12.990", "12990", "CLP"),
    ("12.990 ISK", "12990", "ISK"),
    ("JPY 1.980", "1980", "JPY"),
    ("1,250.00 JPY", "1250.00", "JPY"),
    ("₩15.000", "15000", "KRW"),
    ("₲ 150.000", "150000", "PYG"),
]

TWO_SIGNS = [
    ("$12.50 USD", "12.50", "USD"),
    ("$12.50 CAD", "12.50", "CAD"),
    ("€12.50 EUR", "12.50", "EUR"),
    ("¥1980 JPY", "1980", "JPY"),
]

WORDS_AROUND = [
    ("Price: 12.50 EUR", "12.50", "EUR"),
    ("price 12.50 EUR", "12.50", "EUR"),
    ("Preis: 12,50 €", "12.50", "EUR"),
    ("Our price: £5", "5", "GBP"),
    ("Now £12.50", "12.50", "GBP"),
    ("Only £12.50", "12.50", "GBP"),
    ("Цена: 990 ₽", "990", "RUB"),
    ("£12.50 inc. VAT", "12.50", "GBP"),
    ("£12.50 inc VAT", "12.50", "GBP"),
    ("£12.50 (incl. VAT)", "12.50", "GBP"),
    ("12,50 € inkl. MwSt.", "12.50", "EUR"),
    ("12,50 € incl. TVA", "12.50", "EUR"),
    ("NZ$12.50 including GST", "12.50", "NZD"),
]


@pytest.mark.parametrize(
    ("text", "amount", "currency"), [*SIGNS, *CODES_AND_WORDS, *WITHOUT_DECIMALS, *TWO_SIGNS, *WORDS_AROUND]
)
def test_a_text_is_read_exactly_or_not_at_all(text: str, amount: str | None, currency: str | None) -> None:
    """An amount beside a sign, word or code of one currency is read exactly."""
    money = read_money(text)
    assert (money.amount and str(money.amount), money.currency) == (amount, currency)


@pytest.mark.parametrize(
    ("text", "record", "amount", "currency"),
    [
        ("12.500", "VND", "12500", "VND"),
        ("34.990", "CLP", "34990", "CLP"),
        ("$ 34.990", "CLP", "34990", "CLP"),
        ("$ 34.990", "COP", "34990", "COP"),
        ("12.500", "KWD", "12.500", "KWD"),
        ("1.299", "EUR", "1.299", "EUR"),
        ("12500.00", "JPY", "12500.00", "JPY"),
        ("Rs. 1,250", "INR", "1250", "INR"),
        ("Rs 1,250", "PKR", "1250", "PKR"),
        ("Rs. 1,250.00", None, "1250.00", None),
        ("99元", "TWD", "99", "TWD"),
        ("129 lei", "MDL", "129", "MDL"),
        ("19,90 лв.", None, "19.90", None),
        ("19,90 лв", "EUR", "19.90", None),
    ],
)
def test_the_currency_of_the_record_counts(text: str, record: str | None, amount: str, currency: str | None) -> None:
    """The record tells the currency of a shared sign, and whether a separator groups thousands."""
    money = read_money(text, record)
    assert (str(money.amount), money.currency) == (amount, currency)


def test_a_separator_that_is_known_stays_the_decimal_mark() -> None:
    """With a described decimal separator, three digits after it are decimals in any currency."""
    assert read_money("12.500", "VND", separator_is_known=True).amount == Decimal("12.500")


@pytest.mark.parametrize(
    "text",
    [
        *["from $12", "ab 12,50 €", "desde 12 €", "from Price: $12", "starting at $9", "up to $20", "12 € up"],
        *["was $20 now $15", "$10 - $20", "2 for $5", "$5 / kg", "$5 per month", "12.50 EUR (15.00 USD)", "$5/mo"],
        *["12.50 top", "12.50 all", "12.50 try", "12.50 pen", "all 12.50", "usd 12.50", "pln 5", "12.50 xyz"],
        *[
            "12,50 € excl. VAT",
            "12,50 € ex VAT",
            "12,50 € zzgl. MwSt.",
            "12,50 € + VAT",
            "£12.50 VAT",
            "12.50+",
            "inc. VAT £12.50",
        ],
        *["price", "Price: ", "Price: 12.50 apples", "Preis auf Anfrage", "12.50 € 13.50 $", "RM12.90 USD"],
        *["$12.50 EUR", "£12.50 USD", "руб", "12 р/шт", "12.500,5.0 ₫"],
    ],
)
def test_what_is_uncertain_stays_without_an_amount(text: str) -> None:
    """Conditions, units, several amounts, unknown words and contradictions are no price."""
    assert read_money(text).amount is None


@given(
    amount=st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False),
    currency=st.sampled_from(sorted(CODES)),
    style=st.sampled_from(["{0} {1}", "{1} {0}", "{0}{1}", "Price: {0} {1}", "{1} {0} incl. VAT"]),
    marks=st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", ".")]),
)
def test_what_is_written_with_groups_and_decimals_comes_back(
    amount: Decimal, currency: str, style: str, marks: tuple[str, str]
) -> None:
    """A number with both separators, or with two decimals, has one reading in any currency."""
    if minor_digits(currency) == 0:
        amount = amount.to_integral_value().quantize(Decimal("0.01"))
    written = f"{amount:,.2f}".translate(str.maketrans(",.", "\0\1")).replace("\0", marks[0]).replace("\1", marks[1])
    money = read_money(style.format(written, currency))
    assert (money.amount, money.currency) == (amount, currency)
