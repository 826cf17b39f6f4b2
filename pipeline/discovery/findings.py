"""The findings about the records of one page: products, duplicates, rejects and prices."""

from collections.abc import Sequence
from functools import partial

import msgspec

from pipeline.config.expect import Expect
from pipeline.discovery.first_page import FirstPage
from pipeline.formatting import counted
from pipeline.model.pages import NormalizedPage, Product, utc_timestamp
from pipeline.model.summary import Unmet
from pipeline.normalize.normalizer import normalize_page, reader_for
from pipeline.output.expectations import unmet_expectations
from pipeline.output.source_account import SourceAccount

_decode_product = msgspec.json.Decoder(Product).decode


class Findings(msgspec.Struct, frozen=True):
    """The numbers of a page, as a run counts them.

    ``unmet`` lists the expectations that a whole source with these numbers would not meet. A page is no evidence
    of the number of products, unless it has none.
    """

    products: int
    priced: int
    duplicates: int
    conflicting: int
    rejected: int
    unmet: Sequence[Unmet]

    @property
    def has_no_product(self) -> bool:
        """True if there are records, and none of them is a product."""
        return bool(self.rejected) and not self.products


def findings_on(page: FirstPage) -> Findings:
    """Normalize a page as a run would, and return what is found."""
    reader = reader_for(page.endpoint.fields, page.endpoint.explode, page.endpoint.transform)
    return findings_in(normalize_page(page.page(), utc_timestamp(), reader), page.endpoint.expect)


def findings_in(page: NormalizedPage, expect: Expect) -> Findings:
    """Return the findings about a normalized page."""
    account = SourceAccount(page.source, ())
    read_lines = partial(bytes, page.lines)
    lines = page.lines.split(b"\n") if page.lines else []
    duplicates = sum(not account.add_product(_decode_product(line), read_lines) for line in lines)
    # More products may follow on other pages.
    at_least = msgspec.structs.replace(expect, min_products=min(expect.min_products, 1), max_drop=None)
    return Findings(
        products=account.products,
        priced=account.tally.priced,
        duplicates=duplicates,
        conflicting=account.conflicting,
        rejected=page.rejected,
        unmet=unmet_expectations(
            at_least,
            products=account.products,
            rejected=page.rejected,
            items=page.records,
            priced=account.tally.priced,
        ),
    )


def problem_on(findings: Findings) -> str:
    """Return what is wrong with a page and the key that changes it; an empty text if nothing is."""
    if findings.has_no_product:
        return f"none of {counted(findings.rejected, 'record')} is a product; `pipeline preview` shows why"
    if not findings.unmet:
        return ""
    texts = {
        "min_products": "the first page is empty; check the URL, or set `expect.min_products: 0`",
        "max_rejected": f"{counted(findings.rejected, 'record')} rejected; "
        "`pipeline preview` shows why, `expect.max_rejected` is the limit",
        "min_priced": f"{findings.priced} of {counted(findings.products, 'product')} have a price; "
        "set `fields.price`, or `expect.min_priced: 0`",
    }
    return "; ".join(texts[unmet.expectation] for unmet in findings.unmet)
