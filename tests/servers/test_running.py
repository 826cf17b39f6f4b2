"""The servers themselves: each has the catalogue, logs what it answers, and refuses what exceeds its limit."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from servers.catalogue import COUNT, make_catalogue
from servers.endpoints import ENDPOINTS, GROUPED, LIMITED
from servers.running import REFUSALS, start
from servers.software import SOFTWARE, missing


def get(url: str) -> int:
    """Request a URL, and return the status."""
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            json.load(response)
            return response.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_the_catalogue_is_the_same_each_time() -> None:
    """The catalogue has 333 products with ids and titles of their own, and the same ones each time."""
    products = make_catalogue()
    assert products == make_catalogue()
    assert len(products) == len({each.id for each in products}) == len({each.title for each in products}) == COUNT


# Others serve files, which their tests write.
@pytest.mark.parametrize("name", [name for name, software in SOFTWARE.items() if software.fill or software.upstream])
def test_a_server_is_what_the_other_tests_take_it_for(name: str, tmp_path: Path) -> None:
    """A server has the catalogue, its endpoints answer, its log has these requests alone, and its limit refuses."""
    if reason := missing(name):
        pytest.skip(reason)
    limited = [each for each in (*LIMITED, *GROUPED[:1]) if each.software == name]
    endpoints = [*(each for each in ENDPOINTS if each.software == name), *limited]
    with start(name, tmp_path) as server:
        assert server.products() == make_catalogue()
        assert server.requests() == 0
        assert [get(server.url + each.path) for each in endpoints] == [200] * len(endpoints)
        assert [each.target for each in server.answers()] == [each.path for each in endpoints]
        for each in limited:
            before = server.refused()
            statuses = [get(server.url + each.path) for _ in range(25)]
            assert 0 < server.refused() - before == sum(status in REFUSALS for status in statuses)
    assert server.process.poll() is not None
