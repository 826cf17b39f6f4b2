"""Parsers at the edge: they accept whatever a server may send, and raise only the program's own errors."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Any, TypeVar

import httpx
import msgspec
import pytest
import trio
import trio.testing
from helpers.support import NO_LIMIT, NO_TLS, endpoint, reply
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.config.endpoint import Http, Retry
from pipeline.config.source import Paging, PagingStyle
from pipeline.errors import CredentialsRefusedError, FetchError, PermanentError, TransientError
from pipeline.fetch import access
from pipeline.fetch.content.envelope import Envelope
from pipeline.fetch.content.records import RecordFinder
from pipeline.fetch.content.response import FetchedPage, Response
from pipeline.fetch.fetcher import Fetcher
from pipeline.fetch.http.body import BodyCollector
from pipeline.fetch.http.client import Client
from pipeline.fetch.http.hosts import HostPolicy
from pipeline.fetch.http.server_message import server_message
from pipeline.fetch.paging.detection import detect
from pipeline.fetch.policy.backoff import parse_retry_after
from pipeline.fetch.policy.quota import seconds_until_quota, tightest_quota
from pipeline.model.pages import Page
from pipeline.normalize.normalizer import DEFAULT_READER

URL = "http://shop.test/products?page=1"

# Texts that some parser did not accept, and their like.
LINKS = (
    *("http://[bad]/", "//[", "http://℀.com/", "http://[::1", "http://shop.test:99999/", "http://shop.test:x/"),
    *("//shop.test:-1/", "http://", "http:///x", "?", "", " ", "\x00", "http://shop.test/\x00", "javascript:1"),
    *("http://user:p@ss@shop.test/", "http://shop.test/%zz?%", "http://" + "a" * 70 + ".test/", "http://a..b/"),
    *("http://xn--/", "http://\u00ad/", "?page=" + "9" * 5_000, "?page=٣", "/?page=2#[", "//]", "///["),
)
NUMBERS = (
    *("1e999", "-1e999", "NaN", "1" + "0" * 30, "1" + "0" * 5_000, "-1", "0", "1.5", "null", "true", '""', '"x"', "[]"),
    *("{}", '"٣"', '"' + "9" * 5_000 + '"', '"\\ud800"', '"\xe9"', "[" * 2_000, '"\\u0000"', "1e-999", '"-0"', "²"),
)
HEADERS = (
    *LINKS,
    *("<http://[bad]/>; rel=next", "<//[>; rel=next", "<>; rel=next", "; rel=next", ">; rel=next", "<a", "<a>; rel"),
    *("<a>; rel=next; url=//[", ",", '"', "<a>;;;=;rel=next=next", '<?page=2>; rel="next last"', "<\xe9>; rel=next"),
    *("9" * 400, "1" * 5_000, "-1", ".", "1.", "inf", "nan", "1e999", "Thu, 99 Foo 99999 99:99:99 GMT", "٣", "²"),
    *("Mon, 01 Jan 0001 00:00:00 +9999", "31 Dec 9999 23:59:59 -2359", "1 1 1 1:1:1:1", "a, b c d e f", ", ", "0/0"),
    *("40/", "/40", "²/40", '"default";r=²;t=1', "remaining=999999999999, reset=999999999999", "0" * 300),
)
as_text = st.sampled_from(LINKS) | st.text(max_size=40) | st.builds("{}{}".format, st.sampled_from(LINKS), st.text())
as_header = (
    st.sampled_from(HEADERS)
    | st.text(st.characters(max_codepoint=255), max_size=60)
    | st.from_regex(r"[\w ,:;=<>+/-]*")
)
as_json = st.sampled_from([number.encode(errors="replace") for number in NUMBERS]) | st.binary(max_size=20)
as_json |= st.sampled_from([number.encode("latin-1", errors="replace") for number in NUMBERS])
as_json |= as_text.map(msgspec.json.encode)
NEXT = ("next", "next_cursor", "links[next]", "has_more", "total", "total_pages", "page", "offset", "error", "limit")


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A body with records and signs of paging, each of which may be anything."""
    records = draw(st.sampled_from([b"[]", b'[{"id":1}]', b'[{"id":1e999},{"id":2}]', b"[1]", b"{}"]))
    signs = draw(st.dictionaries(st.sampled_from(NEXT), as_json, max_size=3))
    members = [b'"items":' + records, *(b'"' + name.encode() + b'":' + value for name, value in signs.items())]
    return draw(st.just(b"{" + b",".join(members) + b"}") | st.binary(max_size=50))


