"""Expectations of a source's data: what meets them, what does not, and the status that follows."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from helpers.products_files import a_catalogue
from helpers.reports import a_source
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.endpoint import Endpoint
from pipeline.config.expect import Expect
from pipeline.config.presets import load_preset
from pipeline.config.settings import Config
from pipeline.model.summary import Gap, SourceReport, Unmet
from pipeline.output.expectations import expectations_of, full_list_in, problems_of, unmet_expectations, with_verdicts


def judged(expect: Expect | None = None, baseline: int | None = None, **counts: Any) -> SourceReport:
    """Return a source of 20 priced products, with ``counts`` instead of its own, after the verdict."""
    catalogue = msgspec.structs.replace(a_catalogue(), sources=[a_source(priced=20, **counts)])
    return with_verdicts(catalogue, lambda _: expect or Expect(), {"shop": baseline}).sources[0]


def test_a_source_that_meets_them_is_complete_and_is_the_next_baseline() -> None:
    """A complete source has no unmet expectations, and its number of products is the baseline of the next run."""
    source = judged(baseline=100)
    assert (source.status, source.unmet, source.baseline_products) == ("complete", [], 20)


@pytest.mark.parametrize(
    ("expect", "counts", "unmet", "found", "remedy"),
    [
        (
            Expect(),
            {"items_fetched": 0, "products": 0, "priced": 0},
            Unmet("min_products", 1, 0),
            "0 products, expected at least 1",
            "set endpoints.shop.expect.min_products to 0",
        ),
        (
            Expect(),
            {"items_fetched": 41, "rejected": 21},
            Unmet("max_rejected", 0.5, 0.5122),
            "21 of 41 records rejected, expected at most 50 %",
            "set endpoints.shop.expect.max_rejected to 1",
        ),
        (
            Expect(),
            {"priced": 0},
            Unmet("min_priced", 0.01, 0.0),
            "0 of 20 products have a price, expected at least 1 %",
            "set endpoints.shop.expect.min_priced to 0",
        ),
        (
            Expect(max_drop=0.2),
            {"products": 79, "items_fetched": 79, "priced": 79},
            Unmet("max_drop", 0.2, 0.21),
            "79 products after 100 in the last complete run, expected at most 20 % fewer",
            "run once with --set endpoints.shop.expect.max_drop=1",
        ),
    ],
)
def test_an_unmet_expectation_makes_the_source_partial_and_names_its_key(
    expect: Expect, counts: dict[str, int], unmet: Unmet, found: str, remedy: str
) -> None:
    """A source that does not meet an expectation is partial, keeps its baseline, and has a message with the key."""
    catalogue = msgspec.structs.replace(a_catalogue(), sources=[a_source(**{"priced": 20, **counts})])
    source = with_verdicts(catalogue, lambda _: expect, {"shop": 100}).sources[0]
    assert (source.status, source.unmet, source.baseline_products) == ("partial", [unmet], 100)
    assert problems_of(source) == [f"{found}; if that is right, {remedy}"]


@pytest.mark.parametrize(
    ("expect", "counts"),
    [
        (Expect(max_drop=0.3), {"products": 70, "items": 70, "priced": 70, "baseline": 100}),
        (Expect(max_drop=0.0), {"products": 70, "items": 70, "priced": 70, "baseline": 70}),
        (Expect(max_drop=0.0), {"products": 70, "items": 70, "priced": 70, "baseline": None}),
        (Expect(max_rejected=0.1), {"products": 9, "items": 10, "rejected": 1, "priced": 9}),
        (Expect(min_priced=0.07), {"products": 100, "items": 100, "priced": 7}),
        (Expect(min_products=0, max_rejected=0.0, min_priced=1.0, max_drop=0.0), {"baseline": 0}),
    ],
)
def test_a_share_on_the_limit_is_met_and_so_is_one_of_nothing(expect: Expect, counts: dict[str, int]) -> None:
    """A limit belongs to what is allowed, and shares of an empty set are met."""
    assert unmet_expectations(expect, **{"products": 0, "rejected": 0, "items": 0, "priced": 0, **counts}) == []


def test_a_source_of_which_no_record_is_a_product_is_failed() -> None:
    """Records of which none becomes a product are a failure, whatever is expected."""
    anything = Expect(min_products=0, max_rejected=1)
    source = judged(anything, baseline=5, items_fetched=20, products=0, rejected=20)
    assert (source.status, source.baseline_products) == ("failed", 5)
    (problem,) = problems_of(source)
    assert "none of 20 records became a product" in problem
    assert "preview shop" in problem


def test_a_source_without_a_page_is_failed_and_its_data_is_not_blamed() -> None:
    """A source of which no page came is failed for that reason alone."""
    gone = {"items_fetched": 0, "products": 0, "pages_fetched": 0, "gaps": [Gap((1,), "HTTP 404", onward=True)]}
    source = judged(**gone)
    assert (source.status, problems_of(source)) == ("failed", ())


def test_missing_pages_make_a_source_partial() -> None:
    """A source with missing pages is partial, also if it meets all expectations."""
    source = judged(baseline=3, gaps=[Gap((3,), "HTTP 404")])
    assert (source.status, source.unmet, source.baseline_products) == ("partial", [], 3)


def test_an_endpoint_overrides_single_expectations() -> None:
    """An endpoint's own expectations replace the common ones; sources that are not configured have the common ones."""
    own = Endpoint(name="a", url="http://a.test", expect=Expect(min_products=7))
    config = Config(expect=Expect(max_drop=0.5), endpoints=(own, Endpoint(name="b", url="http://b.test")))
    expect_of: Callable[[str], Expect] = expectations_of(config)
    assert [expect_of(name).min_products for name in "abc"] == [7, 1, 1]
    assert [expect_of(name).max_drop for name in "abc"] == [None, 0.5, 0.5]


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.none() | st.integers(0, 50))
def test_the_remedy_in_the_message_is_one(products: int, rejected: int, priced: int, baseline: int | None) -> None:
    """The value that a message names makes its expectation met."""
    expect = Expect(min_products=30, max_rejected=0.1, min_priced=0.9, max_drop=0.1)
    counts: Any = {
        "products": products,
        "rejected": rejected,
        "items": products + rejected,
        "priced": min(priced, products),
        "baseline": baseline,
    }
    mended = {"min_products": products, "max_rejected": 1, "min_priced": 0, "max_drop": 1}
    for unmet in unmet_expectations(expect, **counts):
        expect = msgspec.structs.replace(expect, **{unmet.expectation: mended[unmet.expectation]})
    assert unmet_expectations(expect, **counts) == []


def test_a_list_that_may_be_cut_off_is_a_sentence_with_a_remedy() -> None:
    """The sentence has the number of records, the length of the list and the preset that reads all of it."""
    full_list = load_preset("shopify_admin").full_list
    report = a_source("shop", coercions={"full_list": 2})
    assert full_list_in(report, full_list) == (
        "2 records have exactly 100 variants, the most that this API returns: others may be missing; "
        "use the preset shopify_graphql, which reads all variants"
    )
    assert full_list_in(a_source("shop"), full_list) is None
    assert full_list_in(report, None) is None
