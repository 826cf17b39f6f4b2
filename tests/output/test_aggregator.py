"""The aggregator: order of products, duplicates, and counts."""

import json
import random
import tempfile
from pathlib import Path

import msgspec
from helpers.accounts import a_walk, normalized
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.pages import NormalizedPage
from pipeline.model.summary import Failure, FetchResult
from pipeline.output.aggregator import Aggregator, Catalogue
from pipeline.output.journal import Journal


class Result(msgspec.Struct):
    """The catalogue of some pages, and the lines of its products."""

    catalogue: Catalogue
    products: list[bytes]


def add_up(pages: list[NormalizedPage], *walks: FetchResult) -> Result:
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder) / "j", {}, resume=False) as journal:
        aggregator = Aggregator(journal)
        for page in pages:
            aggregator.add(page)
        catalogue = aggregator.finish(walks)
        lines = [line for block in catalogue.products() for line in block.split(b"\n")]
        return Result(catalogue, lines)


def aggregate(pages: list[NormalizedPage], *walks: FetchResult) -> Catalogue:
    return add_up(pages, *walks).catalogue


def ids(lines: list[bytes]) -> list[str]:
    return [json.loads(line)["id"] for line in lines]


def test_products_come_in_the_order_of_endpoint_page_and_position() -> None:
    """Products are in the order of endpoint, page and position, regardless of the order in which workers finish."""
    pages = [
        normalized("b", 1, {"id": 9}, {"id": 3}),
        normalized("a", 2, {"id": 2}),
        normalized("a", 1, {"id": 7}, {"id": 1}),
    ]
    assert ids(add_up(pages, a_walk("a", 2), a_walk("b", 1)).products) == ["a:7", "a:1", "a:2", "b:9", "b:3"]


def test_of_equal_ids_the_first_in_page_order_is_the_product() -> None:
    """A duplicate is counted, and the first record in page order wins even if it arrived last."""
    pages = [
        normalized("a", 2, {"id": 1, "name": "later", "price": 2}),
        normalized("a", 1, {"id": 1, "name": "first", "price": 1}, {"id": 1, "name": "again", "price": 3}),
    ]
    result = add_up(pages, a_walk("a", 2))
    (product,) = map(json.loads, result.products)
    assert product["title"] == "first"
    report = result.catalogue.sources[0]
    assert (report.items_fetched, report.products, report.duplicates, report.rejected) == (3, 1, 2, 0)
    assert str(report.prices["unknown"].max) == "1"


def test_the_same_id_in_two_sources_is_two_products() -> None:
    """Ids need to be unique only within their source."""
    pages = [normalized("a", 1, {"id": 1}), normalized("b", 1, {"id": 1})]
    assert ids(add_up(pages, a_walk("a", 1), a_walk("b", 1)).products) == ["a:1", "b:1"]


def test_rejects_are_recorded_with_page_and_position_and_cost_nothing_else() -> None:
    """A record without an id is a reject in `errors`, and the source stays complete."""
    catalogue = aggregate([normalized("a", 4, {"id": 1}, "text", {"name": "x"})], a_walk("a", 1))
    report = catalogue.sources[0]
    assert (report.status, report.items_fetched, report.products, report.rejected) == ("complete", 3, 1, 2)
    assert [(e.page, e.position, e.action) for e in catalogue.errors] == [(4, 2, "skip"), (4, 3, "skip")]
    assert report.errors == 2


def test_unlisted_rejects_are_counted_and_told_in_one_entry() -> None:
    """If a page has many rejects, `errors` lists the first hundred and counts the others in one entry."""
    catalogue = aggregate([normalized("a", 1, *[0] * 250, {"id": 1})], a_walk("a", 1))
    report = catalogue.sources[0]
    assert (report.items_fetched, report.rejected, report.errors) == (251, 250, 101)
    assert catalogue.errors[-1].error == "150 more records of this page were rejected"


def test_errors_stand_in_the_order_of_pages_and_positions() -> None:
    """Failed attempts and rejects of a source are listed by page, then by position."""
    failures = [Failure("a", page, 503, "x", "t", "retry") for page in (3, 1)]
    pages = [normalized("a", 2, 0, {"id": 1}, 0), normalized("a", 1, {"id": 2}, 0)]
    errors = aggregate(pages, a_walk("a", 2, failures=failures)).errors
    assert [(e.page, e.position) for e in errors] == [(1, None), (1, 2), (2, 1), (2, 3), (3, None)]


def test_prices_of_several_currencies_have_no_common_average() -> None:
    """`avg_price` is null if a source has several currencies; each currency has its own range."""
    records = [{"id": 1, "price": "1.00 EUR"}, {"id": 2, "price": "3.00 USD"}, {"id": 3, "price": "2.00 EUR"}]
    report = aggregate([normalized("a", 1, *records)], a_walk("a", 1)).sources[0]
    assert report.avg_price is None
    assert {code: str(prices.avg) for code, prices in report.prices.items()} == {"EUR": "1.50", "USD": "3.00"}


def test_status_is_the_worst_that_is_true_of_all() -> None:
    """The status is complete only if all sources are, failed only if all are, else partial."""
    complete, failed = a_walk("a", 1), a_walk("b", 0, missing=(1,))
    part = a_walk("c", 1, missing=(2,))
    assert aggregate([], complete, a_walk("b", 1)).status == "complete"
    assert aggregate([], failed).status == "failed"
    assert aggregate([], complete, failed).status == "partial"
    assert aggregate([], part).status == "partial"
    assert aggregate([], part, failed).status == "partial"


def test_success_rate_is_pages_fetched_of_pages_wanted() -> None:
    """The rate is fetched ÷ (fetched + missing) over all sources, and 0 if nothing was fetched."""
    assert aggregate([], a_walk("a", 7), a_walk("b", 2, missing=(3,))).success_rate == 0.9
    assert aggregate([], a_walk("a", 0, missing=(1,))).success_rate == 0
    assert aggregate([], a_walk("a", 0)).success_rate == 0


def test_errors_counts_all_but_healed_attempts() -> None:
    """A source's `errors` counts its entries in `errors` whose action is not `retry`."""
    failures = [Failure("a", 1, 503, "x", "t", action) for action in ("retry", "circuit_break", "skip", "deadline")]
    assert aggregate([], a_walk("a", 1, failures=failures)).sources[0].errors == 3


_records = st.one_of(
    st.fixed_dictionaries({"id": st.integers(1, 8)}, optional={"price": st.integers(-3, 99)}),
    st.just({"name": "no id"}),
    st.just(17),
)


@given(st.lists(st.lists(_records, max_size=6), max_size=6), st.randoms(use_true_random=False))
def test_records_in_are_products_duplicates_and_rejects(pages: list[list[object]], rng: random.Random) -> None:
    """Records in = products + duplicates + rejects, and the result does not depend on the order of arrival."""
    results = [normalized("a", number, *records) for number, records in enumerate(pages, 1)]
    in_order = add_up(results, a_walk("a", len(pages)))
    rng.shuffle(results)
    result = add_up(results, a_walk("a", len(pages)))
    report = result.catalogue.sources[0]
    assert report.items_fetched == sum(map(len, pages)) == report.products + report.duplicates + report.rejected
    assert report.products == len(result.products) == len(set(ids(result.products)))
    assert result.products == in_order.products
    assert report == msgspec.structs.replace(in_order.catalogue.sources[0], fetched_at=report.fetched_at)
    assert sum(result.catalogue.categories.values()) == report.products
