"""Servers with a limit: the program reads them completely, and few of its requests are refused."""

import pytest

from servers.catalogue import COUNT, make_catalogue
from servers.endpoints import GROUPED, LIMITED
from servers.program import Ended


def about(*names: str) -> pytest.MarkDecorator:
    """Return the mark of a test that is about these walks."""
    return pytest.mark.parametrize("walked", names)


@about(*(each.name for each in LIMITED))
def test_a_limit_costs_no_product(ended: Ended) -> None:
    """Behind any limit a run is complete if the deadline leaves the time, and its products are the server's own."""
    assert ended.code == 0, ended.report
    assert ended.products() == make_catalogue(), ended.report


@about("haproxy-10s:/drf/page-number/")
def test_ten_in_ten_seconds_are_learned_soon(ended: Ended) -> None:
    """A limit of 10 requests in 10 s that counts refusals refuses 6 of 24 requests at most, within 35 s."""
    assert len(ended.answers) <= 24, ended.report
    assert ended.refused <= 6, ended.report
    assert ended.seconds <= 35, ended.report


@about("nginx-429:/drf/page-number/")
def test_two_a_second_without_a_burst_are_learned_soon(ended: Ended) -> None:
    """A limit of 2 requests a second that allows no burst refuses 2 requests at most."""
    assert ended.refused <= 2, ended.report


@about("slowapi-moving-window:/fast")
def test_a_sliding_window_refuses_one_request_at_most(ended: Ended) -> None:
    """A limit of 5 requests in any second, which is stricter than a bucket, refuses 1 request at most."""
    assert ended.refused <= 1, ended.report


@about("slowapi-headers:/fast")
def test_a_quota_in_headers_is_kept(ended: Ended) -> None:
    """A limit that the headers announce refuses nothing."""
    assert ended.refused == 0, ended.report


@about("group", "draft")
def test_a_group_on_one_limit_is_never_refused(ended: Ended) -> None:
    """Four endpoints in a group, written by hand or drafted, share one limit of the server, which refuses nothing."""
    assert ended.code == 0, ended.report
    assert ended.document["summary"]["total_products"] == COUNT * len(GROUPED)
    assert ended.refused == 0, ended.report
