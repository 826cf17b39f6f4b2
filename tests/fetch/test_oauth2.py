"""Access tokens are fetched once for all tasks, kept until they expire, and renewed when refused."""

from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs

import httpx
import msgspec
import pytest
import trio
from helpers.support import NO_LIMIT, ok, records, reply, walk

from pipeline.config.auth import ClientSecretIn, Credentials, OAuth2
from pipeline.config.endpoint import RateLimit
from pipeline.config.source import Paging, PagingStyle
from pipeline.errors import CredentialsRefusedError
from pipeline.fetch.access import TokenSource
from pipeline.redaction import Secrets

HOW = OAuth2(token_url="http://login.test/token", client_id="me", client_secret="s3cret!", scope="read all")


class Api(httpx.AsyncBaseTransport):
    """An API whose access tokens are valid for ``serves`` requests, with its token URL on another host."""

    def __init__(self, pages: int = 3, serves: int = 100, answers: list[httpx.Response] | None = None) -> None:
        self.pages, self.serves = pages, serves
        self.answers = answers or []
        self.forms: list[dict[str, list[str]]] = []
        self.authorizations: list[str | None] = []
        self.used: list[str] = []
        self.asked_at: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked_at.append(trio.current_time())
        if request.url.host == "login.test":
            await request.aread()
            self.forms.append(parse_qs(request.content.decode()))
            self.authorizations.append(request.headers.get("authorization"))
            if self.answers:
                return self.answers.pop(0)
            return ok({"access_token": f"token-{len(self.forms)}", "token_type": "bearer", "expires_in": 3600})
        token = request.headers.get("authorization", "")
        if token != f"Bearer token-{len(self.forms)}" or self.used.count(token) >= self.serves:
            return reply(401, b"nothing for token-1")
        self.used.append(token)
        page = int(request.url.params["page"])
        return ok(records(page) if page <= self.pages else [])


async def fetch(api: Api, how: OAuth2 = HOW, **changes: Any) -> tuple[Any, list[Any]]:
    return await walk(api, credentials=Credentials(oauth2=how), **{"rate_limit": NO_LIMIT, **changes})


@pytest.mark.virtual_time
async def test_one_token_serves_the_walk() -> None:
    """The client authenticates to the token URL in a header, and sends the token with each request."""
    api = Api()
    fetcher, pages = await fetch(api)
    assert (len(pages), fetcher.result().failures) == (3, ())
    assert api.forms == [{"grant_type": ["client_credentials"], "scope": ["read all"]}]
    assert api.authorizations == [f"Basic {b64encode(b'me:s3cret%21').decode()}"]  # RFC 6749, section 2.3.1
    assert api.used == ["Bearer token-1"] * 4


@pytest.mark.virtual_time
async def test_the_secret_may_go_in_the_form() -> None:
    """Client id and secret can be sent in the form instead of a header."""
    api = Api(pages=1)
    await fetch(api, msgspec.structs.replace(HOW, secret_in=ClientSecretIn.BODY, scope=None))
    assert api.forms == [{"grant_type": ["client_credentials"], "client_id": ["me"], "client_secret": ["s3cret!"]}]
    assert api.authorizations == [None]


@pytest.mark.virtual_time
async def test_a_refused_token_is_renewed_and_nothing_is_lost() -> None:
    """A 401 costs one more token and one more request, but is not a failure."""
    api = Api(pages=5, serves=2)
    fetcher, pages = await fetch(api)
    assert [page.number for page in pages] == [1, 2, 3, 4, 5]
    assert (fetcher.result().failures, len(api.forms)) == ((), 3)


@pytest.mark.virtual_time
async def test_an_api_that_refuses_every_token_is_not_requested_for_ever() -> None:
    """One renewal is tried for each page; the error does not contain the token."""
    api = Api(serves=0)
    fetcher, pages = await fetch(api)
    assert pages == []
    failures = fetcher.result().failures
    assert {failure.error for failure in failures[:-1]} == {
        "HTTP 401 Unauthorized: nothing for (access token); check `auth`"
    }
    assert len(api.forms) <= 2 * len(failures)


@pytest.mark.virtual_time
async def test_requests_for_tokens_keep_to_the_rate() -> None:
    """Each request to the token URL takes a token of the bucket."""
    api = Api(pages=6, serves=1)
    await fetch(api, rate_limit=RateLimit(rps=2, burst=1))
    gaps = [after - before for before, after in zip(api.asked_at, api.asked_at[1:], strict=False)]
    assert min(gaps) >= 0.5


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: reply(401, b'{"error": "invalid_client"}'), "HTTP 401 Unauthorized: invalid_client"),
        (lambda: reply(400, b"<html>"), "HTTP 400 Bad Request;"),
        (lambda: reply(302, b"", Location="http://evil.test/"), "HTTP 302, a redirect"),
        (lambda: ok({"token": "x"}), "no access token"),
        (lambda: ok({"access_token": "x", "token_type": "mac"}), "not a valid bearer token"),
        (lambda: ok({"access_token": "x\ny"}), "not a valid bearer token"),
    ],
)
async def test_without_a_token_nothing_is_requested(answer: Any, reason: str) -> None:
    """A refused client ends the endpoint at once. The error contains the token URL's reason, but not the secret."""
    api = Api(answers=[answer()])
    fetcher, pages = await fetch(api)
    failures = fetcher.result().failures
    assert (pages, api.used, len(api.forms)) == ([], [], 1)
    assert reason in failures[0].error
    assert "s3cret" not in failures[0].error
    assert failures[0].action == "skip"


