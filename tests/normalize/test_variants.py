"""Records whose variants are the products."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.presets import FullList
from pipeline.config.source import Fields, Price
from pipeline.model.pages import NormalizedPage, Page
from pipeline.normalize.normalizer import normalize_page, reader_for

NOW = "2026-01-01T00:00:00Z"

SHIRT = {
    "id": 7,
    "title": "Shirt",
    "product_type": "Apparel",
    "currency": "EUR",
    "price": "99.00",
    "variants": [
        {"id": 71, "title": "Red", "price": "19.90", "sku": "R", "option1": "red"},
        {"id": 72, "title": "Blue", "price": "21.00", "sku": "B", "option1": "blue", "currency": "USD"},
        {"id": 73, "title": "Plain", "sku": "P"},
    ],
}


def normalized(fields: Fields, *records: Any, explode: str = "variants") -> NormalizedPage:
    raw = [msgspec.Raw(msgspec.json.encode(record)) for record in records]
    return normalize_page(Page("shop", 1, raw), NOW, reader_for(fields, explode))


def products(page: NormalizedPage) -> list[dict[str, Any]]:
    return [json.loads(line, parse_float=str) for line in page.lines.split(b"\n")] if page.ids else []


def test_each_variant_is_a_product() -> None:
    """A variant's price and currency precede those of the record; title and category are the record's."""
    found = products(normalized(Fields(), SHIRT))
    assert [p["id"] for p in found] == ["shop:7:71", "shop:7:72", "shop:7:73"]
    assert {p["title"] for p in found} == {"Shirt"}
    assert {p["category"] for p in found} == {"apparel"}
    assert [(p["price"], p["currency"]) for p in found] == [("19.90", "EUR"), ("21.00", "USD"), ("99.00", "EUR")]


def test_paths_reach_the_variant_and_the_record_around_it() -> None:
    """Paths reach the element as `variant`; a template builds an id from record and variant."""
    fields = Fields(
        id="{id}/{variant.sku}!", title="join(' ', [title, variant.title])", extra={"colour": "variant.option1"}
    )
    found = products(normalized(fields, SHIRT))
    assert [p["id"] for p in found] == ["shop:7/R!", "shop:7/B!", "shop:7/P!"]
    assert [p["title"] for p in found] == ["Shirt Red", "Shirt Blue", "Shirt Plain"]
    assert [p["extra"]["colour"] for p in found] == ["red", "blue", None]


def test_a_variant_without_an_id_costs_no_other() -> None:
    """A variant without an id is a reject with the whole record in its dead letter; the others are products."""
    record = {"id": 7, "variants": [{"id": 71}, {"sku": ""}, 5, {"id": 72}]}
    page = normalized(Fields(), record)
    assert [p["id"] for p in products(page)] == ["shop:7:71", "shop:7:72"]
    assert [(reject.position, reject.field) for reject in page.rejects] == [(1, "variant.id")] * 2
    assert page.records == 4
    letters = [json.loads(line) for line in page.dead_letters.split(b"\n")]
    assert [letter["record"] for letter in letters] == [record] * 2


@pytest.mark.parametrize("variants", [[], None, "none", {}])
def test_a_record_without_variants_is_a_product_itself(variants: object) -> None:
    """A record whose list of variants is empty or missing is itself a product."""
    (found,) = products(normalized(Fields(), {"id": 7, "price": "5.00", "variants": variants}))
    assert (found["id"], found["price"]) == ("shop:7", "5.00")


def test_a_template_with_nothing_to_fill_in_is_no_id() -> None:
    """A template with a missing value gives no id, since a partial id could collide with another."""
    page = normalized(Fields(id="{id}:{variant.sku}"), {"id": 7, "variants": [{"sku": None}, {"sku": True}]})
    assert [reject.field for reject in page.rejects] == ["{id}:{variant.sku}"] * 2


def test_loops_are_told_by_the_records_and_not_by_their_variants() -> None:
    """The identity of a record is its own id, regardless of its variants."""
    records = reader_for(Fields(id="{id}:{variant.sku}"), "variants")
    raw = msgspec.Raw(msgspec.json.encode(SHIRT))
    assert records.identify(raw) == records.identify(msgspec.Raw(b'{"id": "7", "variants": []}')) == "7"
    assert records.identify(msgspec.Raw(b"[")) == b"["


COAT = {
    "id": 9,
    "title": "Coat",
    "price": "50.00",
    "colours": [
        {"id": "r", "name": "Red", "price": "60.00", "sizes": [{"id": "S", "price": "61.00"}, {"id": "M"}]},
        {"id": "b", "name": "Blue", "sizes": [{"id": "S", "price": "71.00"}, {"id": "M"}]},
        {"id": "g", "name": "Grey", "price": "80.00", "sizes": []},
    ],
}


@pytest.mark.parametrize("explode", ["colours[].sizes", "colours[].sizes[]", "colours[*].sizes[*]"])
def test_variants_of_two_levels_keep_both(explode: str) -> None:
    """The id has both levels, the price is the innermost, and an element without inner ones is itself a product."""
    found = products(normalized(Fields(), COAT, explode=explode))
    assert [(p["id"].removeprefix("shop:9:"), p["price"]) for p in found] == [
        *(("r:S", "61.00"), ("r:M", "60.00")),
        *(("b:S", "71.00"), ("b:M", "50.00")),
        ("g", "80.00"),
    ]


def test_paths_reach_both_levels() -> None:
    """Paths reach the innermost element as `variant`, and the one around it as `outer`."""
    fields = Fields(
        id="{id}/{outer.name}/{variant.id}",
        title="join(' ', [title, outer.name, variant.id])",
        price=Price(path="variant.price || outer.price"),
    )
    found = products(normalized(fields, COAT, explode="colours[?name!='Grey'].sizes[]"))
    assert [(p["id"], p["title"], p["price"]) for p in found] == [
        ("shop:9/Red/S", "Coat Red S", "61.00"),
        ("shop:9/Red/M", "Coat Red M", "60.00"),
        ("shop:9/Blue/S", "Coat Blue S", "71.00"),
        ("shop:9/Blue/M", "Coat Blue M", None),
    ]


def test_texts_may_be_the_innermost_variants() -> None:
    """Variants that are texts have ids by a template of both levels."""
    record = {"id": 9, "colours": [{"name": "red", "sizes": ["S", "M"]}, {"name": "blue", "sizes": ["S"]}]}
    page = normalized(Fields(id="{id}:{outer.name}:{variant}"), record, explode="colours[].sizes")
    assert [p["id"] for p in products(page)] == ["shop:9:red:S", "shop:9:red:M", "shop:9:blue:S"]


def test_a_level_without_ids_is_named_by_its_title() -> None:
    """An outer element without an id gives its title to the ids of its variants; one that has neither adds nothing."""
    colours = [{"name": "red", "sizes": [{"id": "S"}]}, {"sizes": [{"id": "S"}]}]
    page = normalized(Fields(), {"id": 9, "colours": colours}, explode="colours[].sizes")
    assert [p["id"] for p in products(page)] == ["shop:9:red:S", "shop:9:S"]


@pytest.mark.parametrize("fields", [Fields(), Fields(id="{id}:{variant.id}")])
def test_no_dimension_is_lost_silently(fields: Fields) -> None:
    """Variants that would share an id across the outer level are rejects that name the remedy, and no duplicates."""
    colours = [{"hue": hue, "sizes": [{"id": "S", "price": price}]} for hue, price in (("red", 5), ("blue", 6))]
    page = normalized(fields, {"id": 9, "colours": colours}, explode="colours[].sizes[]")
    assert [p["id"] for p in products(page)] == ["shop:9:S"]
    (reject,) = page.rejects
    assert "tell them apart by `outer` and `variant` in `fields.id`" in reject.reason
    fixed = normalized(
        Fields(id="{id}:{outer.hue}:{variant.id}"), {"id": 9, "colours": colours}, explode="colours[].sizes"
    )
    assert [p["id"] for p in products(fixed)] == ["shop:9:red:S", "shop:9:blue:S"]


def test_repeated_variants_are_duplicates_and_no_rejects() -> None:
    """Equal variants, and those that share an id within one list, are products; the aggregator counts duplicates."""
    same = [{"hue": "red", "sizes": [{"id": "S"}]}, {"hue": "red", "sizes": [{"id": "S"}]}]
    page = normalized(Fields(), {"id": 9, "colours": same}, explode="colours[].sizes")
    assert (page.ids, page.rejected) == (["shop:9:S", "shop:9:S"], 0)
    page = normalized(Fields(), {"id": 9, "variants": [{"id": 1, "price": 1}, {"id": 1, "price": 2}]})
    assert (page.ids, page.rejected) == (["shop:9:1", "shop:9:1"], 0)


@pytest.mark.parametrize("explode", ["variants", "variants[]", "[variants, others]", "variants || others"])
def test_lists_within_lists_are_flattened(explode: str) -> None:
    """Each innermost element is a product, however deep the lists are nested."""
    record = {"id": 9, "variants": [[{"id": 1}, [{"id": 2}]], [], {"id": 3}], "others": []}
    page = normalized(Fields(), record, explode=explode)
    assert (page.ids, page.rejected) == (["shop:9:1", "shop:9:2", "shop:9:3"], 0)


LEVELS = st.lists(st.fixed_dictionaries({"id": st.integers(0, 3), "sizes": st.lists(st.integers(0, 3), max_size=4)}))


@given(LEVELS)
def test_each_innermost_variant_is_a_product_or_a_reject(colours: list[dict[str, Any]]) -> None:
    """Products and rejects number as many as the innermost elements, and different products never share an id."""
    record = {"id": 9, "colours": [{**c, "sizes": [{"id": s, "price": s + 1} for s in c["sizes"]]} for c in colours]}
    page = normalized(Fields(), record, explode="colours[].sizes")
    assert page.records == (sum(len(colour["sizes"]) or 1 for colour in colours) or 1)
    found: dict[str, set[str]] = {}
    for product in products(page):
        found.setdefault(product["id"], set()).add(str(product["price"]))
    assert all(len(prices) == 1 for prices in found.values())


ELEMENTS = st.none() | st.integers() | st.dictionaries(st.sampled_from(["id", "sku", "price"]), st.none() | st.text())


@given(st.lists(st.fixed_dictionaries({"id": st.none() | st.integers(), "variants": st.lists(ELEMENTS)})))
def test_each_variant_is_a_product_or_a_reject(records: list[dict[str, Any]]) -> None:
    """Products and rejects together number as many as the variants, plus records without variants."""
    page = normalized(Fields(price=Price(path="variant.price")), *records)
    assert page.records == sum(len(record["variants"]) or 1 for record in records)


@pytest.mark.parametrize("explode", [None, "variants"])
def test_a_list_that_the_api_cuts_off_is_noted(explode: str | None) -> None:
    """A record with exactly as many variants as the API returns at most is noted once; others are not."""
    reader = reader_for(Fields(), explode, None, FullList("variants", 3, "use another API"))
    records = [
        {"id": count, "price": "1.00", "variants": [{"id": number} for number in range(count)]} for count in (2, 3, 4)
    ]
    raw = [msgspec.Raw(msgspec.json.encode(record)) for record in records]
    assert normalize_page(Page("shop", 1, raw), NOW, reader).coercions["full_list"] == 1
