"""Price texts in their usual form are read at once: with the same result as by all rules."""

import re
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.normalize import money
from pipeline.normalize.money import Money, read_money

_NEVER = re.compile(r"(?!)")
_SIGNS = ["", "$", "€", "£", "¥", "EUR", "USD", "CAD", "JPY", "KWD", "ISK", "kr", "XYZ", "VAT", "from ", "-", "."]
_CURRENCIES = [None, "EUR", "USD", "CAD", "JPY", "KWD", "VND", "ISK"]

digits = st.text("0123456789", min_size=1, max_size=4)
amounts = st.lists(digits, min_size=1, max_size=4).flatmap(
    lambda parts: st.lists(st.sampled_from(",.' "), min_size=len(parts) - 1, max_size=len(parts) - 1).map(
        lambda marks: "".join(part + mark for part, mark in zip(parts, [*marks, ""], strict=True))
    )
)
texts = st.tuples(
    st.sampled_from(_SIGNS),
    st.sampled_from(["", " ", "\xa0"]),
    amounts,
    st.sampled_from(["", " "]),
    st.sampled_from(_SIGNS),
).map("".join)


def read_by_all_rules(text: str, currency: str | None, *, separator_is_known: bool) -> Money:
    with mock.patch.object(money, "_USUAL", _NEVER):
        return read_money(text, currency, separator_is_known=separator_is_known)


@given(text=texts, currency=st.sampled_from(_CURRENCIES), separator_is_known=st.booleans())
@example(text="$1,299.00", currency=None, separator_is_known=False)
@example(text="1.299,00 €", currency="USD", separator_is_known=False)
@example(text="12,50", currency="JPY", separator_is_known=False)
@example(text="$12.00", currency="CAD", separator_is_known=True)
@example(text="007.50", currency=None, separator_is_known=False)
@example(text="¥1,299.00", currency=None, separator_is_known=False)
def test_the_short_way_reads_what_the_long_way_reads(text: str, currency: str | None, separator_is_known: bool) -> None:
    """Whatever the text, the price, its currency, its notes and its exact digits are the same."""
    shortened = read_money(text, currency, separator_is_known=separator_is_known)
    assert shortened == read_by_all_rules(text, currency, separator_is_known=separator_is_known)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$1,299.00", Money(money.Decimal("1299.00"), "USD", ("shared_currency_sign",), "1299.00")),
        ("1.299,00 €", Money(money.Decimal("1299.00"), "EUR", (), "1299.00")),
        ("EUR 0,99", Money(money.Decimal("0.99"), "EUR", (), "0.99")),
        ("12.50", Money(money.Decimal("12.50"), None, (), "12.50")),
    ],
)
def test_usual_prices_are_exact(text: str, expected: Money) -> None:
    """The amount has the digits of the text, and the currency of its sign."""
    assert read_money(text) == expected
