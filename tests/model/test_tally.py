"""Running statistics: exact, mergeable in any order, and separate by currency."""

from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.tally import UNKNOWN_CURRENCY, PriceRange, Tally

Sale = tuple[Decimal | None, str | None, str]

# Valid prices: not negative, at most 36 digits, between 10^-18 and 10^18; also zeros and trailing zeros.
PRICES = st.one_of(
    st.decimals(min_value=0, max_value=1000, places=2),
    st.sampled_from(
        ["0", "0.00", "1.5", "1.50", "1.500", "1E+3", "1000", "1E-18", "9E+18", "0.1234567890123456789"]
    ).map(Decimal),
)
SALES = st.lists(
    st.tuples(st.one_of(st.none(), PRICES), st.sampled_from([None, "EUR", "USD", "JPY"]), st.sampled_from("abc")),
    max_size=30,
)


def tally_of(sales: list[Sale]) -> Tally:
    tally = Tally()
    for price, currency, category in sales:
        tally.add(price, currency, category)
    return tally


def told(tally: Tally) -> str:
    """The complete result of a tally, in which 1.5 and 1.50 differ."""
    return repr((tally.prices(), tally.categories()))


def prices(*texts: str, currency: str | None = "EUR") -> PriceRange:
    tally = tally_of([(Decimal(text), currency, "a") for text in texts])
    (only,) = tally.prices().values()
    return only


def exact(text: str) -> tuple[object, ...]:
    return Decimal(text).as_tuple()


def test_empty_tally_has_nothing() -> None:
    """Without products there are no prices and no categories, rather than zeros."""
    assert (Tally().prices(), Tally().categories()) == ({}, {})


def test_range_is_count_least_greatest_and_average() -> None:
    """Count, minimum, maximum and average are those of the prices added."""
    assert prices("12.34", "1.00", "99.99") == PriceRange(3, Decimal("1.00"), Decimal("99.99"), Decimal("37.78"))
    assert prices("5") == PriceRange(1, Decimal(5), Decimal(5), Decimal("5.00"))


@pytest.mark.parametrize(
    ("texts", "average"),
    [
        (["1", "2"], "1.50"),  # at least cents
        (["12.34"], "12.34"),
        (["1.000", "2"], "1.500"),  # the most decimals
        (["0.01", "0.02"], "0.02"),  # 0.015 rounds to even
        (["0.02", "0.03"], "0.02"),  # so does 0.025
        (["0.1", "0.2", "0.3"], "0.20"),  # binary floats give 0.20000000000000004
        (["10", "10", "11"], "10.33"),
        (["0", "0.00"], "0.00"),
        (["1E+3", "2E+3"], "1500.00"),
        (["999999999999999999", "0.000000000000000001"], "499999999999999999.500000000000000000"),
    ],
)
def test_average_is_rounded_half_even_to_the_finest_scale(texts: list[str], average: str) -> None:
    """The average is rounded half to even, to the most decimals of any price and at least two."""
    assert prices(*texts).avg.as_tuple() == exact(average)
    assert prices(*reversed(texts)).avg.as_tuple() == exact(average)


def test_currencies_are_never_mixed() -> None:
    """Each currency has its own range, and so have the prices without a currency."""
    tally = tally_of(
        [(Decimal(1), "USD", "a"), (Decimal(3), None, "a"), (Decimal(100), "JPY", "a"), (Decimal(2), "USD", "b")]
    )
    assert list(tally.prices()) == ["JPY", "USD", UNKNOWN_CURRENCY]
    assert {currency: price.avg for currency, price in tally.prices().items()} == {"JPY": 100, "USD": 1.5, "unknown": 3}


def test_product_without_a_price_counts_for_its_category_alone() -> None:
    """A product without a price changes no price statistics, whatever its currency."""
    tally = tally_of([(None, "EUR", "b"), (Decimal(4), "EUR", "a"), (None, None, "b")])
    assert tally.prices() == {"EUR": PriceRange(1, Decimal(4), Decimal(4), Decimal(4))}
    assert tally.categories() == {"a": 1, "b": 2}


def test_free_product_has_a_price() -> None:
    """A price of 0 counts like any other."""
    assert prices("0", "3") == PriceRange(2, Decimal(0), Decimal(3), Decimal("1.50"))


def test_categories_are_sorted_by_name() -> None:
    """Categories are sorted by name, regardless of the order in which they came."""
    tally = tally_of([(None, None, category) for category in ["books", "art", "toys", "art"]])
    assert list(tally.categories().items()) == [("art", 2), ("books", 1), ("toys", 1)]


def test_merging_leaves_the_other_as_it_was() -> None:
    """A tally that was merged into another does not change."""
    one, other = tally_of([(Decimal(1), "EUR", "a")]), tally_of([(Decimal(2), "USD", "b"), (Decimal(3), "EUR", "a")])
    before = told(other)
    one.merge(other)
    one.add(Decimal(50), "USD", "b")
    one.add(Decimal(50), "EUR", "a")
    assert told(other) == before


def test_merging_with_an_empty_one_changes_nothing() -> None:
    """Merging with an empty tally changes nothing, in either direction."""
    tally, empty = tally_of([(Decimal("1.50"), "EUR", "a")]), Tally()
    before = told(tally)
    tally.merge(empty)
    empty.merge(tally)
    assert told(tally) == told(empty) == before


@given(SALES, st.integers(min_value=1, max_value=6), st.randoms(use_true_random=False))
def test_any_order_and_any_grouping_tell_the_same(sales: list[Sale], parts: int, rng: Random) -> None:
    """Any order of adding and any grouping of merges give exactly the same result."""
    whole = told(tally_of(sales))
    shuffled = rng.sample(sales, len(sales))
    tallies = [tally_of(shuffled[part::parts]) for part in range(parts)]
    while len(tallies) > 1:
        one = tallies.pop(rng.randrange(len(tallies)))
        rng.choice(tallies).merge(one)
    assert told(tallies[0]) == whole


@given(SALES)
def test_statistics_are_those_of_exact_arithmetic(sales: list[Sale]) -> None:
    """Count, minimum and maximum are exact, and the average is off by at most half a unit of its last place."""
    told_ranges = tally_of(sales).prices()
    expected: dict[str, list[Decimal]] = {}
    for price, currency, _ in sales:
        if price is not None:
            expected.setdefault(currency or UNKNOWN_CURRENCY, []).append(price)
    assert set(told_ranges) == set(expected)
    for currency, of_currency in expected.items():
        price_range = told_ranges[currency]
        assert (price_range.count, price_range.min, price_range.max) == (
            len(of_currency),
            min(of_currency),
            max(of_currency),
        )
        exponent = -price_range.decimals
        assert exponent == min(-2, *(int(price.as_tuple().exponent) for price in of_currency))
        distance = abs(Fraction(price_range.avg) - sum(map(Fraction, of_currency), Fraction(0)) / len(of_currency))
        assert distance <= Fraction(10) ** exponent / 2
