"""Described fields: paths, price formats, and errors in descriptions."""

import json
from pathlib import Path
from typing import Any

import jmespath
import msgspec
import pytest
from helpers.configs import load, problems
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.record_paths import alternatives, compile_path, first_names, path_error
from pipeline.config.source import Currency, Fields, Price, PriceKind, PricePick
from pipeline.model.pages import NormalizedPage, Page
from pipeline.normalize.normalizer import DEFAULT_READER, normalize_page, reader_for

NOW = "2026-01-01T00:00:00Z"


def normalized(fields: Fields, *records: str) -> NormalizedPage:
    raw = [msgspec.Raw(record.encode()) for record in records]
    return normalize_page(Page("shop", 1, raw), NOW, reader_for(fields))


def product(fields: Fields, record: str) -> dict[str, Any]:
    page = normalized(fields, record)
    assert page.rejected == 0, page.rejects
    found: dict[str, Any] = json.loads(page.lines, parse_float=str, parse_int=str)
    return found


def test_what_is_not_described_costs_nothing() -> None:
    """Without a description, the fast default reader is used."""
    assert reader_for(Fields()) is DEFAULT_READER


RECORD = """{"meta": {"sku": "S-1"},
             "names": [{"lang": "de", "text": "Stuhl &amp; Tisch"}, {"lang": "en", "text": "Chair"}],
             "tree": {"leaf": {"name": "Home"}}, "net": {"eur": 12.50}, "name": "usual", "stock": 3, "weight": 0.10}"""


def test_dotted_paths_and_jmespath_find_their_fields() -> None:
    """Nested names, filters and fallbacks find their fields; other fields are found under default names."""
    fields = Fields(
        id="meta.sku",
        title="(names[?lang=='fr'].text | [0]) || (names[?lang=='de'].text | [0])",
        category="tree.leaf",
        price=Price(path="net.eur"),
        currency=Currency(const="eur"),
        extra={"stock": "stock", "weight": "weight", "languages": "names[*].lang", "none": "a.b"},
    )
    assert product(fields, RECORD) == {
        "id": "shop:S-1",
        "title": "Stuhl & Tisch",
        "source": "shop",
        "price": "12.50",
        "currency": "EUR",
        "category": "home",
        "processed_at": NOW,
        "extra": {"stock": "3", "weight": "0.10", "languages": ["de", "en"], "none": None},
    }
    assert product(Fields(id="meta.sku"), RECORD)["title"] == "usual"


@pytest.mark.parametrize(
    ("path", "amount"),
    [
        ("to_number(price)", "9.990"),
        ("min(offers[*].price)", "1.50"),
        ("max_by(offers, &price).price", "2.250"),
        ("sort_by(offers, &price)[0].price", "1.50"),
        ("sum(offers[*].price)", None),
    ],
)
def test_expressions_choose_among_exact_numbers(path: str, amount: str | None) -> None:
    """A number selected by an expression keeps its received digits; a number computed in binary is not a price."""
    record = '{"id": 1, "price": 9.990, "offers": [{"price": 2.250}, {"price": 1.50}]}'
    assert product(Fields(price=Price(path=path)), record)["price"] == amount


def test_filters_compare_numbers() -> None:
    """Filters compare numbers numerically, including those with decimals."""
    fields = Fields(price=Price(path="offers[?price > `10`].price | [0]"))
    assert product(fields, '{"id": 1, "offers": [{"price": 9.99}, {"price": 10.01}]}')["price"] == "10.01"


