"""APIs that take their query in the body of a POST request: JSON, a form, and redirects."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import httpx
import msgspec
import pytest
from helpers.support import NO_LIMIT, actions, ok, records, reply, walk

from pipeline.config.request import Method, Request
from pipeline.config.source import Paging, PagingStyle
from pipeline.model.pages import Page
from pipeline.redaction import Secrets

virtual_time = pytest.mark.virtual_time

SIZE, COUNT = 3, 8
ITEMS = [record for page in range(1, 5) for record in records(page, 2)]
Answer = Callable[[Mapping[str, Any]], httpx.Response]


class SearchApi(httpx.AsyncBaseTransport):
    """An API that answers the decoded bodies of POST requests; it remembers them, and refuses all other requests."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: list[Mapping[str, Any]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return reply(405, b'{"detail": "Method Not Allowed"}', Allow="POST")
        content = await request.aread()
        is_form = request.headers["content-type"] == "application/x-www-form-urlencoded"
        self.asked.append(dict(parse_qsl(content.decode())) if is_form else msgspec.json.decode(content))
        return self._answer(self.asked[-1])


def part(start: int) -> dict[str, Any]:
    return {"hits": {"total": {"value": COUNT}, "hits": ITEMS[start : start + SIZE]}}


def by_offset(body: Mapping[str, Any]) -> httpx.Response:
    """Answer as a search engine does; it needs its number as a number."""
    if not isinstance(body["page"]["from"], int):
        return reply(400, b'{"error": "from is not a number"}')
    return ok(part(body["page"]["from"]))


def by_page(body: Mapping[str, Any]) -> httpx.Response:
    return ok(part((int(body.get("page", 1)) - 1) * SIZE))


def by_cursor(body: Mapping[str, Any]) -> httpx.Response:
    start = int(body.get("after") or 0)
    following = str(start + SIZE) if start + SIZE < COUNT else None
    return ok({"items": ITEMS[start : start + SIZE], "next_cursor": following})


def by_last_id(body: Mapping[str, Any]) -> httpx.Response:
    """Answer as commercetools does: a predicate names the last id."""
    where = body["where"]
    start = 0 if where is None else 1 + [f'id > "{item["id"]}"' for item in ITEMS].index(where)
    return ok({"items": ITEMS[start : start + SIZE], "has_more": start + SIZE < COUNT})


def json_request(**body: Any) -> Request:
    return Request(method=Method.POST, json=body)


def fetched(pages: Sequence[Page]) -> list[Any]:
    return [msgspec.json.decode(record) for page in pages for record in page.records]


@virtual_time
@pytest.mark.parametrize(
    ("answer", "request_", "paging"),
    [
        (
            by_offset,
            json_request(query="shoes", page={"from": 0, "size": SIZE}),
            Paging(style=PagingStyle.OFFSET, into="json.page.from", size_into="json.page.size", size=SIZE),
        ),
        (by_offset, json_request(query="shoes", page={"from": 0, "size": SIZE}), Paging()),
        (by_page, json_request(query="shoes"), Paging(style=PagingStyle.PAGE, into="json.page")),
        (by_page, json_request(query="shoes", page=1), Paging()),
        (by_page, json_request(query="shoes"), Paging()),
        (
            by_page,
            Request(method=Method.POST, form={"q": "shoes"}),
            Paging(style=PagingStyle.PAGE, into="form.page", size_into="form.per_page", size=SIZE),
        ),
        (by_page, Request(method=Method.POST, form={"q": "shoes", "page": 1}), Paging()),
        (
            by_cursor,
            json_request(after=None),
            Paging(style=PagingStyle.CURSOR, into="json.after", path="next_cursor"),
        ),
        (
            by_last_id,
            json_request(where=None),
            Paging(style=PagingStyle.LAST_ID, into="json.where", template='id > "{}"', has_more="has_more"),
        ),
    ],
)
async def test_each_style_walks_a_search_to_its_end(answer: Answer, request_: Request, paging: Paging) -> None:
    """Every paging style fills its place in the body, described or found by itself, and the walk is complete."""
    api = SearchApi(answer)
    fetcher, pages = await walk(api, request=request_, paging=paging, rate_limit=NO_LIMIT)
    assert fetched(pages) == ITEMS
    assert fetcher.result().status == "complete"
    assert all(body.keys() >= {*(request_.json or request_.form or {})} for body in api.asked)


