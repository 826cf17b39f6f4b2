"""The facts of a report, gathered from pages, fetch results and dead letters."""

import tempfile
from decimal import Decimal
from pathlib import Path

import msgspec
from helpers.accounts import a_walk, normalized
from helpers.reports import a_failure, a_traffic
from helpers.support import endpoint
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.endpoint import RateLimit
from pipeline.html_report.facts import (
    CATEGORY_LENGTH,
    EXAMPLES,
    MOST_CATEGORIES,
    MOST_PRICES,
    MOST_REJECTING,
    MOST_SOURCES,
    RECORD_LENGTH,
    Coverage,
    Facts,
    Failures,
    gather,
)
from pipeline.html_report.histogram import Histogram
from pipeline.journal.journal import Journal
from pipeline.model.metrics import TimeSpent
from pipeline.model.pages import NormalizedPage
from pipeline.model.summary import Conflict, FetchResult, Gap, Totals
from pipeline.model.tally import PriceRange
from pipeline.output.aggregator import Aggregator
from pipeline.output.source_account import MOST_CONFLICTS

TOTALS = Totals("complete", 0, 1.5, 1.0, [], {}, "2026-01-01T00:00:00Z")


def gathered(pages: list[NormalizedPage], *results: FetchResult) -> Facts:
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder) / "j", {}, resume=False) as journal:
        aggregator = Aggregator(journal)
        for page in pages:
            aggregator.add(page)
        endpoints = [endpoint(name=result.source, rate_limit=RateLimit(rps=7)) for result in results]
        catalogue = aggregator.finish(results)
        return gather(TOTALS, catalogue, results, endpoints=endpoints, configuration="")


def test_prices_are_counted_by_source_and_currency() -> None:
    """Each source and currency has a histogram; products without a price are in none."""
    records = [{"id": 1, "price": "1 EUR"}, {"id": 2, "price": "3 EUR"}, {"id": 3, "price": 5}, {"id": 4}]
    facts = gathered([normalized("a", 1, *records), normalized("b", 1, {"id": 1, "price": "9 EUR"})],
                     a_walk("a", 1), a_walk("b", 1))  # fmt: skip
    counted = {(found.source, found.currency): sum(found.counts) for found in facts.histograms}
    assert counted == {("a", "EUR"): 2, ("a", "unknown"): 1, ("b", "EUR"): 1}


def test_a_duplicate_is_in_no_histogram() -> None:
    """Only the prices of products are counted."""
    facts = gathered([normalized("a", 1, {"id": 1, "price": 2}, {"id": 1, "price": 3})], a_walk("a", 1))
    assert [sum(found.counts) for found in facts.histograms] == [1]


@given(st.lists(st.decimals(0, 10**12, places=2), min_size=1, max_size=60))
def test_every_price_is_in_a_bin_that_it_belongs_to(prices: list[Decimal]) -> None:
    """No price is lost, and each bin contains its prices up to rounding."""
    found = Histogram("a", "EUR", PriceRange(len(prices), min(prices), max(prices), prices[0]))
    for price in prices:
        before = list(found.counts)
        found.add(float(price))
        (number,) = [i for i, count in enumerate(found.counts) if count != before[i]]
        low, high = found.edges[number], found.edges[number + 1]
        assert low * (1 - 1e-9) - 1e-9 <= float(price) <= high * (1 + 1e-9) + 1e-9
    assert sum(found.counts) == len(prices)


def test_a_wide_range_has_logarithmic_bins() -> None:
    """Bins are logarithmic if the range is wide and does not include 0."""
    assert Histogram("a", "EUR", PriceRange(100, Decimal(1), Decimal(1000), Decimal(5))).is_log
    assert not Histogram("a", "EUR", PriceRange(100, Decimal(10), Decimal(40), Decimal(20))).is_log
    assert not Histogram("a", "EUR", PriceRange(100, Decimal(0), Decimal(1000), Decimal(5))).is_log


def test_the_distributions_of_most_products_are_shown() -> None:
    """Only the ``MOST_PRICES`` histograms with the most products are shown."""
    names = [f"s{number}" for number in range(MOST_PRICES + 3)]
    pages = [
        normalized(name, 1, *({"id": i, "price": i + 1} for i in range(number + 1)))
        for number, name in enumerate(names)
    ]
    facts = gathered(pages, *(a_walk(name, 1) for name in names))
    assert [found.source for found in facts.histograms] == names[: -MOST_PRICES - 1 : -1]


def test_of_many_sources_the_worst_are_drawn() -> None:
    """Of many sources, the incomplete and then the slowest are drawn; of few, all in their order."""
    walks = [a_walk(f"s{number}", 1, time=TimeSpent(number, network=number)) for number in range(MOST_SOURCES + 5)]
    walks[3] = a_walk("s3", 1, missing=(2,))
    drawn = [source.report.name for source in gathered([], *walks).drawn]
    assert drawn == ["s3", *(f"s{number}" for number in range(MOST_SOURCES + 4, 5, -1))]
    assert [source.report.name for source in gathered([], *walks[:4]).drawn] == ["s0", "s1", "s2", "s3"]


def test_what_is_drawn_has_its_traffic_and_its_limit() -> None:
    """A drawn source has the traffic of its fetch result and the rate limit of its endpoint."""
    (source,) = gathered([], a_walk("a", 1, traffic=a_traffic())).drawn
    assert (source.traffic, source.rps) == (a_traffic(), 7)


