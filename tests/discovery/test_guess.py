"""Guesses about unknown APIs: the paths of fields, and the doubts."""

from typing import Any

import msgspec
import pytest

from pipeline.config.load import config_of_text
from pipeline.discovery.guess import guess_fields
from pipeline.model.pages import Page
from pipeline.normalize.normalizer import normalize_page, reader_for


def raws(records: list[Any]) -> list[msgspec.Raw]:
    return [msgspec.Raw(msgspec.json.encode(record)) for record in records]


def three(**values: Any) -> list[dict[str, Any]]:
    """Return three records; a function is called with n for the value of the n-th."""
    return [{key: v(n) if callable(v) else v for key, v in values.items()} for n in (1, 2, 3)]


USUAL = {"id": lambda n: n, "title": "Lamp", "price": "1.50", "currency": "EUR", "category": "Light"}


def test_usual_names_need_no_fields() -> None:
    """Fields with default names lead to no guess and no doubt."""
    guess = guess_fields(raws(three(**USUAL)))
    assert (guess.fields, guess.doubts) == ({}, [])


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"id": None, "article_sku": lambda n: f"A{n}"}, {"id": "article_sku"}),
        ({"id": None, "articleId": lambda n: n}, {"id": "articleId"}),
        ({"id": 7, "meta": lambda n: {"ean": n}}, {"id": "meta.ean"}),
        ({"title": None, "names": {"display_name": "Lampe"}}, {"title": "names.display_name"}),
        ({"title": "https://cdn.test/1.jpg", "heading": "Lamp"}, {"title": "heading"}),
        ({"price": None, "pricing": {"list_price": 9, "net_price": 7.5}}, {"price": "pricing.net_price"}),
        ({"price": {"net": "n/a"}, "sell_price": "9.90"}, {"price": "sell_price"}),
        ({"price": None, "price_cents": 990}, {"price": {"path": "price_cents", "kind": "minor"}}),
        (
            {"price": None, "prices": {"amount": "990", "decimals": 2}},
            {"price": {"path": "prices.amount", "kind": "minor", "exponent": "prices.decimals"}},
        ),
        (
            {"price": None, "variants": [{"sku": "a", "price": "5.00"}, {"sku": "b", "price": "4.00"}]},
            {"price": {"path": "variants[].price", "pick": "min"}},
        ),
        ({"currency": None, "shop": {"curr": "usd"}}, {"currency": "shop.curr"}),
        ({"category": None, "department_name": "Light"}, {"category": "department_name"}),
    ],
)
def test_other_names_are_found(changes: dict[str, Any], fields: dict[str, Any]) -> None:
    """Fields are guessed by names and values together, and each guess is listed as a doubt."""
    guess = guess_fields(raws(three(**{**USUAL, **changes})))
    assert guess.fields == fields
    assert guess.doubts


def test_what_is_guessed_can_be_run() -> None:
    """A guess is a valid description that reads the records on which it is based."""
    records = three(
        articleNumber=1,
        sku_code=lambda n: f"A{n}",
        label="Lampe",
        unit_cost_minor=1099,
        waehrung="eur",
        section="Licht",
    )
    guess = guess_fields(raws(records))
    document = {"endpoints": [{"name": "shop", "url": "http://shop.test/", "fields": guess.fields}]}
    fields = config_of_text(msgspec.json.encode(document).decode()).endpoints[0].fields
    page = normalize_page(Page("shop", 1, raws(records)), "", reader_for(fields))
    assert page.ids == ["shop:A1", "shop:A2", "shop:A3"]
    product = msgspec.json.decode(page.lines.split(b"\n")[0])
    assert (product["title"], product["price"], product["currency"], product["category"]) == (
        "Lampe",
        10.99,
        "EUR",
        "licht",
    )


@pytest.mark.parametrize(
    ("missing", "doubt"),
    [
        ("id", "no id was found"),
        ("title", "no title was found"),
        ("price", "no price was found"),
        ("currency", "no currency was found"),
        ("category", "no category was found"),
    ],
)
def test_what_is_not_found_is_said(missing: str, doubt: str) -> None:
    """A missing field leads to a doubt and not to a guess."""
    guess = guess_fields(raws(three(**{**USUAL, missing: None})))
    assert guess.fields == {}
    assert doubt in guess.doubts[0]


def test_a_price_that_says_its_currency_needs_no_other() -> None:
    """No currency is sought if prices are objects with a currency or texts with a sign."""
    for price in ({"amount": "5.00", "currency": "CHF"}, "CHF 5.00"):
        assert guess_fields(raws(three(**{**USUAL, "price": price, "currency": None}))).doubts == []


def test_several_candidates_are_all_named() -> None:
    """Other candidates for a field are named in the doubt."""
    guess = guess_fields(raws(three(**{**USUAL, "price": None, "sell_price": 5, "base_price": 6})))
    assert guess.fields == {"price": "sell_price"}
    assert "it could also be `base_price`" in guess.doubts[0]


def test_records_that_are_no_objects_are_passed_over() -> None:
    """Records that are not objects are ignored and raise no error."""
    broken = [msgspec.Raw(b"17"), msgspec.Raw(b'{"id": NaN}'), msgspec.Raw(b"[1]"), msgspec.Raw(b"\xff")]
    assert guess_fields(broken).fields == {}
    assert guess_fields([]).fields == {}
    assert guess_fields([*broken, *raws(three(**USUAL))]).doubts == []
