"""Redirects are followed at the endpoint's origin. Other hosts must be allowed, and never get credentials."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest
import trio
from helpers.support import walk_over_sockets
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PermanentError
from pipeline.fetch.http.hosts import HostPolicy
from pipeline.fetch.polite_client import MAX_REDIRECTS
from pipeline.redaction import Secrets

HOME = "https://shop.test/products?lang=en"


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.test/new",
        "https://SHOP.test:443/",
        "https://shop.test/?key=s3cret",
        "https://shop.test?page=2",
        "https://shop.test/@evil.test/",
        "https://shop.test//evil.test/",
    ],
)
def test_home_gets_the_credentials(url: str) -> None:
    """Any URL with the endpoint's own host and port may be requested with credentials."""
    assert HostPolicy(HOME, secrets=Secrets({"s3cret": "*"})).carries_credentials(url)


def test_a_name_beyond_ascii_is_one_and_the_same_host_in_both_spellings() -> None:
    """Both spellings of an internationalized host name (RFC 5891) are the same host."""
    assert HostPolicy("https://bücher.test/").carries_credentials("https://xn--bcher-kva.test/")
    assert HostPolicy("https://xn--bcher-kva.test/").carries_credentials("https://BÜCHER.test/")


def test_a_move_to_https_is_a_move_at_home() -> None:
    """A redirect from http to https on the default ports is at home, but not one from another port."""
    assert HostPolicy("http://shop.test/").carries_credentials("https://shop.test/")
    with pytest.raises(PermanentError):
        HostPolicy("http://shop.test:8000/").carries_credentials("https://shop.test/")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://evil.test/", "allow_hosts"),
        ("https://shop.test.evil.test/", "allow_hosts"),
        ("https://shop.test\\@evil.test/", "allow_hosts"),
        ("https://shop.test@evil.test/", "evil.test:443"),
        ("https://shop.test:8443/", "allow_hosts"),
        ("http://shop.test/", "http://shop.test:80"),
        ("ftp://shop.test/", "expected http"),
        ("file:///etc/passwd", "expected http"),
        ("//", "expected http"),
        ("https://[::1/", "invalid URL"),
        ("https://shop.test:99999/", "invalid URL"),
    ],
)
def test_elsewhere_is_refused(url: str, reason: str) -> None:
    """Another host, another port, a weaker or an unsupported scheme is refused, with the reason."""
    with pytest.raises(PermanentError, match=reason):
        HostPolicy(HOME).carries_credentials(url)


def test_an_allowed_host_gets_no_credentials() -> None:
    """An allowed host gets no credentials, including those that the API put into the URL."""
    policy = HostPolicy(HOME, ["CDN.test", "other.test:8443"], Secrets({"s3cret": "*"}))
    assert not policy.carries_credentials("https://cdn.test/1")
    assert not policy.carries_credentials("http://cdn.test:8080/1")
    assert not policy.carries_credentials("https://other.test:8443/")
    assert not HostPolicy(HOME, ["[::1]:8443", "BÜCHER.test"]).carries_credentials("https://[::1]:8443/")
    assert not HostPolicy(HOME, ["[::1]:8443", "BÜCHER.test"]).carries_credentials("https://xn--bcher-kva.test/")
    with pytest.raises(PermanentError, match="allow_hosts"):
        policy.carries_credentials("https://other.test/")
    with pytest.raises(PermanentError, match="credential in the URL"):
        policy.carries_credentials("https://cdn.test/?key=s3cret")


@given(st.text())
def test_no_url_is_too_strange(url: str) -> None:
    """Any text as a URL is either at home or refused."""
    with suppress(PermanentError):
        assert HostPolicy(HOME).carries_credentials(url)


