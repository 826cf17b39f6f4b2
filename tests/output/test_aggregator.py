"""The aggregator: order of products, duplicates, and counts."""

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.accounts import a_walk, normalized
from hypothesis import given
from hypothesis import strategies as st

from pipeline.journal.journal import Journal
from pipeline.model.pages import AnnouncedTotals, NormalizedPage
from pipeline.model.summary import Failure, FetchResult
from pipeline.output import source_account
from pipeline.output.aggregator import Aggregator, Catalogue


class Result(msgspec.Struct):
    """The catalogue of some pages, and the lines of its products."""

    catalogue: Catalogue
    products: list[bytes]


def add_up(pages: list[NormalizedPage], *walks: FetchResult, **options: Any) -> Result:
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder) / "j", {}, resume=False) as journal:
        aggregator = Aggregator(journal, **options)
        for page in pages:
            aggregator.add(page)
        catalogue = aggregator.finish(walks)
        lines = [line for block in catalogue.products() for line in block.split(b"\n")]
        return Result(catalogue, lines)


def aggregate(pages: list[NormalizedPage], *walks: FetchResult, **options: Any) -> Catalogue:
    return add_up(pages, *walks, **options).catalogue


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


def test_duplicates_with_another_price_are_conflicting() -> None:
    """A duplicate conflicts if its price or currency is not that of the product, on the same page or another one."""
    pages = [
        normalized("a", 1, {"id": 1, "price": "1.50 EUR"}, {"id": 2, "price": 2}, {"id": 1, "price": "1.5 EUR"}),
        normalized("a", 2, {"id": 3}, {"id": 1, "price": "1.50 USD"}, {"id": 2, "price": 2.01}, {"id": 3}),
        normalized("a", 3, {"id": 2, "price": 2}, {"id": 2}, {"id": 4, "price": 1}, {"id": 3, "price": 1}),
    ]
    report = aggregate(pages, a_walk("a", 3)).sources[0]
    assert (report.products, report.priced, report.duplicates, report.conflicting) == (4, 3, 7, 4)


@pytest.mark.parametrize("pending", [1, 2, 100_000])
@given(st.lists(st.lists(st.tuples(st.integers(1, 5), st.none() | st.integers(1, 3)), max_size=6), max_size=6))
def test_conflicts_are_those_of_a_simple_count(pending: int, pages: list[list[tuple[int, int | None]]]) -> None:
    """Each duplicate is compared with the first record of its id, however many are compared at once."""
    first: dict[int, int | None] = {}
    expected = sum(first.setdefault(identity, price) != price for page in pages for identity, price in page)
    results = [
        normalized("a", number, *({"id": identity, "price": price} for identity, price in page))
        for number, page in enumerate(pages, 1)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_account, "_MOST_PENDING", pending)
        assert aggregate(results, a_walk("a", len(pages))).sources[0].conflicting == expected


def announced(count: int, **changes: Any) -> FetchResult:
    return a_walk("a", 1, announced=AnnouncedTotals(count, None), **changes)


def numbered(count: int) -> NormalizedPage:
    return normalized("a", 1, *({"id": number, "price": 1} for number in range(count)))


def test_a_shortfall_of_more_than_a_hundredth_is_missing() -> None:
    """If more records are announced than came and no page is missing, the rest is missing, with the numbers."""
    catalogue = aggregate([numbered(100)], announced(333))
    report = catalogue.sources[0]
    assert (report.status, report.pages_missing, report.missing_from, report.pages_wanted) == ("partial", (2,), 2, None)
    assert [gap.reason for gap in report.gaps] == ["announced 333 records, 100 received"]
    assert [(e.page, e.action, e.error) for e in catalogue.errors] == [(2, "skip", report.gaps[0].reason)]
    assert report.errors == 1


@pytest.mark.parametrize(
    ("total", "status"), [(100, "complete"), (101, "complete"), (102, "partial"), (90, "complete")]
)
def test_a_shortfall_of_a_hundredth_is_only_reported(total: int, status: str) -> None:
    """Up to one percent may be missing, since catalogues change while they are read."""
    report = aggregate([numbered(100)], announced(total)).sources[0]
    assert (report.status, report.records_announced, report.records_received) == (status, total, 100)


def test_repetitions_do_not_count_as_received() -> None:
    """Of the records announced, those came that are no repetition: 100 with 50 repetitions are 50."""
    again = normalized("a", 2, *({"id": number, "price": 1} for number in range(50)))
    report = aggregate([numbered(50), again], announced(100)).sources[0]
    assert (report.items_fetched, report.records_received, report.status) == (100, 50, "partial")


def test_what_cannot_be_compared_is_not() -> None:
    """No shortfall is found if a record may be several products, or if pages are known to be missing."""
    assert aggregate([numbered(5)], announced(333), uncountable={"a"}).sources[0].status == "complete"
    report = aggregate([numbered(5)], announced(333, missing=(2,))).sources[0]
    assert [gap.reason for gap in report.gaps] == ["HTTP 404 Not Found"]


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
