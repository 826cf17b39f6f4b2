"""Guesses about unknown APIs: the paths of fields, and the doubts."""

from typing import Any

import msgspec
import pytest

from pipeline.config.load import config_of_text
from pipeline.discovery.guessing.fields import guess_fields
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
        (
            {"price": None, "pricing": {"list_price": 9, "net_price": 7.5}},
            {"price": "pricing.net_price", "extra": {"list_price": "pricing.list_price"}},
        ),
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
    assert guess.fields == {"price": "sell_price", "extra": {"list_price": "base_price"}}
    assert "it could also be `base_price`" in guess.doubts[0]


def test_records_that_are_no_objects_are_passed_over() -> None:
    """Records that are not objects are ignored and raise no error."""
    broken = [msgspec.Raw(b"17"), msgspec.Raw(b'{"id": NaN}'), msgspec.Raw(b"[1]"), msgspec.Raw(b"\xff")]
    assert guess_fields(broken).fields == {}
    assert guess_fields([]).fields == {}
    assert guess_fields([*broken, *raws(three(**USUAL))]).doubts == []


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"final_price": "8.00", "price": "9.00"}, {"price": "final_price", "list_price": None}),
        ({"price": "8.00", "msrp": "9.00"}, {"price": "price", "list_price": "msrp"}),
        ({"sellingPrice": 9, "specialPrice": 8}, {"price": "specialPrice"}),
        (
            {
                "price_range": {
                    "minimum_price": {"regular_price": 9, "final_price": 8},
                    "maximum_price": {"final_price": 9},
                }
            },
            {"price": "price_range.minimum_price.final_price"},
        ),
        ({"pricing": {"priceRange": {"start": {"gross": {"amount": 8}}}}}, {"price": "pricing.priceRange.start.gross"}),
        ({"price": "8.00", "image": {"price_tag": "3"}, "value": 4}, {"price": None, "list_price": None}),
        ({"shipping": {"price": 3}, "min_price": 1, "total": {"price": 9}}, {"price": "total.price"}),
        ({"prices": [{"amount": "8.00", "currency": "EUR"}]}, {"price": {"path": "prices", "pick": "min"}}),
        (
            {"a": {"b": {"c": {"inventories": [{"price": 8.5}]}}}},
            {"price": {"path": "a.b.c.inventories[].price", "pick": "min"}},
        ),
    ],
)
def test_the_price_that_is_paid_comes_first(values: dict[str, Any], fields: dict[str, Any]) -> None:
    """A final or plain price precedes a list price, which is named; other amounts are no prices."""
    guess = guess_fields(raws(three(**{**USUAL, "price": None, **values})))
    for name, expected in fields.items():
        found = guess.fields.get("extra", {}).get(name) if name == "list_price" else guess.fields.get(name)
        assert found == expected, guess.fields


def test_a_sale_price_that_some_records_lack_falls_back() -> None:
    """Without a sale price, the price counts; a sale price of 0 is none."""
    some = [{**record, "sale_price": sale} for record, sale in zip(three(**USUAL), ("1.00", None, None), strict=True)]
    guess = guess_fields(raws(some))
    assert guess.fields["price"] == "sale_price || price"
    zeros = [{**record, "sale_price": sale} for record, sale in zip(three(**USUAL), (1.25, 0, 0.0), strict=True)]
    guess = guess_fields(raws(zeros))
    assert (guess.fields["price"], guess.fields["null_values"]) == ("sale_price || price", ["0", "0.0"])


def test_a_special_price_that_is_false_without_one_falls_back() -> None:
    """A price by the name of a discount alone counts if it is readable; False is none."""
    some = [
        {**record, "special": special} for record, special in zip(three(**USUAL), ("1.00", False, False), strict=True)
    ]
    assert guess_fields(raws(some)).fields["price"] == "special || price"
    flags = [
        {**record, "special": special} for record, special in zip(three(**USUAL), (True, False, True), strict=True)
    ]
    assert guess_fields(raws(flags)).fields == {}


