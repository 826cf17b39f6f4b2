"""Authentication: each method sends the right credentials to the right place, and mistakes are reported."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx
import pytest
from helpers.configs import load, problems
from helpers.running import run_pipeline
from helpers.support import NO_LIMIT, NO_TLS, FakeApi, dispatch_inline, ok, records, reply, walk

from pipeline.config.auth import ApiKey, Auth, BasicAuth, Credentials
from pipeline.config.endpoint import Http
from pipeline.config.resolve import ResolvedEndpoint, resolve
from pipeline.config.settings import Config
from pipeline.fetch.http.client import Client
from pipeline.fetch.http.hosts import HostPolicy

ENV = {"TOKEN": "t0ken-of-shop", "USER": "ck_user", "PASSWORD": "cs:pässword"}


def one(tmp_path: Path, auth: str, url: str = "http://shop.test/products") -> Config:
    return load(tmp_path, f"endpoints: [{{name: shop, url: '{url}', auth: {auth}}}]", env=ENV)


def resolved(tmp_path: Path, auth: str, **options: Any) -> ResolvedEndpoint:
    (endpoint,) = resolve(one(tmp_path, auth, **options), ENV)
    return endpoint


@pytest.mark.parametrize(
    ("auth", "headers", "query"),
    [
        ("{bearer: '${TOKEN}'}", {"Authorization": "Bearer t0ken-of-shop"}, {}),
        (
            "{basic: {username: '${USER}', password: '${PASSWORD}'}}",
            {"Authorization": f"Basic {b64encode('ck_user:cs:pässword'.encode()).decode()}"},
            {},
        ),
        ("{api_key: {header: X-Key, value: '${TOKEN}'}}", {"X-Key": "t0ken-of-shop"}, {}),
        ("{api_key: {query: key, value: 'k-${TOKEN}'}}", {}, {"key": "k-t0ken-of-shop"}),
        ("{}", {}, {}),
    ],
)
def test_each_way_is_sent_as_it_should_be(
    tmp_path: Path, auth: str, headers: dict[str, str], query: dict[str, str]
) -> None:
    """Bearer tokens (RFC 6750), user and password (RFC 7617), and keys in a header or a query parameter."""
    credentials = resolved(tmp_path, auth).credentials
    assert (credentials.headers, credentials.query) == (headers, query)


@pytest.mark.parametrize(
    ("auth", "path", "text"),
    [
        ("{bearer: a, basic: {username: u}}", "auth.basic", "conflicts with `bearer`"),
        ("{basic: {password: p}}", "auth.basic.username", "needs a value"),
        ("{basic: {username: 'a:b'}}", "auth.basic.username", "contains a `:`"),
        ("{api_key: {header: X-Key}}", "auth.api_key.value", "needs a value"),
        ("{api_key: {value: abc}}", "auth.api_key", "needs either `header` or `query`"),
        ("{api_key: {value: abc, header: X, query: y}}", "auth.api_key", "needs either `header` or `query`"),
        ("{api_key: {value: abc, header: Host}}", "auth.api_key.header", "is managed by the HTTP client"),
        ("{oauth2: {client_id: a, client_secret: b}}", "auth.oauth2.token_url", "needs a value"),
        (
            "{oauth2: {client_id: a, client_secret: b, token_url: 'ftp://x'}}",
            "auth.oauth2.token_url",
            "is not a valid URL",
        ),
        ("{bearer: '${NOBODY}'}", "auth.bearer", "the environment variable NOBODY is not set"),
        ("{bearer: 'tök'}", "auth.bearer", "use printable ASCII"),
        ("{bearer: 17}", "auth.bearer", "Expected `str | null`, got int"),
        ("{barer: x}", "auth.barer", "did you mean `bearer`?"),
    ],
)
def test_mistakes_are_reported_with_the_path_of_their_key(tmp_path: Path, auth: str, path: str, text: str) -> None:
    """Each mistake is a configuration error with the path of its key."""
    found = problems(tmp_path, f"endpoints: [{{name: shop, url: 'http://shop.test/', auth: {auth}}}]", env=ENV)
    assert text in found[f"endpoints.0.{path}"]


def test_a_header_that_is_set_twice_is_an_error(tmp_path: Path) -> None:
    """`auth` and `headers` cannot both set the Authorization header."""
    text = "endpoints: [{name: shop, url: 'http://shop.test/', auth: {bearer: x}, headers: {authorization: y}}]"
    assert "which is also in `headers`" in problems(tmp_path, text)["endpoints.0.auth"]


def test_secrets_are_redacted_from_errors_and_output(tmp_path: Path) -> None:
    """Tokens, passwords and their encoded forms are redacted, even if the file contains them literally."""
    literal = resolved(tmp_path, "{basic: {username: bob, password: open-sesame}}")
    encoded = b64encode(b"bob:open-sesame").decode()
    assert literal.secrets.redact(f"open-sesame {encoded}") == "*** ***"
    assert resolved(tmp_path, "{bearer: '${TOKEN}'}").secrets.redact("t0ken-of-shop") == "${TOKEN}"
    assert repr(literal.credentials) == "Credentials(…)"
    text = "endpoints: [{name: shop, url: 'http://shop.test/', auth: {bearer: [open-sesame]}}]"
    assert "open-sesame" not in str(problems(tmp_path, text))


async def test_credentials_stay_at_home() -> None:
    """Credentials and signature are added to each request at home, including next pages, and to none elsewhere."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return ok([])

    client = Client(
        "http://shop.test/products?lang=en",
        Http(),
        headers={"X-Key": "abcd"},
        query={"key": "secret"},
        sign=lambda url: {"X-Signature": f"of {url}"},
        policy=HostPolicy("http://shop.test/", ["cdn.test"]),
        ssl_context=NO_TLS,
        transport=httpx.MockTransport(answer),
    )
    async with client:
        await client.fetch(client.url_with({"page": "1"}), token="tok")
        await client.fetch("http://shop.test/next?cursor=2", token="tok")
        await client.fetch("http://cdn.test/next", token="tok")
    assert [str(request.url) for request in asked] == [
        "http://shop.test/products?lang=en&page=1&key=secret",
        "http://shop.test/next?cursor=2&key=secret",
        "http://cdn.test/next",
    ]
    assert [request.headers.get("authorization") for request in asked] == ["Bearer tok", "Bearer tok", None]
    assert [request.headers.get("x-key") for request in asked] == ["abcd", "abcd", None]
    signatures = [f"of {request.url}" for request in asked[:2]]
    assert [request.headers.get("x-signature") for request in asked] == [*signatures, None]


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("status", "changes", "remedy"),
    [
        (401, {}, "HTTP 401 Unauthorized; it may need `auth`"),
        (403, {}, "HTTP 403 Forbidden"),
        (403, {"credentials": Credentials({"X-Key": "x"})}, "HTTP 403 Forbidden; check `auth`"),
        (401, {"unset": ("SHOP_TOKEN",)}, "HTTP 401 Unauthorized; set SHOP_TOKEN in the environment, or `auth`"),
    ],
)
async def test_denied_access_comes_with_a_remedy(status: int, changes: dict[str, Any], remedy: str) -> None:
    """The error for denied access names the key or variable to set."""
    api = FakeApi(pages=1, script={1: [reply(status)] * 2})
    fetcher, _ = await walk(api, rate_limit=NO_LIMIT, **changes)
    assert fetcher.result().failures[0].error == remedy