@pytest.mark.virtual_time
async def test_a_failing_token_url_is_retried() -> None:
    """A 503 of the token URL is retried like a 503 of the API."""
    api = Api(pages=1, answers=[reply(503)])
    fetcher, pages = await fetch(api)
    assert len(pages) == 1
    assert [(failure.code, failure.action) for failure in fetcher.result().failures] == [(503, "retry")]


@pytest.mark.virtual_time
async def test_a_token_is_renewed_before_it_expires() -> None:
    """A token with a lifetime of 3,600 s is used for 3,590 s, one with 8 s for 4 s."""
    lives: list[object] = [3600, "8", None]
    moments: list[float] = []

    async def request() -> bytes:
        moments.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        return msgspec.json.encode({"access_token": f"t{len(moments)}", "expires_in": lives[len(moments) - 1]})

    source = TokenSource(request)
    for wait, token in ((0, "t1"), (3589, "t1"), (1, "t2"), (3.9, "t2"), (0.1, "t3"), (1e9, "t3")):
        await trio.sleep(wait)
        assert await source.token() == token
    assert moments == [0, 3590, 3594]


@pytest.mark.virtual_time
async def test_concurrent_tasks_get_the_same_token() -> None:
    """One request to the token URL serves all waiting tasks. Refusing an old token again has no effect."""
    asked = 0

    async def request() -> bytes:
        nonlocal asked
        asked += 1
        await trio.sleep(1)
        return msgspec.json.encode({"access_token": f"t{asked}"})

    source, got = TokenSource(request), []

    async def ask() -> None:
        got.append(await source.token())

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)
    assert (got, asked) == (["t1"] * 5, 1)
    for _ in range(5):
        source.refuse("t1")
    assert (await source.token(), asked) == ("t2", 2)
    source.refuse("t1")
    assert (await source.token(), asked) == ("t2", 2)


@pytest.mark.virtual_time
async def test_a_cancelled_request_leaves_the_source_usable() -> None:
    """After a cancelled request, the next call fetches the token."""

    answered = 0

    async def request() -> bytes:
        nonlocal answered
        await trio.sleep(5)
        answered += 1
        return b'{"access_token": "abc"}'

    source = TokenSource(request)
    with trio.move_on_after(1):
        await source.token()
    assert (await source.token(), trio.current_time(), answered) == ("abc", 6, 1)


@pytest.mark.virtual_time
async def test_a_body_that_is_not_json_is_refused() -> None:
    """A body that is not JSON raises CredentialsRefusedError."""

    async def request() -> bytes:
        await trio.lowlevel.checkpoint()
        return b"<html>"

    with pytest.raises(CredentialsRefusedError, match="no access token"):
        await TokenSource(request).token()


@pytest.mark.virtual_time
async def test_errors_of_the_token_url_are_reported_as_such() -> None:
    """Errors of the token URL are distinguished from those of the API."""
    api = Api(answers=[reply(503)] * 9)
    fetcher, _ = await fetch(api)
    assert "no access token: HTTP 503" in fetcher.result().failures[0].error

    class Silent(Api):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectTimeout("")

    fetcher, _ = await fetch(Silent())
    assert "no access token: no connection to login.test:80" in fetcher.result().failures[0].error


@pytest.mark.virtual_time
async def test_long_errors_of_a_token_url_are_shortened() -> None:
    """A long error of the token URL is shortened, and control characters are removed."""
    api = Api(answers=[reply(400, b'{"error": "\\u001b]0;x' + b"A" * 100_000 + b'"}')])
    fetcher, _ = await fetch(api)
    error = fetcher.result().failures[0].error
    assert len(error) < 400
    assert error.isprintable()


@pytest.mark.virtual_time
async def test_an_access_token_is_a_secret_like_any_other() -> None:
    """An access token that the API repeats is neither shown, stored nor sent to another host."""

    class Echo(Api):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.host == "login.test":
                return await super().handle_async_request(request)
            page = int(request.url.params.get("page", 1))
            if page == 2:
                location = "http://cdn.test/p?access_token=token-1"
                return reply(302, b"", Location=location)
            return ok({"items": records(1), "next": "http://shop.test/products?page=2&t=token-1&lang=en"})

    fetcher, pages = await fetch(
        Echo(), secrets=Secrets({}), allow_hosts=("cdn.test",), paging=Paging(style=PagingStyle.NEXT_URL, path="next")
    )
    assert len(pages) == 1
    assert "token-1" not in (pages[0].trace.token or "")
    assert "(access token)" in (pages[0].trace.token or "")
    assert not any("token-1" in failure.error for failure in fetcher.result().failures)


@pytest.mark.virtual_time
@pytest.mark.parametrize("life", ["never", None, "", True, -5])
async def test_a_token_without_a_numeric_lifetime_is_accepted(life: object) -> None:
    """Such a token is used until the API refuses it; a token that has already expired is used once."""
    body = msgspec.json.encode({"access_token": "abc", "token_type": None, "expires_in": life})

    async def request() -> bytes:
        await trio.lowlevel.checkpoint()
        return body

    assert await TokenSource(request).token() == "abc"