@virtual_time
async def test_the_first_request_is_the_body_as_written() -> None:
    """With ``auto`` nothing is added to the body that the configuration describes."""
    api = SearchApi(by_page)
    await walk(api, request=json_request(query="shoes"), paging=Paging(), rate_limit=NO_LIMIT)
    assert api.asked[:2] == [{"query": "shoes"}, {"query": "shoes", "page": 2}]


@virtual_time
async def test_a_refused_body_is_quoted() -> None:
    """The error of a refused page names the value that was sent, and the server's message."""
    api = SearchApi(lambda body: reply(400, b'{"error": "page is too large"}'))
    fetcher, _ = await walk(
        api, request=json_request(), paging=Paging(style=PagingStyle.PAGE, into="json.page"), rate_limit=NO_LIMIT
    )
    assert fetcher.result().failures[0].error == ("HTTP 400 Bad Request: page is too large; requested with json.page=1")


@virtual_time
@pytest.mark.parametrize(("status", "follows"), [(307, True), (308, True), (301, False), (302, False), (303, False)])
async def test_a_redirect_keeps_the_method_or_is_an_error(status: int, follows: bool) -> None:
    """A POST is repeated at the new address after 307 and 308; others name the address to configure."""
    there = "http://shop.test/v2/products"

    class Moved(SearchApi):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/products":
                return reply(status, b"", Location=there)
            return await super().handle_async_request(request)

    fetcher, pages = await walk(
        Moved(by_cursor),
        request=json_request(after=None),
        paging=Paging(style=PagingStyle.CURSOR, into="json.after", path="next_cursor"),
        rate_limit=NO_LIMIT,
    )
    assert fetched(pages) == (ITEMS if follows else [])
    if not follows:
        assert f"which turns a POST into a GET; set `url` to {there}" in fetcher.result().failures[0].error


@virtual_time
async def test_a_get_that_should_be_a_post_is_explained() -> None:
    """A status 405 is a permanent error that is not retried, and names `request`."""
    fetcher, _ = await walk(SearchApi(by_page), paging=Paging(), rate_limit=NO_LIMIT)
    assert actions(fetcher.result())[0] == (1, 405, "retry")
    assert fetcher.result().failures[0].error == (
        "HTTP 405 Method Not Allowed: Method Not Allowed; the request was a GET; "
        "describe another with `request` (docs/REQUESTS.md)"
    )


@virtual_time
async def test_an_api_that_ignores_the_page_of_a_body_is_complete_with_one_page() -> None:
    """Page 1 in place of page 2 is the end if nothing more is announced, and a loop otherwise, as for a GET."""
    same = {"items": ITEMS[:SIZE]}
    fetcher, pages = await walk(SearchApi(lambda body: ok(same)), request=json_request(page=1), paging=Paging())
    assert (fetched(pages), fetcher.result().status) == (ITEMS[:SIZE], "complete")
    more = {**same, "total": COUNT}
    paging = Paging(style=PagingStyle.PAGE, into="json.page")
    fetcher, _ = await walk(SearchApi(lambda body: ok(more)), request=json_request(page=1), paging=paging)
    assert fetcher.result().status == "partial"


@virtual_time
async def test_a_secret_in_a_body_is_not_in_an_error() -> None:
    """A server that quotes a credential of the body is quoted without it."""
    secrets = Secrets({"k-0123456789": "${KEY}"})
    api = SearchApi(lambda body: reply(403, b'{"error": "the key k-0123456789 has no access"}'))
    fetcher, _ = await walk(api, request=json_request(key="k-0123456789"), paging=Paging(), secrets=secrets)
    assert "k-0123456789" not in str(fetcher.result())
    assert "the key ${KEY} has no access" in fetcher.result().failures[0].error


@virtual_time
async def test_a_body_that_is_not_json_is_described_by_its_content_type() -> None:
    """The error of a response that cannot be read has its Content-Type and the page with the formats."""

    class Pdf(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return reply(200, b"%PDF-1.7", Content_Type="application/pdf")

    fetcher, _ = await walk(Pdf(), paging=Paging(), rate_limit=NO_LIMIT)
    assert "; Content-Type: application/pdf (docs/FEEDS.md has the other formats)" in fetcher.result().failures[0].error
