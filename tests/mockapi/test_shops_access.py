"""Credentials and quotas of the shops."""

import time
from collections.abc import Callable

import httpx
import pytest
import trio
from helpers.mock_shops import BEARER, CREDENTIALS, new_token, shop

from mockapi.credentials import CLIENT_ID, CLIENT_SECRET, TOKEN
from mockapi.quota import Quota
from mockapi.shops import SHOPS

TOKEN_URL = "/identity/v1/oauth2/token"
GRANT = {"grant_type": "client_credentials"}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("shopify_admin", "errors"),
        ("woocommerce_v3", "code"),
        ("magento2", "message"),
        ("bigcommerce", "title"),
        ("ebay_browse", "errors"),
        ("stripe_prices", "error"),
    ],
)
async def test_without_credentials_comes_the_apis_own_401(name: str, key: str) -> None:
    """Missing and wrong credentials get 401, and the requests are in the statistics."""
    async with shop(name) as client:
        client.headers.clear()
        wrong = {header: value + "x" for header, value in CREDENTIALS.get(name, BEARER).items()}
        answers = [await client.get(SHOPS[name].path, headers=headers) for headers in ({}, wrong)]
        statuses = (await client.get("/stats")).json()["statuses"]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert all(key in answer.json() for answer in answers)
    assert statuses == {"401": 2}


async def test_stripes_key_may_be_the_basic_user() -> None:
    """Stripe accepts its key as Basic user without a password, and refuses other users."""
    async with shop("stripe_prices") as client:
        del client.headers["Authorization"]
        answers = [await client.get("/v1/prices", auth=(user, "")) for user in (TOKEN, "other")]
    assert [answer.status_code for answer in answers] == [200, 401]