def test_a_lower_price_of_an_unknown_kind_is_a_doubt() -> None:
    """If another price is lower in some records and never higher, the draft names it."""
    lower = [{**record, "redPrice": red} for record, red in zip(three(**USUAL), ("1.00", None, "1.50"), strict=True)]
    guess = guess_fields(raws(lower))
    assert "price" not in guess.fields
    assert any("`price`: `redPrice` is lower in some records" in doubt for doubt in guess.doubts)


@pytest.mark.parametrize(
    ("values", "price"),
    [
        ({"price": 1099, "currency": "EUR", "formatted": "10,99 €"}, {"path": "price", "kind": "minor"}),
        ({"price": 1099, "currency": "EUR", "price_decimal": 10.99}, {"path": "price", "kind": "minor"}),
        ({"price": 1099, "currency": "JPY", "price_text": "¥1,099"}, None),
        ({"price": 1099, "currency": "SEK", "display_price": "1 099,00 SEK"}, None),
        (
            {"price": {"amount": 1099, "divisor": 100}, "currency": "EUR"},
            {"path": "price.amount", "divisor": "price.divisor"},
        ),
        ({"price": {"centAmount": 1099, "currencyCode": "EUR"}}, {"path": "price.centAmount", "kind": "minor"}),
    ],
)
def test_minor_units_are_proved_by_a_twin_or_named(values: dict[str, Any], price: Any) -> None:
    """A text or decimal of the same amount decides the unit; a divisor or the name of the amount does too."""
    guess = guess_fields(raws(three(**{**USUAL, "currency": None, **values})))
    assert guess.fields.get("price") == price, guess


def test_whole_numbers_without_a_proof_are_a_doubt() -> None:
    """They are read as they are, and the doubt has the line that reads them as minor units."""
    guess = guess_fields(raws(three(**{**USUAL, "price": {"amount": 1099, "currency": "USD"}, "currency": None})))
    assert "price" not in guess.fields
    assert any("set `price: {path: price.amount, kind: minor}`" in doubt for doubt in guess.doubts)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ({"de": "Lampe", "en": "Lamp"}, "name.en || name.de"),
        ({"en-US": "Lamp"}, 'name."en-US"'),
        ([{"language": "de", "value": "Lampe"}], "name[0].value"),
    ],
)
def test_titles_in_several_languages_are_read_in_one(name: Any, path: str) -> None:
    """An object by language, and a list of translations, give a path to one language, English first."""
    assert guess_fields(raws(three(**{**USUAL, "title": None, "name": name}))).fields["title"] == path


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"categoryIds": [7, 8]}, "categoryIds"),
        ({"main_taxon": {"name": "Light"}}, "main_taxon"),
        ({"categories": [{"id": 1, "name": {"en": "Light"}}]}, "categories[].name.en | [0]"),
        ({"relationships": {"category": {"data": {"type": "category", "id": "5"}}}}, "relationships.category.data.id"),
    ],
)
def test_categories_are_found_in_lists_and_relationships(values: dict[str, Any], path: str) -> None:
    """Categories are read by their ids if they have no names."""
    assert guess_fields(raws(three(**{**USUAL, "category": None, **values}))).fields["category"] == path


def test_further_fields_are_drafted() -> None:
    """URL, image, GTIN, brand and stock are in `extra`."""
    values = {
        "url": "https://shop.test/1",
        "images": [{"id": 1, "src": "https://cdn.test/1.jpg"}],
        "ean": "4006381333931",
        "brand": {"name": "Nordlicht"},
        "quantity": 4,
    }
    assert guess_fields(raws(three(**{**USUAL, **values}))).fields["extra"] == {
        "url": "url",
        "image": "images[].src | [0]",
        "gtin": "ean",
        "brand": "brand.name",
        "stock": "quantity",
    }