@pytest.mark.virtual_time
async def test_a_run_sends_credentials_with_every_request(tmp_path: Path) -> None:
    """In a complete run, every request carries the credentials of `auth`."""
    seen: list[str | None] = []

    class Api(FakeApi):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            seen.append(request.headers.get("authorization"))
            return await super().handle_async_request(request)

    def connect(endpoint: ResolvedEndpoint) -> Client:
        headers = endpoint.credentials.headers
        return Client(endpoint.url, Http(), headers=headers, ssl_context=NO_TLS, transport=Api(pages=2))

    config = one(tmp_path, "{bearer: '${TOKEN}'}")
    settings = {"output": str(tmp_path / "summary.json"), "endpoints": config.endpoints}
    summary = await run_pipeline(Config(**settings), environ=ENV, connect=connect, dispatch=dispatch_inline)
    assert summary.summary.total_products == 2 * len(records(1))
    assert seen == ["Bearer t0ken-of-shop"] * 3


def test_another_method_replaces_the_one_of_a_preset() -> None:
    """Keys of the same method are merged with the preset's; another method replaces the preset's."""
    auth = Auth(api_key=ApiKey(header="X-Key", value="a"))
    assert auth.as_defaults_for({"api_key": ApiKey()}) is auth
    assert auth.as_defaults_for({"basic": BasicAuth(username="u")}) == Auth()


