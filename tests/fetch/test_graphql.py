"""GraphQL: errors with status 200, incomplete data, throttling by code, and the cost of queries as a quota."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import msgspec
import pytest
from helpers.graphql import EVERYTHING, INCOMPLETE, NO_RATE, PAGES, RELAY, REQUEST, GraphQL
from helpers.support import actions, ok, records, reply, walk

from pipeline.config.endpoint import Retry
from pipeline.config.source import Paging

virtual_time = pytest.mark.virtual_time


def ids(pages: Sequence[Any]) -> list[int]:
    return [msgspec.json.decode(record)["id"] for each in pages for record in each.records]


@virtual_time
@pytest.mark.parametrize("paging", [RELAY, Paging()])
async def test_a_connection_is_walked_by_its_cursors(paging: Paging) -> None:
    """The cursor of `pageInfo` goes into the variables, described or found by itself, until there is no next page."""
    api = GraphQL()
    fetcher, pages = await walk(api, request=REQUEST, paging=paging, items="data.products.nodes", rate_limit=NO_RATE)
    assert ids(pages) == EVERYTHING
    assert fetcher.result().status == "complete"
    assert api.asked == [1, 2, 3, 4, 5, 6]


NO_DATA = {"data": None}


@virtual_time
@pytest.mark.parametrize(
    ("answer", "recorded"),
    [
        (
            {"errors": [{"message": "boom", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}], **NO_DATA},
            [(3, None, "retry")],
        ),
        ({"errors": [{"message": "no such field"}], "data": {"products": None}}, [(3, None, "retry")]),
        ({"errors": [{"message": "slow down", "type": "RATE_LIMITED"}], **NO_DATA}, [(3, None, "retry")]),
    ],
)
async def test_errors_without_data_are_failures(answer: Mapping[str, Any], recorded: list[Any]) -> None:
    """An error in a response with status 200 is retried or deferred, and the walk is complete once it has passed."""
    fetcher, pages = await walk(
        GraphQL({3: [answer]}), request=REQUEST, paging=RELAY, items="data.products.nodes", rate_limit=NO_RATE
    )
    assert ids(pages) == EVERYTHING
    assert fetcher.result().status == "complete"
    assert actions(fetcher.result()) == recorded
    assert answer["errors"][0]["message"] in fetcher.result().failures[0].error


@virtual_time
async def test_a_lasting_error_ends_the_walk_with_its_message() -> None:
    """A page that fails again is missing, and so are those after it; the server's message is the reason."""
    denied = {"errors": [{"message": "access denied", "extensions": {"code": "ACCESS_DENIED"}}], **NO_DATA}
    fetcher, pages = await walk(
        GraphQL({3: [denied] * 9}), request=REQUEST, paging=RELAY, items="data.products.nodes", rate_limit=NO_RATE
    )
    result = fetcher.result()
    assert (ids(pages), result.status, result.missing_from) == (EVERYTHING[:4], "partial", 3)
    assert "GraphQL: access denied" in result.failures[0].error


@virtual_time
async def test_incomplete_data_defer_the_page() -> None:
    """A page with data and errors is requested once more; if it is whole then, the walk is complete."""
    api = GraphQL({3: [INCOMPLETE]})
    fetcher, pages = await walk(api, request=REQUEST, paging=RELAY, items="data.products.nodes", rate_limit=NO_RATE)
    assert (ids(pages), fetcher.result().status) == (EVERYTHING, "complete")
    assert api.asked == [1, 2, 3, 3, 4, 5, 6]


@virtual_time
async def test_what_came_of_incomplete_data_is_kept() -> None:
    """If data are missing again, the records that came are kept, the walk goes on, and the page counts as missing."""
    api = GraphQL({3: [INCOMPLETE] * 2})
    fetcher, pages = await walk(api, request=REQUEST, paging=RELAY, items="data.products.nodes", rate_limit=NO_RATE)
    result = fetcher.result()
    assert ids(pages) == [each for each in EVERYTHING if each != records(3, 2)[1]["id"]]
    assert (result.status, result.pages_missing, result.missing_from) == ("partial", (3,), None)
    assert [each.trace.incomplete for each in pages] == [False, False, True, False, False, False]


@virtual_time
@pytest.mark.parametrize(("price", "rate"), [(40.0, 10.0), (25.0, 50.0), (100.0, 100.0), (7.0, 1.0)])
async def test_the_points_of_a_bucket_are_used_and_never_exceeded(price: float, rate: float) -> None:
    """No query is refused for its cost, and at least 90 % of the points that the bucket offered are used."""
    api = GraphQL(price=price, rate=rate)
    fetcher, pages = await walk(api, request=REQUEST, paging=RELAY, items="data.products.nodes", rate_limit=NO_RATE)
    assert (ids(pages), fetcher.result().status, api.refused) == (EVERYTHING, "complete", 0)
    used, offered = price * PAGES, 100 + rate * (api.updated_at - api.began_at)
    assert used >= 0.9 * offered or used < 100  # of less than the bucket holds, nothing is waited for


@virtual_time
async def test_a_throttled_query_waits_for_its_points() -> None:
    """A refusal with a cost pauses until the points are there, and does not count for the breaker."""
    api = GraphQL(price=60.0, rate=2.0)
    api.points = 0.0
    fetcher, pages = await walk(
        api, request=REQUEST, paging=RELAY, items="data.products.nodes", rate_limit=NO_RATE, retry=Retry(jitter=0)
    )
    result = fetcher.result()
    assert (ids(pages), result.status, api.refused) == (EVERYTHING, "complete", 1)
    assert (result.traffic.refused, result.traffic.open_circuit) == (1, [])
    assert api.updated_at - api.began_at >= 30 * PAGES - 1


@virtual_time
async def test_other_apis_may_have_errors_and_a_cost_in_their_bodies() -> None:
    """The members `errors` and `extensions` mean nothing in an API that is not GraphQL."""

    class Rest(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            cost = {"requestedQueryCost": 9, "throttleStatus": {"currentlyAvailable": 0, "restoreRate": 1}}
            body = {"items": records(1), "errors": ["old"], "extensions": {"cost": cost}}
            return ok(body) if "page" not in request.url.params else reply(404)

    fetcher, pages = await walk(Rest(), paging=Paging(), rate_limit=NO_RATE)
    assert (len(ids(pages)), fetcher.result().status) == (3, "complete")