@pytest.mark.parametrize(
    ("price", "record", "amount", "notes"),
    [
        (Price(kind=PriceKind.DECIMAL), '"1.299"', "1.299", {}),
        (Price(kind=PriceKind.DECIMAL), "1e2", "1e2", {}),
        (Price(kind=PriceKind.DECIMAL), '"1,299"', None, {"unreadable_price": 1}),
        (Price(kind=PriceKind.DECIMAL), '"$5"', None, {"unreadable_price": 1}),
        (Price(kind=PriceKind.DECIMAL), '""', None, {}),
        (Price(kind=PriceKind.DECIMAL), '"-5"', None, {"negative_price": 1}),
        (Price(kind=PriceKind.MINOR), "1000", "10.00", {}),
        (Price(kind=PriceKind.MINOR), '"277666"', "2776.66", {}),
        (Price(kind=PriceKind.MINOR, exponent=3), "1000", "1.000", {}),
        (Price(kind=PriceKind.MINOR, exponent="digits"), "1000", "100.0", {}),
        (Price(kind=PriceKind.MINOR, exponent="nothing"), "1000", None, {"unreadable_price": 1}),
        (Price(kind=PriceKind.MINOR), "10.5", None, {"unreadable_price": 1}),
        (Price(kind=PriceKind.TEXT, decimal_separator=","), '"1.299"', "1299", {}),
        (Price(kind=PriceKind.TEXT, decimal_separator="."), '"1.299 €"', "1.299", {}),
        (Price(kind=PriceKind.TEXT, decimal_separator=","), '"1.299,50 €"', "1299.50", {}),
        (Price(kind=PriceKind.TEXT, decimal_separator="."), '"12,99 €"', None, {"unreadable_price": 1}),
        (Price(kind=PriceKind.TEXT, decimal_separator=","), '"1.2.3"', None, {"unreadable_price": 1}),
        (Price(kind=PriceKind.TEXT, decimal_separator=","), '"Preis: 1.299,50 € inkl. MwSt."', "1299.50", {}),
        (Price(kind=PriceKind.TEXT, decimal_separator=","), '"12.- €"', "12", {}),
        (Price(kind=PriceKind.TEXT), '"1.299"', "1.299", {"ambiguous_separator": 1}),
        (Price(pick=PricePick.MIN), '[3.50, "2.25", null, 9]', "2.25", {}),
        (Price(pick=PricePick.MAX), "[3.50, 2.25]", "3.50", {}),
        (Price(pick=PricePick.FIRST), "[3.50, 2.25]", "3.50", {}),
        (Price(divisor="digits"), "10", "10", {}),
        (Price(divisor="hundred"), "1050", "10.5", {}),
        (Price(divisor="nothing"), "1050", None, {"unreadable_price": 1}),
        (Price(quantize=2), "206.99999999999997", "207.00", {}),
        (Price(quantize=0), "0.5", "1", {}),
    ],
)
def test_prices_are_read_as_they_are_described(price: Price, record: str, amount: str | None, notes: Any) -> None:
    """Each kind of price gives exact decimals; a value that its kind does not allow is counted as unreadable."""
    fields = Fields(price=price, currency=Currency(const="EUR"))
    page = normalized(fields, f'{{"id": 1, "price": {record}, "digits": 1, "hundred": "100"}}')
    found = json.loads(page.lines, parse_float=str, parse_int=str)
    assert (found["price"], page.coercions) == (amount, notes)
    assert found["currency"] == ("EUR" if amount else None)


@pytest.mark.parametrize(("currency", "amount"), [("jpy", "1000"), ("USD", "10.00"), ("kwd", "1.000"), ("???", None)])
def test_minor_units_go_by_the_currency(currency: str, amount: str | None) -> None:
    """Minor units are converted with the decimals of ISO 4217; without a known currency there is no price."""
    fields = Fields(price=Price(path="unit_amount", kind=PriceKind.MINOR))
    found = product(fields, f'{{"id": 1, "unit_amount": 1000, "currency": "{currency}"}}')
    assert (found["price"], found["currency"]) == (amount, currency.upper() if amount else None)


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        ('kind: decimal, price: "12.500"', "12.500"),
        ('kind: decimal, price: " 12.5 "', "12.5"),
        ('kind: text, price: "12.500 ₫"', "12500"),
        ('kind: text, price: "12.5 ₫"', None),
        ('kind: auto, price: "12.500"', "12500"),
        ("kind: auto, price: 12.5", "12.5"),
    ],
)
def test_decimals_in_a_currency_without_are_read_only_if_they_are_certain(price: str, amount: str | None) -> None:
    """A JSON number, and a number of which the description says that it is decimal, are read as the API sent them."""
    kind, _, value = price.removeprefix("kind: ").partition(", price: ")
    fields = Fields(price=Price(kind=PriceKind(kind)), currency=Currency(const="VND"))
    assert product(fields, f'{{"id": 1, "price": {value}}}')["price"] == amount