@pytest.mark.parametrize(
    "auth",
    [
        "open-sesame",
        "[open-sesame]",
        "{basic: 'user:open-sesame'}",
        "{api_key: open-sesame}",
        "{bearer: {a: open-sesame}}",
    ],
)
def test_a_secret_one_level_too_high_is_not_repeated(tmp_path: Path, auth: str) -> None:
    """The error for a secret in the place of a mapping names the expected keys, but not the secret."""
    found = problems(tmp_path, f"endpoints: [{{name: shop, url: 'http://shop.test/', auth: {auth}}}]")
    assert "open-sesame" not in str(found)
    flags = problems(tmp_path, endpoints__shop__auth="open-sesame")
    assert "needs keys of its own (bearer, basic, api_key, oauth2), got a text" in flags["endpoints.0.auth"]
    assert "open-sesame" not in str(flags)


def test_a_key_is_sent_in_one_place(tmp_path: Path) -> None:
    """A query parameter replaces the preset's header, with its own value or the preset's."""
    text = "endpoints: [{name: s, url: 'http://s.test', preset: shopify_admin, auth: {api_key: {query: key}}}]"
    config = load(tmp_path, text, env={"SHOPIFY_ACCESS_TOKEN": "shpat_1"})
    (made,) = resolve(config, {"SHOPIFY_ACCESS_TOKEN": "shpat_1"})
    assert (made.credentials.headers, made.credentials.query) == ({}, {"key": "shpat_1"})


def test_contradictory_credentials_are_errors(tmp_path: Path) -> None:
    """A user in the URL besides a bearer token, and a query parameter that is set twice, are errors."""
    text = "endpoints: [{name: s, url: 'http://s.test?key=1', auth: {api_key: {query: key, value: abcd}}}]"
    assert "already has the parameter key" in problems(tmp_path, text)["endpoints.0.auth.api_key.query"]
    text = "endpoints: [{name: shop, url: 'http://us:passw0rd@shop.test/', auth: {bearer: token}}]"
    assert "so is the user in `url`" in problems(tmp_path, text)["endpoints.0.auth"]
    text = "endpoints: [{name: s, url: 'http://s.test', auth: {oauth2: {token_url: 'http://u:p4ss@s.test/t'}}}]"
    found = problems(tmp_path, text)
    assert "contains a user" in found["endpoints.0.auth.oauth2.token_url"]
    assert "p4ss" not in str(found)


def test_a_token_url_takes_variables_but_not_the_endpoints_user(tmp_path: Path) -> None:
    """A token URL without a host is relative to the endpoint's, but without its user and password."""
    text = "{oauth2: {token_url: '/t?tenant=${USER}', client_id: me, client_secret: '${TOKEN}', scope: 'read:${USER}'}}"
    how = resolved(tmp_path, text).credentials.oauth2
    assert how
    assert (how.token_url, how.scope) == ("http://shop.test/t?tenant=ck_user", "read:ck_user")
    assert "t0ken" not in repr(how)
    found = problems(
        tmp_path,
        "endpoints: [{name: s, url: 'http://s.test', auth: {oauth2: {token_url: '/t?a=${NOPE}', client_id: a, "
        "client_secret: b, scope: '${NOPE2}'}}}]",
    )
    assert "NOPE is not set" in found["endpoints.0.auth.oauth2.token_url"]
    assert "NOPE2 is not set" in found["endpoints.0.auth.oauth2.scope"]
