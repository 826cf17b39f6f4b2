"""From raw records to encoded products: no record is lost, no value is invented, nothing raises."""

import gc
import json
import re
import sys
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.model.pages import NormalizedPage, Page, Product, Reject
from pipeline.normalize.fields import CATEGORY_KEYS, CURRENCY_KEYS, ID_KEYS, PRICE_KEYS, TITLE_KEYS
from pipeline.normalize.normalizer import DEFAULT_READER, normalize_batch, normalize_page

NOW = "2026-11-21T10:00:00Z"
KEYS = [*ID_KEYS, *TITLE_KEYS, *PRICE_KEYS, *CURRENCY_KEYS, *CATEGORY_KEYS]

decode_product = msgspec.json.Decoder(Product).decode


def normalized(*records: str | bytes) -> NormalizedPage:
    raws = [msgspec.Raw(record if isinstance(record, bytes) else record.encode()) for record in records]
    return normalize_page(Page("api1", 3, raws), NOW)


def products(page: NormalizedPage) -> list[Product]:
    return [decode_product(line) for line in page.lines.splitlines()]


def product(record: str) -> Product:
    (only,) = products(normalized(record))
    return only


def price_on_the_wire(record: str) -> str:
    """Return the exact text of the encoded price."""
    found = re.search(rb'"price":([^,]*),', normalized(record).lines)
    assert found
    return found[1].decode()


def test_personas_of_the_mocks_are_understood() -> None:
    """The three record formats of the mock APIs become products of one format."""
    page = normalized(
        '{"id": 1, "name": "Lamp", "price": 12.50, "category": "Home", "brand": "X"}',
        '{"product_id": "p-2", "title": "Salt &amp; Pepper ", "cost": "$12.50", "category": {"id": 4, "name": "Food"}}',
        '{"item_id": 3, "product_name": "Emma", "price": {"amount": "9.99", "currency": "GBP"}, "categories": ["B"]}',
    )
    assert products(page) == [
        Product("api1:1", "Lamp", "api1", Decimal("12.50"), None, "home", NOW),
        Product("api1:p-2", "Salt & Pepper", "api1", Decimal("12.50"), "USD", "food", NOW),
        Product("api1:3", "Emma", "api1", Decimal("9.99"), "GBP", "b", NOW),
    ]
    assert (page.source, page.number, page.rejects, page.records) == ("api1", 3, [], 3)
    assert page.ids == ["api1:1", "api1:p-2", "api1:3"]
    assert page.coercions == {"shared_currency_sign": 1}


def test_missing_fields_are_null_and_not_invented() -> None:
    """A record with only an id is a product whose other fields are null or uncategorized."""
    assert product('{"id": 1}') == Product("api1:1", None, "api1", None, None, "uncategorized", NOW)
    assert product('{"id": 1, "title": null, "price": "", "category": []}') == product('{"id": 1}')


def test_field_of_an_unexpected_type_costs_that_field_alone() -> None:
    """A value of an unexpected type is treated as missing; the record is kept."""
    assert product('{"id": 1, "title": 5, "price": [1], "category": 1.5, "currency": 3}') == product('{"id": 1}')


def test_record_names_the_currency() -> None:
    """A currency field applies to a price without a sign, in upper or lower case; an unknown code is counted."""
    assert product('{"id": 1, "price": 5, "currency": "eur"}').currency == "EUR"
    assert product('{"id": 1, "price": "5", "currency_code": "CHF"}').currency == "CHF"
    assert product('{"id": 1, "currency": "EUR"}').currency is None
    page = normalized('{"id": 1, "price": 5, "currency": "Euros"}')
    assert (products(page)[0].currency, page.coercions) == (None, {"unknown_currency": 1})


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("5", "Expected `object`, got `int`"),
        ("null", "Expected `object`, got `null`"),
        ('["id", 1]', "Expected `object`, got `array`"),
        ('"id"', "Expected `object`, got `str`"),
        ("{}", "has no id"),
        ('{"name": "Lamp"}', "has no id"),
        ('{"id": null}', "has no id"),
        ('{"id": "  "}', "has no id"),
        ('{"id": true}', "has no id"),
        ('{"id": 1.5}', "has no id"),
        ('{"id": [1], "sku": {}}', "has no id"),
        ("", "cannot be decoded"),
        ('{"id": 1', "cannot be decoded"),
        ('{"id": NaN}', "cannot be decoded"),
        ('{"id": "\\ud800"}', "cannot be decoded"),
        (b'{"id": "\xff"}', "cannot be decoded"),
        (b'{"id": ' + b"1" * 5000 + b"}", "cannot be decoded"),
        (b"[" * 100_000, ""),
        (b'{"id":' * 100_000, ""),
    ],
)
def test_record_that_is_no_product_is_a_reject_with_its_reason(record: str | bytes, reason: str) -> None:
    """A record that is not an object, or has no usable id, is rejected with its position; its neighbours are kept."""
    page = normalized('{"id": 1}', record, '{"id": 2}')
    assert page.ids == ["api1:1", "api1:2"]
    (reject,) = page.rejects
    assert (reject.position, page.records) == (2, 3)
    assert reason in reject.reason