def test_null_values_say_that_there_is_nothing() -> None:
    """A configured null value is null in every field."""
    fields = Fields(null_values=("N/A", "0.0000"), extra={"size": "size"})
    found = product(
        fields, '{"id": 1, "title": "N/A", "name": "Cup", "price": "0.0000", "size": "N/A", "category": "N/A"}'
    )
    assert (found["title"], found["price"], found["category"]) == ("Cup", None, "uncategorized")
    assert found["extra"] == {"size": None}
    described = Fields(price=Price(path="cost"), null_values=("0.0000",))
    assert product(described, '{"id": 1, "cost": 0.0000}')["price"] is None


@pytest.mark.parametrize(
    ("record", "price"),
    [
        ({"id": 1, "sale": 0, "price": 9}, 9),
        ({"id": 1, "sale": "0.00", "price": 9}, 9),
        ({"id": 1, "sale": None, "price": 9}, 9),
        ({"id": 1, "sale": 8, "price": 9}, 8),
        ({"id": 1, "sale": 0, "price": "0.00"}, None),
    ],
)
def test_null_values_apply_to_each_part_of_a_path(record: dict[str, Any], price: int | None) -> None:
    """A null value of one part makes the next one count."""
    page = normalized(Fields(price=Price(path="sale || price"), null_values=("0", "0.00")), json.dumps(record))
    assert json.loads(page.lines)["price"] == price


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a", ["a"]),
        ("a || b.c", ["a", "b.c"]),
        ("sale || prices[?a || b] || max(c || d)", ["sale", "prices[?a || b]", "max(c || d)"]),
        ("a || b | [0]", ["a || b | [0]"]),
        ('"a||b" || c[?x==`"|"`] || d[?y==\'||\']', ['"a||b"', 'c[?x==`"|"`]', "d[?y=='||']"]),
    ],
)
def test_the_parts_of_a_path_are_those_between_its_outermost_bars(path: str, parts: list[str]) -> None:
    """Bars within brackets, functions and quotes do not separate, and a pipe binds less than they do."""
    assert alternatives(path) == parts


def test_a_record_without_the_id_that_was_described_is_a_reject() -> None:
    """A record without the described id is rejected with that path; an id under a default name does not replace it."""
    page = normalized(Fields(id="meta.sku"), '{"id": 1}')
    (reject,) = page.rejects
    assert (reject.field, reject.reason) == ("meta.sku", "the record has no id: no usable value at `meta.sku`")


@pytest.mark.parametrize(
    ("fields", "path", "problem"),
    [
        ("{title: 'a['}", "title", "is not a valid JMESPath"),
        ("{extra: {brand: '!!'}}", "extra.brand", "is not a valid JMESPath"),
        ("{price: {path: '.'}}", "price.path", "is not a valid JMESPath"),
        ("{price: {exponent: 2}}", "price.exponent", "only be used with `kind: minor`"),
        ("{price: {decimal_separator: ','}}", "price.decimal_separator", "only be used with `kind: text`"),
        ("{price: {kind: cents}}", "price.kind", "Expected one of auto, decimal, minor, text"),
        ("{currency: {const: euro}}", "currency.const", "ISO 4217"),
        ("{currency: {const: EUR, path: a}}", "currency.const", "conflicts with `path`"),
        ("{currency: {const: GPB}}", "currency.const", "not an active code of ISO 4217"),
        ("{name: title}", "name", "not a known key"),
    ],
)
def test_mistakes_are_told_with_their_place(fields: str, path: str, problem: str, tmp_path: Path) -> None:
    """Errors in paths are reported with their key when the configuration is read."""
    found = problems(tmp_path, f"endpoints: [{{name: a, url: 'http://a.test', fields: {fields}}}]")
    assert problem in found[f"endpoints.0.fields.{path}"]


