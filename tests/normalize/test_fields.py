"""The fields of a product: their default names, and which values are usable."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.normalize.fields import (
    CATEGORY_KEYS,
    CURRENCY_KEYS,
    ID_KEYS,
    PRICE_KEYS,
    TITLE_KEYS,
    UNCATEGORIZED,
    first_category,
    first_id,
    first_price,
    first_title,
)

ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.decimals(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["name", "x"]), inner)),
)
CANDIDATES = st.lists(ANYTHING, max_size=5)


def test_usual_names_are_known_and_belong_to_one_field() -> None:
    """The names used by the three mock personas are known, and no name belongs to two fields."""
    assert {"id", "product_id", "item_id", "sku"} <= set(ID_KEYS)
    assert {"title", "name", "product_name"} <= set(TITLE_KEYS)
    assert {"price", "cost"} <= set(PRICE_KEYS)
    assert {"category", "categories"} <= set(CATEGORY_KEYS)
    names = [*ID_KEYS, *TITLE_KEYS, *PRICE_KEYS, *CURRENCY_KEYS, *CATEGORY_KEYS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("candidates", "identity"),
    [
        ([7], "7"),
        ([0], "0"),
        ([-7], "-7"),
        ([2**70], str(2**70)),
        (["7"], "7"),
        (["  A-7\n"], "A-7"),
        (["0"], "0"),
        (["é/ü"], "é/ü"),
        ([None, "", "  ", "b"], "b"),
        ([None, True, Decimal("1.0"), [1], {"$oid": "x"}, 5], "5"),
        ([1, 2], "1"),
        ([], None),
        ([None, None], None),
        ([""], None),
        ([" \u00a0\t"], None),
        ([False], None),
        ([Decimal("1.5")], None),
        ([["1"]], None),
        ([{"id": 1}], None),
    ],
)
def test_identity_is_the_first_text_or_whole_number(candidates: list[object], identity: str | None) -> None:
    """The id is the first non-blank text or integer; booleans, fractions, lists and objects are skipped."""
    assert first_id(candidates) == identity


@pytest.mark.parametrize(
    ("candidates", "title"),
    [
        (["Lamp"], "Lamp"),
        (["  Lamp \n"], "Lamp"),
        (["Salt &amp; Pepper"], "Salt & Pepper"),
        (["Caf&eacute; &#39;X&#x27;"], "Café 'X'"),
        (["AT&T"], "AT&T"),
        (["&amp;amp;"], "&amp;"),
        (["&nbsp;Lamp&nbsp;"], "Lamp"),
        ([None, "", " ", "&nbsp;", "Lamp"], "Lamp"),
        ([5, ["x"], {"en": "y"}, True, "Lamp"], "Lamp"),
        (["0"], "0"),
        ([], None),
        ([None, 5, ""], None),
    ],
)
def test_title_is_the_first_text_decoded_and_trimmed(candidates: list[object], title: str | None) -> None:
    """The title is the first non-blank text, with HTML entities decoded once; None if there is none."""
    assert first_title(candidates) == title


@pytest.mark.parametrize(
    ("candidates", "price"),
    [
        ([None, 5], 5),
        (["", [], {}, "5"], "5"),
        ([0, 5], 0),
        ([False, 5], False),
        (["Free", 5], "Free"),
        ([{"amount": 1}, 5], {"amount": 1}),
        ([Decimal("0.00"), 5], Decimal("0.00")),
        ([], None),
        ([None, "", []], None),
    ],
)
def test_price_is_the_first_that_is_given(candidates: list[object], price: object) -> None:
    """The first non-empty candidate is the price, even if it is 0 or unreadable; no later one replaces it."""
    chosen = first_price(candidates)
    assert (chosen, type(chosen)) == (price, type(price))


def test_blank_text_is_no_price_given() -> None:
    """A price of only white space is empty, and the next field is tried."""
    assert first_price(["  ", "5"]) == "5"


@pytest.mark.parametrize(
    ("candidates", "category"),
    [
        (["Books"], "books"),
        (["  Home &amp; Garden "], "home & garden"),
        (["ÉLECTRONIQUE"], "électronique"),
        ([{"name": "Books"}], "books"),
        ([{"id": 5, "title": "Books"}], "books"),
        ([{"name": " ", "slug": "books"}], "books"),
        ([{"name": None, "label": "Books"}], "books"),
        ([["Books", "Novels"]], "books"),
        ([["", None, "Books"]], "books"),
        ([[{"name": "Books"}, "Novels"]], "books"),
        ([[["Books"]]], "books"),
        ([7], "7"),
        ([None, "", [], {}, {"id": 3}, "Books"], "books"),
        ([], UNCATEGORIZED),
        ([None, "  ", "&nbsp;", True, Decimal("1.5"), [None], [[]], {"name": {"en": "x"}}], UNCATEGORIZED),
    ],
)
def test_category_is_the_first_that_has_a_name(candidates: list[object], category: str) -> None:
    """Texts, objects with a name and lists of either give a lower-case category; the default is uncategorized."""
    assert first_category(candidates) == category


@given(CANDIDATES)
def test_identity_of_anything_is_text_or_none(candidates: list[object]) -> None:
    """For any candidates, an id is None or trimmed non-blank text, and an integer equals its text."""
    identity = first_id(candidates)
    assert identity is None or (identity == identity.strip() != "")
    as_text = [str(value) if type(value) is int else value for value in candidates]
    assert first_id(as_text) == identity


@given(CANDIDATES)
def test_title_and_category_of_anything_are_trimmed_text(candidates: list[object]) -> None:
    """For any candidates, a title is None or trimmed non-blank text, and a category is trimmed non-blank text."""
    title, category = first_title(candidates), first_category(candidates)
    assert title is None or (title == title.strip() != "")
    assert category == category.strip() != ""


@given(CANDIDATES)
def test_price_of_anything_is_one_of_the_candidates(candidates: list[object]) -> None:
    """For any candidates, the price is one of them unchanged, or None."""
    price = first_price(candidates)
    assert any(price is value for value in candidates) or price is None
