"""Compare the data of each source with the configured expectations, and decide its status by the result."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from pipeline.config.expect import Expect
from pipeline.config.presets import FullList
from pipeline.config.settings import Config
from pipeline.formatting import counted
from pipeline.model.summary import SourceReport, Status, Unmet
from pipeline.output.aggregator import Catalogue

# A hundredth of a percent: shares that only rounding keeps apart are shown alike.
_DECIMALS = 4


def expectations_of(config: Config) -> Callable[[str], Expect]:
    """Return a function that returns the expectations of a source by its name.

    Those of a source that is not in the configuration are the common ones.
    """
    own = {endpoint.name: endpoint.expect or config.expect for endpoint in config.endpoints}
    return lambda name: own.get(name, config.expect)


def with_verdicts(
    catalogue: Catalogue, expect_of: Callable[[str], Expect], baselines: Mapping[str, int | None]
) -> Catalogue:
    """Return the catalogue with the status, the unmet expectations and the baseline of each source.

    ``expect_of`` returns the expectations of a source by its name. ``baselines`` maps sources to the number of products
    in their last complete run, if there was one.
    """
    sources = [_judged(report, expect_of(report.name), baselines.get(report.name)) for report in catalogue.sources]
    return msgspec.structs.replace(catalogue, sources=sources)


def unmet_expectations(
    expect: Expect, *, products: int, rejected: int, items: int, priced: int, baseline: int | None = None
) -> Sequence[Unmet]:
    """Return the expectations that these numbers do not meet; shares of an empty set are met."""
    unmet = []
    if products < expect.min_products:
        unmet.append(Unmet("min_products", expect.min_products, products))
    if items and rejected / items > expect.max_rejected:
        unmet.append(Unmet("max_rejected", expect.max_rejected, round(rejected / items, _DECIMALS)))
    if products and priced / products < expect.min_priced:
        unmet.append(Unmet("min_priced", expect.min_priced, round(priced / products, _DECIMALS)))
    if expect.max_drop is not None and baseline:
        drop = (baseline - products) / baseline
        if drop > expect.max_drop:
            unmet.append(Unmet("max_drop", expect.max_drop, round(drop, _DECIMALS)))
    return unmet


def problems_of(report: SourceReport) -> Sequence[str]:
    """Return a sentence for each thing that is wrong with the data of a source; it names the key that changes that.

    A source of which no page arrived has none: its missing pages are the reason.
    """
    if not report.items_fetched and report.status == "failed":
        return ()
    if report.status == "failed":
        found = f"none of {counted(report.items_fetched, 'record')} became a product"
        remedy = f"`pipeline preview {report.name}` shows why; describe the records in endpoints.{report.name}.fields"
        return (f"{found}; {remedy}",)
    return [_sentence(report, unmet) for unmet in report.unmet]


def full_list_in(report: SourceReport, full_list: FullList | None) -> str | None:
    """Return a sentence about records in which a list may have been cut off by the API, None without any."""
    found = report.coercions.get("full_list", 0)
    if full_list is None or not found:
        return None
    many = f"{counted(found, 'record')} {'has' if found == 1 else 'have'} exactly {full_list.length} {full_list.path}"
    return f"{many}, the most that this API returns: others may be missing; {full_list.remedy}"


def _judged(report: SourceReport, expect: Expect, baseline: int | None) -> SourceReport:
    unmet = unmet_expectations(
        expect,
        products=report.products,
        rejected=report.rejected,
        items=report.items_fetched,
        priced=report.priced,
        baseline=baseline,
    )
    status = _status(report, unmet)
    return msgspec.structs.replace(
        report,
        status=status,
        unmet=unmet,
        baseline_products=report.products if status == "complete" else baseline,
    )


def _status(report: SourceReport, unmet: Sequence[Unmet]) -> Status:
    # Records may be of a page that arrived in part.
    no_page_came = report.gaps and not report.pages_fetched and not report.items_fetched
    no_record_is_a_product = report.items_fetched and not report.products
    if no_page_came or no_record_is_a_product:
        return "failed"
    return "partial" if report.gaps or unmet else "complete"


def _sentence(report: SourceReport, unmet: Unmet) -> str:
    products = counted(report.products, "product")
    found = {
        "min_products": f"{products}, expected at least {unmet.wanted:,}",
        "max_rejected": f"{report.rejected:,} of {counted(report.items_fetched, 'record')} rejected, "
        f"expected at most {_percent(unmet.wanted)}",
        "min_priced": f"{report.priced:,} of {products} have a price, expected at least {_percent(unmet.wanted)}",
        "max_drop": f"{products} after {report.baseline_products or 0:,} in the last complete run, "
        f"expected at most {_percent(unmet.wanted)} fewer",
    }[unmet.expectation]
    key = f"endpoints.{report.name}.expect.{unmet.expectation}"
    if unmet.expectation == "max_drop":
        return f"{found}; if that is right, run once with --set {key}=1"
    return f"{found}; if that is right, set {key} to {_ACCEPTED[unmet.expectation](report)}"


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


# The value of each key that a source like this one meets.
_ACCEPTED: Mapping[str, Callable[[SourceReport], str]] = {
    "min_products": lambda report: f"{report.products}",
    "max_rejected": lambda _: "1",
    "min_priced": lambda _: "0",
}