def test_rejects_have_examples_that_are_short() -> None:
    """All rejects are counted; the first of each source are examples, and long records are cut."""
    first = normalized("a", 1, "text", {"name": "x" * 1000}, {"id": 1})
    second = normalized("a", 2, *[0] * 200)
    facts = gathered([first, second, normalized("b", 1, {"id": 1}), normalized("c", 1, None)],
                     a_walk("a", 2), a_walk("b", 1), a_walk("c", 1))  # fmt: skip
    a, c = facts.rejects
    assert (a.source, a.count, c.source, c.count) == ("a", 202, "c", 1)
    assert [(example.page, example.position) for example in a.examples] == [(1, 1), (1, 2), (2, 1)]
    assert a.examples[0].record == '"text"'
    assert len(a.examples[1].record) == RECORD_LENGTH + 1
    assert len(a.examples) == EXAMPLES
    assert c.examples[0].record == "null"


def test_of_many_rejecting_sources_some_have_no_examples() -> None:
    """Only the first ``MOST_REJECTING`` sources have examples, but all have counts."""
    names = [f"s{number}" for number in range(MOST_REJECTING + 2)]
    facts = gathered([normalized(name, 1, 0) for name in names], *(a_walk(name, 1) for name in names))
    assert [len(rejects.examples) for rejects in facts.rejects] == [1] * MOST_REJECTING + [0, 0]


def test_failures_for_one_reason_are_merged() -> None:
    """Equal failures of all sources are one entry with their count, actions and pages; rejects are not among them."""
    failures = [a_failure("a", "HTTP 503", 3), a_failure("a", "HTTP 503", 1), a_failure("a", "HTTP 503", 1)]
    skipped = msgspec.structs.replace(a_failure("b", "HTTP 503", 2), action="skip")
    facts = gathered([normalized("a", 1, 0)], a_walk("a", 1, failures=[a_failure("a", "reset"), *failures]),
                     a_walk("b", 1, failures=[skipped]))  # fmt: skip
    assert facts.failures == [
        Failures("HTTP 503", 4, ["retry", "skip"], {"a": [1, 3], "b": [2]}),
        Failures("reset", 1, ["retry"], {"a": [1]}),
    ]


def test_the_fields_of_all_products_are_counted_by_source() -> None:
    """A product has a field if it is not null; a category that no record named is none."""
    records = [
        {"id": 1, "title": "T", "price": "1 EUR", "category": "c"},
        {"id": 2, "price": 5},
        {"id": 3, "title": ""},
    ]
    facts = gathered([normalized("a", 1, *records)], a_walk("a", 1), a_walk("b", 0))
    assert facts.coverage == {"a": Coverage(3, title=1, price=2, currency=1, category=1), "b": Coverage()}


def test_duplicates_with_another_price_are_examples() -> None:
    """Both prices are shown, with their currencies; duplicates with the same price are not."""
    records = [{"id": 1, "price": "1 EUR"}, {"id": 1, "price": "2 EUR"}, {"id": 1, "price": "1 EUR"}, {"id": 1}]
    facts = gathered([normalized("a", 1, *records)], a_walk("a", 1))
    assert facts.conflicts == [
        Conflict("a:1", Decimal(1), "EUR", Decimal(2), "EUR"),
        Conflict("a:1", Decimal(1), "EUR", None, None),
    ]


def test_of_many_conflicts_the_first_are_examples() -> None:
    """The source's account has the number of all of them."""
    facts = gathered([normalized("a", 1, *({"id": 1, "price": price} for price in range(1, 20)))], a_walk("a", 1))
    assert (len(facts.conflicts), facts.sources[0].conflicting) == (MOST_CONFLICTS, 18)


def test_a_source_that_was_given_up_has_its_last_errors() -> None:
    """The error of the last attempt is kept, because the reason of the gap does not contain it."""
    failures = [a_failure("a", "refused"), a_failure("a", "reset"), a_failure("a", "given up")]
    gaps = [Gap((1,), "given up", onward=True)]
    facts = gathered([], a_walk("a", 0, gaps=gaps, failures=failures), a_walk("b", 1, failures=failures))
    assert facts.last_errors == {"a": "reset"}


def test_of_many_categories_the_largest_are_named_and_the_others_counted() -> None:
    """``MOST_CATEGORIES`` names are kept, at most ``CATEGORY_LENGTH`` characters of each; no other field has them."""
    names = [f"{number:04} {'x' * 10_000}" for number in range(MOST_CATEGORIES + 3)]
    records = [{"id": f"{name} {i}", "category": name} for number, name in enumerate(names) for i in range(number + 1)]
    facts = gathered([normalized("a", 1, *records)], a_walk("a", 1))
    assert facts.categories == [(names[n][:CATEGORY_LENGTH], n + 1) for n in range(MOST_CATEGORIES + 2, 2, -1)]
    assert (facts.other_categories, facts.other_products) == (3, 1 + 2 + 3)
    assert facts.totals.categories == {}


def test_the_rest_is_as_the_catalogue_has_it() -> None:
    """Categories and rules are ordered by count, and the first products of each source are samples."""
    records = [{"id": i, "title": f"T{i}", "category": "b" if i else "a", "price": "$1"} for i in range(5)]
    facts = gathered([normalized("a", 1, *records)], a_walk("a", 1))
    assert facts.categories == [("b", 4), ("a", 1)]
    assert facts.coercions == [("shared_currency_sign", {"a": 5})]
    assert [product.title for product in facts.samples] == ["T0", "T1", "T2"][:EXAMPLES]