def test_paths_alone_may_stand_for_price_and_currency(tmp_path: Path) -> None:
    """`price: cost.net` is short for a price with only a path; the same holds for `currency`."""
    entry = "endpoints: [{name: a, url: 'http://a.test', fields: {price: cost.net, currency: cost.unit}}]"
    (endpoint,) = load(tmp_path, entry).endpoints
    assert endpoint.fields == Fields(price=Price(path="cost.net"), currency=Currency(path="cost.unit"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abpic"), inner),
    max_leaves=12,
)
PRICES = st.builds(
    Price,
    path=st.sampled_from(["p", "a.b", "a[0]", "max(a)", "p || a"]),
    kind=st.sampled_from(PriceKind),
    pick=st.sampled_from(PricePick),
    divisor=st.none() | st.just("b"),
    quantize=st.none() | st.integers(0, 18),
)


@given(st.dictionaries(st.sampled_from(["id", *"abpic"]), JSON), PRICES)
def test_whatever_a_record_holds_it_is_a_product_or_a_reject(record: dict[str, Any], price: Price) -> None:
    """Every record is a product or a reject, for any path, kind and value."""
    page = normalized(Fields(price=price, title="join(',', a)", extra={"x": "sort(a)"}), json.dumps(record))
    assert len(page.ids) + page.rejected == 1
    if page.ids:
        assert json.loads(page.lines)["id"] == page.ids[0]


_VALUES = st.one_of(st.none(), st.booleans(), st.sampled_from([0, 1, 2.5, "", "x", [], [0], {}, {"b": 7}, {"b": ""}]))


@given(
    st.dictionaries(st.sampled_from(["a", "b", "g:c", "d e", "f.g"]), _VALUES),
    st.lists(
        st.sampled_from(["a", "b", "a.b", '"g:c"', '"d e"', '"f.g"', '"d e".b', '"g:c"."b"']), min_size=2, max_size=4
    ),
    st.sampled_from([" || ", "||"]),
)
def test_fallbacks_are_those_of_jmespath(record: dict[str, Any], parts: list[str], between: str) -> None:
    """A path of fallbacks gives what JMESPath gives, whatever values are empty or missing."""
    path = between.join(parts)
    assert compile_path(path)(record) == jmespath.search(path, record)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("a", {"a"}),
        ("a.b", {"a"}),
        ('"d e".b || c', {"d e", "c"}),
        ("a[?b==c].d | [0]", {"a"}),
        ("sort_by(a, &b)[0].c", {"a"}),
        ("join(', ', [a, b.c])", {"a", "b"}),
        ("{x: a, y: b[].c}", {"a", "b"}),
        ("a && !b || c == `1`", {"a", "b", "c"}),
        ("$body.shop.currency", set()),
        ("a.* | [0]", {"a"}),
        ("*.b", None),
        ("length(@)", None),
        ("[a, @.b]", None),
    ],
)
def test_the_members_that_a_path_begins_with(path: str, names: set[str] | None) -> None:
    """Names within elements and within the results of other parts do not count; `@` and `*` may read any member."""
    assert first_names(path) == names


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    forms = [
        "({}).({})", "({})[0]", "({})[]", "({})[1:]", "({})[?{}]", "({})[?{} == {}]", "({}).*", "({}) || ({})",
        "({}) && ({})", "!({})", "({}) | ({})", "[{}, {}]", "{{k: {}, l: {}}}", "not_null({}, {})", "length({})",
        "keys({})", "sort_by({}, &{})", "map(&{}, {})", "({}) == ({})",
    ]  # fmt: skip
    return st.sampled_from(forms).flatmap(
        lambda form: st.lists(inner, min_size=form.count("{}"), max_size=form.count("{}")).map(
            lambda parts: form.format(*parts)
        )
    )


@given(
    st.recursive(st.sampled_from([*"abpic", "@", "*", "`1`", "a.b"]), _combined, max_leaves=6),
    st.dictionaries(st.sampled_from("abpic"), JSON),
)
def test_a_path_reads_no_other_members_than_those_it_begins_with(path: str, record: dict[str, Any]) -> None:
    """The value at a path is the same in a record that has only the members that the path begins with."""
    names = first_names(path) if path_error(path) is None else None
    if names is not None:
        only = {name: value for name, value in record.items() if name in names}
        assert repr(compile_path(path)(only)) == repr(compile_path(path)(record))


def test_a_member_that_nothing_reads_does_not_spoil_its_record() -> None:
    """Members that no path leads to are skipped, though their texts are not UTF-8."""
    record = '{"id": 1, "meta": {"title": "Kettle"}, "stock": 2, "notes": "caf\xe9", "price": 3}'.encode("latin-1")
    fields = Fields(title="meta.title", extra={"stock": "stock"})
    page = normalize_page(Page("shop", 1, [msgspec.Raw(record)]), NOW, reader_for(fields))
    assert page.rejects == []
    assert json.loads(page.lines) | {"processed_at": NOW} == {
        "id": "shop:1",
        "title": "Kettle",
        "source": "shop",
        "price": 3,
        "currency": None,
        "category": "uncategorized",
        "processed_at": NOW,
        "extra": {"stock": 2},
    }