def test_positions_count_from_one_and_keep_the_order() -> None:
    """Rejects have positions that count from 1, and products keep the order of the page."""
    page = normalized("1", '{"id": "b"}', "{}", '{"id": "a"}', "[]")
    assert [reject.position for reject in page.rejects] == [1, 3, 5]
    assert page.ids == [item.id for item in products(page)] == ["api1:b", "api1:a"]


def test_empty_page_is_nothing() -> None:
    """A page without records has no ids, no lines and no rejects."""
    page = normalized()
    assert (page.ids, page.lines, page.rejects, page.records) == ([], b"", [], 0)


@pytest.mark.parametrize(
    "text", ["12.50", "12", "0", "0.00", "1.10", "19.990000000000000001", "0.1", "123456789012345678", "0.000001"]
)
def test_json_price_is_written_with_the_text_it_came_with(text: str) -> None:
    """A price received as a JSON number is written with the same digits, never through a binary float."""
    assert price_on_the_wire(f'{{"id": 1, "price": {text}}}') == text
    assert price_on_the_wire(f'{{"id": 1, "price": {{"amount": {text}}}}}') == text
    assert price_on_the_wire(f'{{"id": 1, "price": "{text} EUR"}}') == text


@pytest.mark.parametrize("text", ["0.0000001", "0.00000000012", "1e3", "1.5E2", "2e-3"])
def test_unusual_json_price_is_written_with_the_text_it_came_with(text: str) -> None:
    """Very small prices and exponents keep their text."""
    assert price_on_the_wire(f'{{"id": 1, "price": {text}}}') == text


@pytest.mark.parametrize("text", ["1e9999999999999999999", "1E-9999999999999999999", "-1e99999999999999999999"])
@pytest.mark.parametrize("key", ["price", "id", "category", "title", "currency", "unknown"])
def test_number_beyond_all_bounds_is_no_crash(key: str, text: str) -> None:
    """A number whose exponent exceeds Decimal loses its field or its record, not the run."""
    record = f'{{"sku": "a", "{key}": {text}, "x": {{"{key}": [{text}]}}}}'
    page = normalized(record, f'{{"id": 2, "price": {{"amount": {text}}}}}', '{"id": 3}')
    assert page.records == 3
    assert page.ids[-1] == "api1:3"
    assert DEFAULT_READER.identify(msgspec.Raw(record.encode())) in ("a", record.encode())


@pytest.mark.parametrize("key", ["category", "price", "title", "id", "currency"])
@pytest.mark.parametrize("brackets", [("[", "]"), ('{"name":', "}"), ('{"amount":', "}")])
def test_nesting_of_any_depth_is_no_crash(key: str, brackets: tuple[str, str]) -> None:
    """A page is normalized at any nesting depth of a field, including depths near the recursion limit."""
    opening, closing = brackets
    limit = sys.getrecursionlimit()
    for depth in [*range(1, limit // 2, 50), *range(limit // 2, limit + 20), 2 * limit, 20 * limit]:
        page = normalized(f'{{"sku": "a", "{key}": {opening * depth}1{closing * depth}}}')
        assert page.records == 1


def test_statistics_count_the_products_alone() -> None:
    """The tally of a page contains the price and category of each product, and nothing from rejects."""
    page = normalized('{"id": 1, "price": "€2", "category": "A"}', '{"id": 2, "price": "€4"}', '{"price": "€100"}')
    assert page.tally.categories() == {"a": 1, "uncategorized": 1}
    prices = page.tally.prices()["EUR"]
    assert (prices.count, prices.min, prices.max, prices.avg) == (2, 2, 4, 3)


def test_coercions_are_counted_by_rule() -> None:
    """Decisions of the price rules are counted per page, by name."""
    page = normalized(*(f'{{"id": {n}, "price": "{text}"}}' for n, text in enumerate(["$1,299", "$5", "Free", "-5"])))
    counted = {"shared_currency_sign": 2, "ambiguous_separator": 1, "unreadable_price": 1, "negative_price": 1}
    assert page.coercions == counted


def test_batch_is_its_pages_in_order() -> None:
    """A batch is normalized page by page, all with the same `processed_at`."""
    pages = [Page(f"api{n}", n, [msgspec.Raw(b'{"id": 1}')] * n) for n in (2, 0, 1)]
    batch = normalize_batch(pages)
    assert [(page.source, page.number, len(page.ids)) for page in batch] == [
        ("api2", 2, 2),
        ("api0", 0, 0),
        ("api1", 1, 1),
    ]
    assert len({item.processed_at for page in batch for item in products(page)}) == 1


def test_identity_is_the_id_or_else_all_bytes() -> None:
    """A record is identified by its id as text, or by its bytes if it has none or is not an object."""
    same = ['{"id": 1}', '{"id":"1","price":2}', '{"product_id": " 1 "}']
    assert {DEFAULT_READER.identify(msgspec.Raw(record.encode())) for record in same} == {"1"}
    for record in (b"{}", b'{"id": null}', b"5", b"", b"\xff", b'{"id": "\xff"}', b"[" * 100_000):
        assert DEFAULT_READER.identify(msgspec.Raw(record)) == record


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(alphabet=st.characters()),
        st.sampled_from(["$12.50", "1,299", "€ 5", "EUR", "&lt;b&gt;", "\ud800", "a\nb", ""]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from([*KEYS, "amount", "value"]), st.text(max_size=3)), inner, max_size=4),
    ),
)
RECORDS = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,22})?", fullmatch=True)
RAWS = st.one_of(
    RECORDS.map(json.dumps),
    JSON.map(json.dumps),
    st.builds('{{"id": 1, "{}": {}}}'.format, st.sampled_from(KEYS), NUMBERS),
).map(lambda text: text.encode(errors="surrogatepass"))


