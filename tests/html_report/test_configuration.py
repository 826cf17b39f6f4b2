"""The configuration as the report shows it: readable and without secrets."""

from pathlib import Path

import pytest
import yaml
from helpers.configs import load

from pipeline.config.resolve import resolve
from pipeline.html_report.configuration import MOST_ENDPOINTS, shown_configuration
from pipeline.redaction import shown_definition, shown_value

SECRETS = """
ping: https://monitor.test/Check-Uuid-12
endpoints:
  - name: plain
    url: http://paula:Pass-Word-1@shop.test/p?api_key=Key-In-Query-2&lang=en&token=${SHOP_TOKEN}
    headers: {Authorization: Bearer In-Header-3, X-Shop: "7", Cookie: s=Cookie-4, X-Token: "Token ${SHOP_TOKEN}-Part-5"}
  - name: bearer
    url: http://shop.test/p
    auth: {bearer: Bearer-6}
  - name: basic
    url: http://shop.test/p
    auth: {basic: {username: ursula, password: pw7}}
  - name: key
    url: http://shop.test/p?echo=Api-Key-8
    auth: {api_key: {value: Api-Key-8, query: k}}
  - name: oauth
    url: http://shop.test/p
    auth: {oauth2: {token_url: "/token?secret=Query-9", client_id: me, client_secret: Client-Secret-10}}
  - name: referring
    url: http://shop.test/p
    auth: {bearer: "${SHOP_TOKEN}"}
"""
ENVIRONMENT = {"SHOP_TOKEN": "From-Environment-11"}
PLANTED = (
    "Pass-Word-1", "Key-In-Query-2", "In-Header-3", "Cookie-4", "Part-5", "Bearer-6", "pw7", "Api-Key-8", "Query-9",
    "Client-Secret-10", "From-Environment-11", "Check-Uuid-12",
)  # fmt: skip


def shown(tmp_path: Path, text: str, env: dict[str, str] | None = None) -> str:
    config = load(tmp_path, text, env=env or {})
    return shown_configuration(config, {end.name: end.secrets for end in resolve(config, env or {})})


def test_no_secret_is_shown(tmp_path: Path) -> None:
    """Secrets are masked in URLs, queries, headers and all kinds of authentication, and wherever they are repeated."""
    text = shown(tmp_path, SECRETS, ENVIRONMENT)
    assert [secret for secret in PLANTED if secret in text] == []


def test_what_is_no_secret_is_shown(tmp_path: Path) -> None:
    """References to secrets and all other values are shown as written."""
    endpoints = {end["name"]: end for end in yaml.safe_load(shown(tmp_path, SECRETS, ENVIRONMENT))["endpoints"]}
    assert endpoints["plain"]["url"] == "http://***@shop.test/p?api_key=***&lang=en&token=${SHOP_TOKEN}"
    assert endpoints["plain"]["headers"]["X-Shop"] == "7"
    assert endpoints["basic"]["auth"] == {"basic": {"username": "ursula", "password": "***"}}
    assert endpoints["referring"]["auth"] == {"bearer": "${SHOP_TOKEN}"}


def test_it_is_what_held_for_the_run(tmp_path: Path) -> None:
    """Common settings are shown with their defaults, and endpoints with their differences."""
    raw = yaml.safe_load(
        shown(tmp_path, "rate_limit: {rps: 9}\nendpoints: [{name: a, url: 'http://a.test', rate_limit: {rps: 5}}]")
    )
    assert (raw["timeout"], raw["rate_limit"]["rps"], raw["retry"]["max_retries"]) == (60, 9, 3)
    assert raw["endpoints"] == [
        {"name": "a", "url": "http://a.test", "rate_limit": {"rps": 5, "burst": 5, "concurrency": 8, "group": None}}
    ]


def test_of_many_endpoints_it_shows_some_and_counts_the_rest(tmp_path: Path) -> None:
    """The number of endpoints that are left out is shown."""
    names = ", ".join(f"{{name: a{i}, url: 'http://a.test/{i}'}}" for i in range(MOST_ENDPOINTS + 7))
    text = shown(tmp_path, f"endpoints: [{names}]")
    assert len(yaml.safe_load(text)["endpoints"]) == MOST_ENDPOINTS
    assert text.endswith("# and 7 more endpoints\n")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.test/p", "http://a.test/p"),
        ("http://a.test/p?page=2", "http://a.test/p?page=2"),
        ("http://a.test?token", "http://a.test?token"),
        ("http://u:p@ss@a.test/p@q", "http://***@a.test/p@q"),
        ("/token?secret=x", "/token?secret=***"),
    ],
)
def test_a_url_is_shown_but_for_what_is_private(url: str, expected: str) -> None:
    """Only the user information and secret parameters of a URL are masked."""
    assert shown_definition(url) == expected


def test_a_value_beside_a_reference_is_no_reference() -> None:
    """Under a secret name, only a whole reference is shown, optionally after a scheme."""
    assert shown_value("Authorization", "Bearer ${TOKEN}") == "Bearer ${TOKEN}"
    assert shown_value("Authorization", "${TOKEN}abc") == "***"
    assert shown_value("X-Shop", "abc") == "abc"
