"""The rows of the closing table, if there are many sources."""

from typing import Any

from helpers.reports import a_source

from pipeline.ui.table import MOST_ROWS, _rows


def rows(*sources: Any) -> list[str]:
    return [" ".join(row) for row in _rows(sources)]


def test_few_sources_have_a_row_each() -> None:
    """Up to the limit, each source has its row, in the order of the configuration."""
    every = [a_source(f"s{number}") for number in range(MOST_ROWS)]
    assert [row.split()[0] for row in rows(*every)] == [source.name for source in every]


def test_of_many_sources_those_that_are_complete_are_added_up() -> None:
    """A thousand sources that are complete are one row, with their sums, after those that are not."""
    complete = [a_source(f"s{number}") for number in range(1_000)]
    failed = a_source("bad", status="failed", products=0, priced=0, pages_fetched=0, missing_from=1, requests=4)
    shown = rows(*complete[:500], failed, *complete[500:])
    one = " ".join(next(iter(_rows(complete[:1]))))
    assert shown[0].startswith("bad failed 0 0 0 0 0 0 1… 4")
    name, more, status, products, *_ = shown[1].split()
    assert (name, more, status, products) == ("1,000", "more", "complete", f"{1_000 * int(one.split()[2]):,}")
    assert len(shown) == 2


def test_of_many_sources_that_are_not_complete_the_first_are_shown() -> None:
    """The others are added up by their status, so that the table stays short."""
    every = [a_source(f"s{number}", status="partial" if number % 2 else "failed") for number in range(300)]
    shown = rows(*every)
    assert len(shown) == MOST_ROWS + 2
    assert [row.split()[:3] for row in shown[-2:]] == [["125", "more", "failed"], ["125", "more", "partial"]]