class Host:
    """A server that answers by path and records the head of each request."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.url = ""
        self.answer: Callable[[str], tuple[str, str]] = lambda target: ("204 No Content", "")

    async def handle(self, stream: trio.SocketStream) -> None:
        async with stream:
            head = (await stream.receive_some()).decode()
            self.heads.append(head)
            status, rest = self.answer(head.split()[1])
            location, body = (f"Location: {rest}\r\n", "") if status.startswith("30") else ("", rest)
            reply = f"HTTP/1.1 {status}\r\n{location}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
            await stream.send_all(reply.encode())


@asynccontextmanager
async def hosts() -> AsyncIterator[tuple[Host, Host]]:
    async with trio.open_nursery() as nursery:
        both = Host(), Host()
        for host in both:
            (listener,) = await nursery.start(partial(trio.serve_tcp, host.handle, 0, host="127.0.0.1"))
            host.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        yield both
        nursery.cancel_scope.cancel()


CREDENTIALS = {"Authorization": "Bearer tok-0815"}


def page_one(body: str) -> Callable[[str], tuple[str, str]]:
    return lambda target: ("200 OK", body) if "page=1" in target else ("204 No Content", "")


async def test_a_redirect_at_home_is_followed_with_credentials() -> None:
    """The page is fetched from its new URL, with credentials; each request is counted."""
    async with hosts() as (home, _):
        moved = page_one('[{"id": 1}]')
        home.answer = lambda target: moved(target) if target[:4] == "/new" else ("301 Moved", f"/new{target[4:]}")
        account, pages = await walk_over_sockets(f"{home.url}/old?lang=en", headers=CREDENTIALS)
    assert [page.number for page in pages] == [1]
    assert (account.status, account.requests) == ("complete", 4)
    assert all("Bearer tok-0815" in head for head in home.heads)
    assert [head.split()[1] for head in home.heads[:2]] == ["/old?lang=en&page=1", "/new?lang=en&page=1"]


async def test_user_and_password_go_to_the_endpoint_alone() -> None:
    """User and password in the URL are sent to the endpoint, also after a redirect, and to no other host."""
    async with hosts() as (home, other):
        port = other.url.rpartition(":")[2]
        other.answer = page_one('[{"id": 1}]')
        home.answer = lambda target: (
            ("302 Found", f"http://eve:evil@localhost:{port}{target[2:]}")
            if target[:2] == "/b"
            else ("302 Found", f"/b{target[2:]}")
        )
        url = home.url.replace("//", "//bob:hunter22@") + "/a/p"
        account, _ = await walk_over_sockets(url, allow_hosts=("localhost",))
    assert account.status == "complete"
    assert all("Authorization: Basic Ym9iOmh1bnRlcjIy" in head for head in home.heads)
    assert len(other.heads) == 2
    assert not any("uthorization" in head for head in other.heads)


async def test_another_host_is_refused_and_told() -> None:
    """Without permission nothing is sent to another host. The page is missing, and the error contains a remedy."""
    async with hosts() as (home, other):
        home.answer = lambda target: ("307 Temporary Redirect", f"{other.url}{target}")
        account, pages = await walk_over_sockets(f"{home.url}/p", headers=CREDENTIALS)
    assert (pages, other.heads, account.status) == ([], [], "failed")
    assert "add the host to `allow_hosts`" in account.failures[0].error


async def test_another_host_that_is_allowed_gets_no_credentials() -> None:
    """An allowed host is requested without the endpoint's credentials."""
    async with hosts() as (home, other):
        home.answer = lambda target: ("308 Permanent Redirect", f"{other.url}{target}")
        other.answer = page_one('[{"id": 1}]')
        allowed = (other.url.removeprefix("http://"),)
        account, pages = await walk_over_sockets(f"{home.url}/p", headers=CREDENTIALS, allow_hosts=allowed)
    assert (len(pages), account.status) == (1, "complete")
    assert all("tok-0815" in head for head in home.heads)
    assert other.heads
    assert not any("tok-0815" in head for head in other.heads)


@pytest.mark.parametrize(
    "location", ["https://xn--a/", "//xn--a.b/", "http://[::g]/", "http://" + "a" * 70_000, "\x07"]
)
async def test_a_redirect_to_nowhere_costs_its_page_alone(location: str) -> None:
    """An invalid Location makes its page missing, without a retry and without a crash."""
    async with hosts() as (home, _):
        healthy = page_one('[{"id": 1}]')
        home.answer = lambda target: ("302 Found", location) if "page=2" in target else healthy(target)
        account, pages = await walk_over_sockets(f"{home.url}/p")
    assert [page.number for page in pages] == [1]
    assert (account.status, account.pages_missing) == ("partial", (2,))
    assert len(account.failures) == 2


async def test_cookies_are_not_sent_to_other_hosts() -> None:
    """A cookie that the endpoint sets is never sent, not even to another port of its host."""
    async with hosts() as (home, other):
        home.answer = lambda target: ("302 Found", f"{other.url}{target}\r\nSet-Cookie: sid=s3ssion")
        other.answer = page_one('[{"id": 1}]')
        await walk_over_sockets(f"{home.url}/p", allow_hosts=("127.0.0.1",))
    assert other.heads
    assert not any("s3ssion" in head for head in other.heads)


async def test_redirects_in_a_circle_end() -> None:
    """A page that redirects without end is given up after a fixed number of redirects."""
    async with hosts() as (home, _):
        home.answer = lambda target: ("302 Found", f"{target}&again")
        account, _ = await walk_over_sockets(f"{home.url}/p")
    assert account.status == "failed"
    assert account.failures[0].error == f"redirected more than {MAX_REDIRECTS} times; check `url`"
    assert account.requests == 3 * (MAX_REDIRECTS + 1)