Test = TypeVar("Test", bound=Callable[..., None])


def each(values: Iterable[object], *others: object) -> Callable[[Test], Test]:
    """Examples of a test: each of the values, followed by the others."""

    def decorate(test: Test) -> Test:
        for value in values:
            test = example(value, *others)(test)
        return test

    return decorate


@given(as_text)
@each(LINKS)
def test_any_reference_is_resolved_or_refused(reference: str) -> None:
    """A link is an absolute URL of a host, or None; the policy for hosts accepts it, or raises PermanentError."""
    url = Response(200, {}, b"", URL).absolute(reference)
    for target in (reference, url or ""):
        with suppress(PermanentError):
            HostPolicy(URL, ["other.test"]).carries_credentials(target)


@given(as_header)
@each(HEADERS)
def test_any_time_to_wait_is_a_number_or_none(value: str) -> None:
    """`Retry-After` is a number of seconds, or None; endless digits are a wait without end."""
    wait = parse_retry_after(value, datetime.now(UTC))
    assert wait is None or wait >= 0


QUOTAS = (
    *("ratelimit", "ratelimit-remaining", "ratelimit-reset", "x-ratelimit-remaining", "x-ratelimit-reset"),
    *("x-rate-limit-requests-left", "x-rate-limit-time-reset-ms", "ratelimit-retry-after"),
    "x-shopify-shop-api-call-limit",
)


@given(st.dictionaries(st.sampled_from(QUOTAS), as_header | st.sampled_from(["0", "1", "9" * 15])))
def test_any_quota_is_read_or_ignored(headers: dict[str, str]) -> None:
    """A quota is finite, or None."""
    quota = tightest_quota(headers, time.time())
    assert quota is None or 0 <= quota.seconds < float("inf")
    seconds_until_quota(headers, time.time())


@given(st.binary() | bodies() | as_json, as_header | st.sampled_from(["gzip", "deflate", "identity"]))
def test_any_error_text_is_quoted_or_ignored(body: bytes, encoding: str) -> None:
    """The message of an error is a printable text, or None."""
    message = server_message(body, encoding)
    assert message is None or message.isprintable()


@given(st.lists(st.binary(max_size=30), max_size=4), as_header | st.sampled_from(["gzip", "deflate", "identity"]))
def test_any_encoding_is_decoded_or_refused(chunks: list[bytes], encoding: str) -> None:
    """A body is decompressed, or the page fails."""
    with suppress(PermanentError, TransientError):
        collector = BodyCollector(encoding, 1_000)
        for chunk in chunks:
            collector.feed(chunk)
        collector.finish()


@given(bodies(), st.sampled_from([None, "items", "a.b"]))
@each([b'{"items": [], "error": %s}' % number.encode("latin-1", errors="replace") for number in NUMBERS], None)
@each([b'{"items": %s, "total": 1}' % number.encode("latin-1", errors="replace") for number in NUMBERS], None)
def test_any_body_has_records_or_fails(body: bytes, path: str | None) -> None:
    """Records are found, or the page fails."""
    with suppress(PermanentError):
        RecordFinder(path).find(body)


@pytest.mark.parametrize("error", [b'"caf\xe9"', b"1e999", b'"\\ud800"'])
def test_an_error_that_cannot_be_decoded_is_an_error(error: bytes) -> None:
    """An empty list beside an error is no end of the pages, even if the error's text cannot be decoded."""
    with pytest.raises(PermanentError, match=r"reports an error in 'error'|malformed JSON"):
        RecordFinder().find(b'{"items": [], "error": ' + error + b"}")


@given(bodies(), st.sampled_from([*NEXT, "a.b", "header:link"]))
def test_any_member_is_read_or_missing(body: bytes, path: str) -> None:
    """Looking up a member never fails."""
    Envelope(body).value(path)


