"""Guesses about arbitrary bodies: they never fail, and what they draft is a valid configuration."""

from typing import Any

import msgspec
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.load import config_of_text
from pipeline.discovery.guessing.fields import guess_fields
from pipeline.discovery.record_lists import currencies_around, record_lists
from pipeline.fetch.content.records import RecordFinder
from pipeline.model.pages import Page
from pipeline.normalize.normalizer import normalize_page, reader_for

KEYS = st.sampled_from(
    [
        *(
            "id",
            "sku",
            "title",
            "name",
            "price",
            "sale_price",
            "listPrice",
            "amount",
            "currency",
            "divisor",
            "exponent",
        ),
        *(
            "formatted_price",
            "price_cents",
            "category",
            "categories",
            "variants",
            "prices",
            "en",
            "de",
            "value",
            "items",
        ),
        *("data", "a.b", "a b", "usd", "image", "url", "", 'q"q', "back\\slash", "products", "0", "stock", "brand"),
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 2000)
    | st.decimals(0, 99, places=2).map(float)
    | st.sampled_from(["", "EUR", "usd", "$5", "12,50 €", "1099", "Lamp", "https://a.test/b", "4006381333931", "0.00"])
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)


@given(st.lists(st.dictionaries(KEYS, JSON, max_size=8) | JSON, max_size=5))
@settings(max_examples=150)
def test_whatever_the_records_a_guess_can_be_run(values: list[Any]) -> None:
    """Any records lead to fields that load, and with which each record is a product or a reject."""
    raws = [msgspec.Raw(msgspec.json.encode(value)) for value in values]
    guess = guess_fields(raws)
    document = {"endpoints": [{"name": "shop", "url": "http://shop.test/", "fields": guess.fields}]}
    (endpoint,) = config_of_text(yaml.safe_dump(document)).endpoints
    page = normalize_page(Page("shop", 1, raws), "", reader_for(endpoint.fields))
    assert len(page.ids) + page.rejected == len(raws)
    assert guess.marks.keys() <= {*guess.fields, "price", "currency"}


@given(JSON | st.dictionaries(KEYS, JSON, max_size=6))
@settings(max_examples=150)
def test_whatever_the_body_its_lists_can_be_read_by_their_paths(value: Any) -> None:
    """Each list that is found is the one at its path."""
    body = msgspec.json.encode(value)
    for found in record_lists(body):
        again = RecordFinder(found.path or None).find(body)
        assert list(map(bytes, again)) == list(map(bytes, found.records))
    assert all(path.startswith("$body.") for path in currencies_around(body))
