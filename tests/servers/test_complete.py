"""Servers without a limit, each from its URL alone: the program reads them completely, and its commands agree."""

import re

import pytest

from servers.catalogue import COUNT
from servers.endpoints import DATASETTE_ARRAYS, ENDPOINTS, Endpoint
from servers.program import Ended
from servers.readings import Reading

each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.name)


def only_source(ended: Ended) -> str:
    assert ended.document is not None, ended.report
    (source,) = ended.document["sources"]
    name: str = source["name"]
    return name


@each_endpoint
def test_reads_everything_from_the_url_alone(endpoint: Endpoint, reading: Reading) -> None:
    """A run on nothing but a URL is complete, and its products and exact prices are those of the server's database."""
    assert len(reading.truth) == COUNT
    assert reading.run.code == 0, reading.run.report
    assert reading.run.document["summary"]["status"] == "complete"
    assert reading.run.products() == reading.truth


@each_endpoint
def test_makes_at_most_two_requests_more_than_there_are_pages(endpoint: Endpoint, reading: Reading) -> None:
    """A run on nothing but a URL requests each page once; finding the style and the end takes two more at most."""
    assert endpoint.pages <= len(reading.run.answers) <= endpoint.pages + 2, reading.run.report


@each_endpoint
def test_a_run_of_the_draft_reads_everything(endpoint: Endpoint, reading: Reading) -> None:
    """The draft that `init` writes for a URL runs as it is, and reads everything too."""
    assert reading.init.code == 0, reading.init.report
    assert reading.drafted is not None, reading.init.report
    assert reading.drafted.code == 0, reading.drafted.report
    assert reading.drafted.document["summary"]["status"] == "complete"
    assert reading.drafted.products(only_source(reading.drafted)) == reading.truth
    assert endpoint.pages <= len(reading.drafted.answers) <= endpoint.pages + 2, reading.drafted.report


@each_endpoint
def test_init_preview_and_check_see_the_first_page_of_the_run(endpoint: Endpoint, reading: Reading) -> None:
    """`init`, `preview` and `check` report as many records as the first page of the run has."""
    assert reading.preview is not None, reading.init.report
    assert reading.check is not None, reading.init.report
    assert reading.preview.code == reading.check.code == 0, reading.preview.report + reading.check.report
    for ended in (reading.init, reading.preview):
        seen = re.search(r"([\d,]+) records\b", ended.stdout)
        assert seen is not None, ended.report
        assert int(seen[1].replace(",", "")) == endpoint.size, ended.report
    header, row, *_ = reading.check.stdout.splitlines()
    assert int(row[: header.index("records") + len("records")].split()[-1].replace(",", "")) == endpoint.size, (
        reading.check.report
    )


@pytest.mark.parametrize("endpoint", [DATASETTE_ARRAYS], ids=lambda each: each.name)
def test_arrays_instead_of_records_are_no_success(endpoint: Endpoint, reading: Reading) -> None:
    """Records without names of their fields cannot be read, and the exit code says so."""
    assert reading.run.code in {1, 3}, reading.run.report