@settings(max_examples=200)
@given(st.lists(st.one_of(RAWS, st.binary(max_size=30)), max_size=6))
@example([b'{"id": 1, "price": 1e9999999999999999999}'])
def test_whatever_the_records_each_is_a_product_or_a_reject(records: list[bytes]) -> None:
    """No record raises; each is one decodable line or one reject; ids, lines and tally agree."""
    page = normalized(*records)
    assert page.records == len(page.ids) + len(page.rejects) == len(records)
    lines = page.lines.split(b"\n") if page.ids else []
    decoded: list[Product] = [decode_product(line) for line in lines]
    assert [item.id for item in decoded] == page.ids
    positions = [reject.position for reject in page.rejects]
    assert positions == sorted(set(positions))
    assert set(positions) <= set(range(1, len(records) + 1))
    assert all(isinstance(reject, Reject) and reject.reason for reject in page.rejects)
    assert sum(page.tally.categories().values()) == len(decoded)
    priced: list[Any] = [item for item in decoded if item.price is not None]
    assert sum(prices.count for prices in page.tally.prices().values()) == len(priced)
    assert all(item.price.is_finite() and item.price >= 0 for item in priced)
    for item in decoded:
        assert item.source == "api1"
        assert item.category == item.category.strip() != ""
        assert item.title is None or item.title == item.title.strip() != ""


@given(
    st.lists(RAWS, max_size=6),
    st.lists(st.sampled_from([b"{", b"1, 2", b"\xff", b'{"id": 1e9999}', b"]["]), max_size=1),
)
def test_record_is_read_alike_alone_and_on_a_page(records: list[bytes], undecodable: list[bytes]) -> None:
    """The other records of a page change neither a product nor the reason of a reject."""
    page = normalized(*records, *undecodable)
    singles = [normalized(record) for record in (*records, *undecodable)]
    assert page.lines == b"\n".join(single.lines for single in singles if single.lines)
    assert [reject.reason for reject in page.rejects] == [
        reject.reason for single in singles for reject in single.rejects
    ]


@given(st.one_of(RAWS, st.binary(max_size=30)))
def test_any_record_has_an_identity(record: bytes) -> None:
    """`identify` never raises, is deterministic, and agrees with the product's id."""
    identity = DEFAULT_READER.identify(msgspec.Raw(record))
    assert identity == DEFAULT_READER.identify(msgspec.Raw(bytes(record)))
    if ids := normalized(record).ids:
        assert ids == [f"api1:{identity}"]


def test_hostile_character_reference_costs_nothing() -> None:
    """A character reference with more digits than Python converts does not reject the record."""
    reference = "&#" + "9" * 5_000 + ";"
    page = normalized(f'{{"id": 1, "name": "{reference}", "category": "{reference}"}}', '{"id": 2}')
    assert page.ids == ["api1:1", "api1:2"]


def test_rejects_beyond_the_first_are_counted_and_not_listed() -> None:
    """All rejects are counted, but only the first ones are kept."""
    page = normalized(*["0"] * 1_000, '{"id": 1}')
    assert (page.rejected, len(page.rejects), page.records) == (1_000, 100, 1_001)


def test_page_with_bad_records_is_freed_at_once() -> None:
    """Errors of records hold no page in a reference cycle, which would last until the next garbage collection."""
    gc.collect()
    gc.disable()
    try:
        assert normalized('{"id": 1}', "text", '{"id": null}', '{"id": ').rejected == 3
        assert gc.collect() == 0
    finally:
        gc.enable()
