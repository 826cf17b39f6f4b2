"""The proxy for a URL is selected from the environment."""

import pytest

from pipeline.fetch.http.proxies import Proxies

NAMED = {"http": "http://one.test:1", "https": "two.test:2", "all": "socks5://three.test:3", "no": "shop.test"}


@pytest.mark.parametrize(
    ("named", "url", "proxy"),
    [
        (("http", "https", "all"), "http://api.test/p?page=1", "http://one.test:1"),
        (("http", "https", "all"), "https://api.test:8443/p", "http://two.test:2"),
        (("all",), "http://api.test/", "socks5://three.test:3"),
        (("https",), "http://api.test/", None),
        ((), "http://api.test/", None),
    ],
)
def test_a_scheme_has_its_proxy_or_that_of_all(named: tuple[str, ...], url: str, proxy: str | None) -> None:
    """The variable for the URL's scheme has precedence; a proxy address without a scheme is an HTTP proxy."""
    assert Proxies({scheme: NAMED[scheme] for scheme in named}).of(url) == proxy


@pytest.mark.parametrize(
    ("no_proxy", "passed_over"),
    [
        ("shop.test", {"shop.test", "cdn.shop.test"}),
        (".shop.test, other.test", {"shop.test", "cdn.shop.test", "other.test"}),
        ("*", {"shop.test", "cdn.shop.test", "other.test"}),
        ("shop.test:80", {"shop.test", "cdn.shop.test"}),
        ("shop.test:81", set()),
        ("", set()),
    ],
)
def test_hosts_can_be_excepted(no_proxy: str, passed_over: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts in NO_PROXY and their subdomains are requested directly."""
    monkeypatch.setenv("no_proxy", no_proxy)
    monkeypatch.setenv("http_proxy", "http://one.test:1")
    hosts = {"shop.test", "cdn.shop.test", "other.test"}
    assert {host for host in hosts if Proxies().of(f"http://{host}:80/") is None} == passed_over


def test_each_proxy_is_listed_once() -> None:
    """A proxy that two variables name is listed once."""
    assert Proxies({"http": "http://one.test:1", "https": "one.test:1"}).urls() == {"http://one.test:1"}
