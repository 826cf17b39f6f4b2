"""Pages with duplicates are counted in one go: with the same account as record by record."""

from decimal import Decimal
from functools import partial

import msgspec
from helpers.accounts import normalized
from hypothesis import given
from hypothesis import strategies as st

from pipeline.journal.entries import decode_page, encode_page
from pipeline.model.pages import Product
from pipeline.output.source_account import SourceAccount

record = st.builds(
    lambda number, price, category: {"id": number, "price": price, "category": category},
    st.integers(1, 6),
    st.sampled_from([None, "1.50", "1.5", "$2.00", "3,00 €", "junk"]),
    st.sampled_from(["a", "b", None]),
)


@given(st.lists(st.lists(record, min_size=1, max_size=5), min_size=1, max_size=4))
def test_a_page_at_once_is_counted_as_record_by_record(pages: list[list[dict[str, object]]]) -> None:
    """Products, duplicates, conflicts, prices and categories are the same."""
    at_once, one_by_one = SourceAccount("a", ()), SourceAccount("a", ())
    for number, records in enumerate(pages, start=1):
        page = normalized("a", number, *records)
        entry, span = encode_page(page, 0)
        header = decode_page(entry[span.offset : span.offset + span.header])
        duplicates = at_once.add_page(header, partial(bytes, page.lines))
        read_lines = partial(bytes, page.lines)
        new = [
            one_by_one.add_product(msgspec.json.decode(line, type=Product), read_lines)
            for line in page.lines.split(b"\n")
        ]
        assert list(duplicates) == [index for index, is_new in enumerate(new) if not is_new]
    for field in ("products", "conflicting"):
        assert getattr(at_once, field) == getattr(one_by_one, field)
    assert at_once.tally.prices() == one_by_one.tally.prices()
    assert at_once.tally.categories() == one_by_one.tally.categories()
    assert all(price.avg >= Decimal(0) for price in at_once.tally.prices().values())