@given(bodies(), as_header)
def test_any_first_page_reveals_its_paging_or_not(body: bytes, link: str) -> None:
    """The detection of the paging never fails."""
    response = Response(200, {"x-total-count": link}, body, URL, next_link=link)
    for records in ([], [msgspec.Raw(b'{"id":1}')]):
        detect(FetchedPage(records, response, records_path="items"))


@given(st.binary() | st.builds(b'{"access_token":"t","expires_in":%s}'.__mod__, as_json))
def test_any_token_response_is_a_token_or_a_refusal(body: bytes) -> None:
    """A token has a lifetime that is a number, or access is refused."""
    with suppress(CredentialsRefusedError):
        assert access._life(access._read(body)) >= 0


class Hostile(httpx.AsyncBaseTransport):
    """A server that gives the same answer to everything, or another one from the second request on."""

    def __init__(self, *answers: Any) -> None:
        self._answers = answers
        self._requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await trio.sleep(1)
        self._requests += 1
        status, headers, body = self._answers[min(self._requests, len(self._answers)) - 1]
        answer = reply(status, body)
        answer.headers = httpx.Headers([*answer.headers.raw, *headers])
        return answer


HEADER_NAMES = (b"Link", b"Location", b"Retry-After", b"X-Total-Count", b"Content-Encoding", b"RateLimit")
answers = st.tuples(
    st.sampled_from([200, 200, 200, 204, 301, 400, 404, 429, 503, 999]),
    st.lists(
        st.tuples(
            st.sampled_from(HEADER_NAMES),
            as_header.map(lambda text: text.encode(errors="replace")),
        ),
        max_size=2,
    ),
    bodies(),
)


@given(st.lists(answers, min_size=1, max_size=3), st.sampled_from(PagingStyle))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_a_walk_past_any_responses_ends(several: list[Any], style: PagingStyle) -> None:
    """A fetcher ends its walk on its own, or at the deadline, without an exception."""
    walk_past(several, style)


@pytest.mark.parametrize("style", PagingStyle)
def test_a_walk_past_any_link_ends(style: PagingStyle) -> None:
    """No link, cursor or total of the corpus stops a fetcher, in the body or in a header, in no style."""
    for link in HEADERS:
        header = link.encode(errors="replace")
        walk_past(
            [(200, [(b"Link", b"<" + header + b">; rel=next"), (b"X-Total-Count", header)], b'[{"id":1}]')], style
        )
        walk_past([(301, [(b"Location", header)], b""), (503, [(b"Retry-After", header)], b"")], style)
    for value in [*map(msgspec.json.encode, LINKS), *(text.encode("latin-1", errors="replace") for text in NUMBERS)]:
        for name in NEXT:
            walk_past([(200, [], b'{"items":[{"id":1}],"%s":%s}' % (name.encode(), value))], style)


def walk_past(several: Sequence[Any], style: PagingStyle) -> None:
    async def walk() -> None:
        changed = endpoint(
            url=URL, rate_limit=NO_LIMIT, retry=Retry(max_retries=1, jitter=0), paging=Paging(style=style)
        )
        client = Client(URL, Http(), ssl_context=NO_TLS, transport=Hostile(*several))
        fetcher = Fetcher(changed, client, rng=Random(1), identify=DEFAULT_READER.identify)
        send, receive = trio.open_memory_channel[Page](1_000)
        with receive, trio.move_on_after(100):
            await fetcher.run(send)
        fetcher.interrupt("deadline", "time is over")
        assert fetcher.result().ended

    trio.run(walk, clock=trio.testing.MockClock(autojump_threshold=0))


@given(as_text, st.booleans())
@each(LINKS, True)
@each(LINKS, False)
def test_any_url_is_requested_or_refused(url: str, signed: bool) -> None:
    """A request for any URL raises only the program's own errors, also with credentials in query and signature."""

    async def request() -> None:
        client = Client(
            URL,
            Http(),
            query={"key": "secret"} if signed else {},
            sign=(lambda url: {"X-Sign": url[:3]}) if signed else None,
            ssl_context=NO_TLS,
            transport=Hostile((200, [], b"[]")),
        )
        with suppress(FetchError):
            await client.fetch(url)
        with suppress(FetchError):
            await client.fetch(f"http://shop.test/{url}")

    trio.run(request, clock=trio.testing.MockClock(autojump_threshold=0))
