"""Records whose variants are the products."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


ELEMENTS = st.none() | st.integers() | st.dictionaries(st.sampled_from(["id", "sku", "price"]), st.none() | st.text())


@given(st.lists(st.fixed_dictionaries({"id": st.none() | st.integers(), "variants": st.lists(ELEMENTS)})))
def test_each_variant_is_a_product_or_a_reject(records: list[dict[str, Any]]) -> None:
    """Products and rejects together number as many as the variants, plus records without variants."""
    page = normalized(Fields(price=Price(path="variant.price")), *records)
    assert page.records == sum(len(record["variants"]) or 1 for record in records)