async def test_a_client_gets_access_tokens_for_its_credentials() -> None:
    """Credentials may be in the header or in the form; a wrong client gets 401."""
    async with shop("ebay_browse") as client:
        in_form = {**GRANT, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        answers = [
            await client.post(TOKEN_URL, data=GRANT, auth=(CLIENT_ID, CLIENT_SECRET)),
            await client.post(TOKEN_URL, data=in_form),
            await client.post(TOKEN_URL, data=GRANT, auth=(CLIENT_ID, "wrong")),
            await client.post(TOKEN_URL, data=GRANT),
        ]
        requests = (await client.get("/stats")).json()["requests"]
    assert [answer.status_code for answer in answers] == [200, 200, 401, 401]
    assert answers[0].json().keys() == {"access_token", "expires_in", "token_type"}
    assert answers[0].json()["access_token"] != answers[1].json()["access_token"]
    assert answers[2].json() == {"error": "invalid_client"}
    assert requests == 0, "requests for tokens are not requests for products"


@pytest.mark.parametrize(
    ("form", "error"), [({}, "invalid_request"), ({"grant_type": "password"}, "unsupported_grant_type")]
)
async def test_a_grant_of_another_type_is_refused(form: dict[str, str], error: str) -> None:
    """Grant types other than client credentials are refused."""
    async with shop("ebay_browse") as client:
        answer = await client.post(TOKEN_URL, data=form, auth=(CLIENT_ID, CLIENT_SECRET))
    assert (answer.status_code, answer.json()) == (400, {"error": error})


@pytest.mark.parametrize(("settings", "good_for"), [({}, 5), ({"token_requests": 2}, 2)])
async def test_access_tokens_do_not_last(settings: dict[str, int], good_for: int) -> None:
    """A token is refused after its number of requests, and a new one is accepted."""
    async with shop("ebay_browse", **settings) as client:
        path, token = SHOPS["ebay_browse"].path, await new_token(client)
        answers = [await client.get(path, headers=token) for _ in range(good_for + 1)]
        renewed = await client.get(path, headers=await new_token(client))
    assert [answer.status_code for answer in answers] == [200] * good_for + [401]
    assert answers[-1].json()["errors"][0]["errorId"] == 1001
    assert renewed.status_code == 200


async def use_up(client: httpx.AsyncClient, path: str) -> tuple[httpx.Response, httpx.Response]:
    """Return the first answer and the first 429."""
    first = await client.get(path)
    for _ in range(200):
        answer = await client.get(path)
        if answer.status_code == 429:
            return first, answer
    raise AssertionError("nothing was refused")


def is_soon(moment: str, seconds: int) -> bool:
    """True if a Unix time is within ``seconds``, plus one for rounding."""
    return 0 < int(moment) - time.time() <= seconds + 1


async def test_shopify_tells_how_full_its_bucket_is() -> None:
    """The header counts 40 calls; one beyond them gets Retry-After 2.0."""
    async with shop("shopify_admin") as client:
        first, last = await use_up(client, SHOPS["shopify_admin"].path)
    assert first.headers["X-Shopify-Shop-Api-Call-Limit"] == "1/40"
    assert last.headers["X-Shopify-Shop-Api-Call-Limit"] == "40/40"
    assert last.headers["Retry-After"] == "2.0"
    assert "errors" in last.json()


async def test_the_store_api_resets_at_a_unix_time() -> None:
    """The quota of 25 requests per 10 seconds is reported in RateLimit-* headers, with a Unix time as reset."""
    async with shop("woocommerce_store") as client:
        first, last = await use_up(client, SHOPS["woocommerce_store"].path)
    assert (first.headers["RateLimit-Limit"], first.headers["RateLimit-Remaining"]) == ("25", "24")
    assert last.headers["RateLimit-Remaining"] == "0"
    assert is_soon(last.headers["RateLimit-Reset"], 10)
    assert 1 <= int(last.headers["RateLimit-Retry-After"]) <= 10
    assert "RateLimit-Retry-After" not in first.headers
    assert "Retry-After" not in last.headers


async def test_bigcommerce_counts_milliseconds() -> None:
    """The quota of 150 requests per 30 seconds is reported in milliseconds, on a 429 with the time of the reset."""
    async with shop("bigcommerce", per_page=1) as client:
        first, last = await use_up(client, SHOPS["bigcommerce"].path)
    assert first.headers["X-Rate-Limit-Requests-Left"] == "149"
    assert first.headers["X-Rate-Limit-Requests-Quota"] == "150"
    assert first.headers["X-Rate-Limit-Time-Window-Ms"] == "30000"
    assert last.headers["X-Rate-Limit-Requests-Left"] == "0"
    assert 0 < int(last.headers["X-Rate-Limit-Time-Reset-Ms"]) <= 30_000


async def test_dummyjson_has_the_usual_three_headers() -> None:
    """The quota of 100 requests per 10 seconds is in X-RateLimit-*, and a 429 has a message."""
    async with shop("dummyjson", per_page=1) as client:
        first, last = await use_up(client, "/products")
    assert (first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Remaining"]) == ("100", "99")
    assert is_soon(last.headers["X-RateLimit-Reset"], 10)
    assert "message" in last.json()


async def test_the_drafts_fields_say_what_is_left_of_which_policy() -> None:
    """The quota of 5 requests per second is reported and is full again after a second."""
    async with shop("cursors") as client:
        first, last = await use_up(client, "/items")
        await trio.sleep(1)
        again = await client.get("/items")
    assert first.headers["RateLimit"] == '"default";r=4;t=1'
    assert first.headers["RateLimit-Policy"] == '"default";q=5;w=1'
    assert last.headers["RateLimit"] == '"default";r=0;t=1'
    assert (again.status_code, again.headers["RateLimit"]) == (200, '"default";r=4;t=1')


@pytest.mark.parametrize(
    ("name", "tells"),
    [
        ("stripe_prices", lambda body: body["error"]["code"] == "rate_limit"),
        ("ebay_browse", lambda body: body["errors"][0]["errorId"] == 2001),
    ],
)
async def test_some_say_too_many_in_the_body_alone(name: str, tells: Callable[[object], bool]) -> None:
    """Stripe and eBay report the limit by an error code in the body."""
    async with shop(name, rate_limit=1.0, burst=2) as client:
        _, last = await use_up(client, SHOPS[name].path)
    assert tells(last.json())
    assert "Retry-After" not in last.headers


@pytest.mark.parametrize("name", ["shopify_storefront", "woocommerce_v3", "magento2", "platzi", "pages_from_zero"])
async def test_what_has_no_quota_is_limited_as_it_is_told(name: str) -> None:
    """A configured rate limit is enforced with 429 and Retry-After."""
    async with shop(name, rate_limit=1.0, burst=2) as client:
        answers = [await client.get(SHOPS[name].path) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < float(answers[-1].headers["Retry-After"]) <= 1


async def test_a_rate_limit_takes_the_place_of_the_apis_own() -> None:
    """The headers report the enforced limit: its burst, per the time in which it refills."""
    async with shop("bigcommerce", rate_limit=2.0, burst=3) as client:
        answers = [await client.get(SHOPS["bigcommerce"].path) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["X-Rate-Limit-Requests-Quota"] == "3"
    assert answers[0].headers["X-Rate-Limit-Time-Window-Ms"] == "1500"


def test_a_window_opens_with_its_first_request() -> None:
    """A window allows its number of requests, refusals do not count, and the next window is full."""
    limit = Quota(2, 10.0).limit(rate=0, burst=5)
    standings = [limit.ask(now) for now in (3.0, 4.0, 5.0, 12.9, 13.0)]
    assert [one.left for one in standings] == [1, 0, 0, 0, 1]
    assert [one.wait for one in standings] == [None, None, 8.0, pytest.approx(0.1), None]


def test_a_bucket_leaks_evenly() -> None:
    """A request is allowed as soon as one has leaked."""
    limit = Quota(4, 2.0, "bucket").limit(rate=0, burst=5)
    assert [limit.ask(now).wait for now in (1.0, 1.0, 1.0, 1.0, 1.0, 1.5, 1.5)] == [None] * 4 + [0.5, None, 0.5]
    assert limit.ask(9.0).left == 3
