"""Credentials: expanded from the environment, and hidden in all output."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from pipeline.config.endpoint import Endpoint
from pipeline.config.expansion import Expansion, expand_query, has_reference
from pipeline.config.load import load_config
from pipeline.config.resolve import resolve
from pipeline.config.settings import Config
from pipeline.errors import ConfigError
from pipeline.redaction import shown_url

SECRET = 's3cr3t/&"tökén'
ENVIRON = {"TOKEN": "abc-123", "EMPTY": "", "LINES": "a\nb", "ODD": SECRET}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Bearer ${TOKEN}", "Bearer abc-123"),
        ("${TOKEN}${TOKEN}", "abc-123abc-123"),
        ("$${TOKEN} costs $5", "${TOKEN} costs $5"),
        ("plain", "plain"),
    ],
)
def test_references_are_replaced(text: str, value: str) -> None:
    """``${NAME}`` is a variable, ``$${`` the text ``${``, and a single dollar stays a dollar."""
    expansion = Expansion(ENVIRON)
    assert expansion.expand(text, secret=False) == value
    assert expansion.take_problems() == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${MISSING}", "MISSING is not set"),
        ("${EMPTY}", "EMPTY is empty"),
        ("${LINES}", "LINES contains a line break"),
        ("${not a name}", "unterminated or unnamed"),
        ("${TOKEN", "unterminated or unnamed"),
    ],
)
def test_what_cannot_be_replaced_is_told(text: str, problem: str) -> None:
    """A variable that is missing, empty or not printable is named, but its value is not repeated."""
    expansion = Expansion(ENVIRON)
    expansion.expand(text, secret=True)
    (told,) = expansion.take_problems()
    assert problem in told
    assert expansion.take_problems() == []


def test_query_values_are_percent_encoded() -> None:
    """The values of variables are percent-encoded in a query; the rest of the URL is unchanged."""
    url = expand_query("https://shop.test/p?lang=d%C3%A9&key=x-${ODD}&flag#part", Expansion(ENVIRON))
    assert url == "https://shop.test/p?lang=d%C3%A9&key=x-s3cr3t%2F%26%22t%C3%B6k%C3%A9n&flag#part"


def test_has_reference_knows_the_escape() -> None:
    """An escaped ``${`` is not a reference."""
    assert has_reference("a${B}")
    assert not has_reference("a$${B} $5")


def test_values_under_telling_names_are_secret_as_they_stand() -> None:
    """A plain value is hidden if the name of its header or parameter indicates a secret, and shown otherwise."""
    endpoint = Endpoint(
        name="shop",
        url="https://bob:hunter22@shop.test/p?api_key=k-4711&lang=german",
        headers={"Authorization": "Bearer tok-0815", "Accept-Language": "german"},
    )
    (resolved,) = resolve(Config(endpoints=(endpoint,)), {})
    shown = resolved.secrets.redact("Bearer tok-0815, tok-0815, k-4711, hunter22, Ym9iOmh1bnRlcjIy, german")
    assert shown == "***, ***, ***, ***, ***, german"
    assert "hunter22" not in repr(resolved)


def test_urls_are_shown_without_what_is_private() -> None:
    """A URL in a message has no user, password or query."""
    assert shown_url("https://bob:pw@shop.test/p?key=1") == "https://***@shop.test/p?…"
    assert shown_url("https://shop.test/p@q") == "https://shop.test/p@q"
    for password in ("s3cr/et", "s3#cr/et", "s3?cret", "s@cret"):
        assert shown_url(f"https://me:{password}@shop.test/p") == "https://***@shop.test/p"


CONFIG = """
endpoints:
  - name: a
    url: "https://shop.test/p?key=${A_KEY}"
    headers: {Authorization: "Bearer ${A_TOKEN}", "bad name": x, Host: shop.test, X-Blank: "${BLANK}", X-Umlaut: ä}
    allow_hosts: ["https://cdn.test", "cdn.test:8443", "[::1]:80"]
  - name: b
    url: "https://${HOST}/p?${NAME}=1"
  - {name: c, url: "https://shop.test/p", headers: [tok-0815]}
  - {name: d, url: ["https://shop.test/tok-0815"]}
  - "https://me:tok-0815@shop.test/"
  - {name: f, url: "https://shop.test/p", headers: {X-Shop: 7, Authorization: tok-0815}}
  - {name: g, url: "https://me:tok-0815/x@shop.test/"}
"""


def test_mistakes_are_told_with_their_place_and_without_values(tmp_path: Path) -> None:
    """Problems with headers, hosts and URLs are reported with their paths and without their values."""
    (tmp_path / "c.yaml").write_text(CONFIG, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "c.yaml", environ={"BLANK": "hunter22 "})
    told = {problem.path: problem.text for problem in caught.value.problems}
    assert "not a valid header name" in told.pop("endpoints.0.headers.bad name")
    assert "managed by the HTTP client" in told.pop("endpoints.0.headers.Host")
    assert "printable ASCII" in told.pop("endpoints.0.headers.X-Umlaut")
    assert "not a valid host" in told.pop("endpoints.0.allow_hosts")
    assert "outside its query values" in told.pop("endpoints.1.url")
    assert "Expected `object`, got list" in told.pop("endpoints.2.headers")
    assert told.pop("endpoints.3.url") == "Expected `str`, got list"
    assert told.pop("endpoints.4") == "needs `name` and `url`, got a text"
    assert told.pop("endpoints.5.headers.X-Shop") == "Expected `str`, got int; put it in quotes"
    assert "host or port is wrong" in told.pop("endpoints.6.url")
    assert told == {}
    assert "tok-0815" not in str(caught.value)


def test_missing_variables_are_told_with_their_place(tmp_path: Path) -> None:
    """Missing variables in headers and URLs are reported together with all other problems."""
    endpoint = {
        "name": "a",
        "url": "https://shop.test/p?key=${A_KEY}",
        "headers": {"Authorization": "Bearer ${A_TOKEN}", "X-Blank": "${BLANK}"},
    }
    (tmp_path / "c.yaml").write_text(json.dumps({"timeout": "soon", "endpoints": [endpoint]}))
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "c.yaml", environ={"BLANK": "hunter22 "})
    told = {problem.path: problem.text for problem in caught.value.problems}
    assert told.keys() >= {"endpoints.0.url", "endpoints.0.headers.Authorization", "endpoints.0.headers.X-Blank"}
    assert "A_KEY is not set" in told["endpoints.0.url"]
    assert "hunter22" not in str(caught.value)


@asynccontextmanager
async def echoing_api() -> AsyncIterator[str]:
    """Run an API that repeats each request in its response: a redirect, an error page, and a record without id."""

    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            head = (await stream.receive_some()).decode()
            target = head.split()[1]
            sent = json.dumps(f"{target} {head}")
            page = int(target.rpartition("page=")[2]) if "page=" in target else 1
            match page:
                case 1:
                    status, body, extra = 200, f'[{{"id": 1, "name": "Pen"}}, {{"echo": {sent}}}, {sent}]', ""
                case 2:
                    status, body, extra = 302, "", f"Location: http://elsewhere.test{target}&leak={SECRET_IN_URL}\r\n"
                case 3:
                    status, body, extra = 200, f"<html>{target} {head}", ""
                case 4:
                    status, body, extra = 302, "", f"Location: {target}&page=5\r\n"
                case 5:
                    status, body, extra = 200, f"{{{sent}: 1}}", ""
                case _:
                    status, body, extra = 204, "", ""
            length = f"Content-Length: {len(body.encode())}\r\nConnection: close\r\n\r\n"
            await stream.send_all(f"HTTP/1.1 {status} Fine\r\n{extra}{length}{body}".encode())

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        yield f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


HEADER_SECRET = "hdr-5ecret-4711"
SECRET_IN_URL = "url-5ecret-0815"


@pytest.mark.parametrize("form", ["text", "json"])
async def test_credentials_are_shown_nowhere(tmp_path: Path, form: str) -> None:
    """Credentials that an API repeats are in neither the DEBUG log, the summary, the journal nor the rejects."""
    async with echoing_api() as url:
        command = [
            *(sys.executable, "-m", "pipeline", "-o", str(tmp_path / "s.json"), "-l", "DEBUG", "--log-format", form),
            *("--set", "endpoints=[{name: shop, url: '" + url + "/p?key=${URL_SECRET}'}]"),
            *("--set", "endpoints.shop.headers.Authorization=Bearer ${HEADER_SECRET}", "-r", "0"),
            *("--set", "endpoints.shop.allow_hosts=[elsewhere.test]"),
        ]
        environment = {**os.environ, "URL_SECRET": SECRET_IN_URL, "HEADER_SECRET": HEADER_SECRET}
        run = partial(trio.run_process, command, env=environment, check=False, capture_stdout=True, capture_stderr=True)
        done = await run()
    assert done.returncode == 3, done.stderr.decode()
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"s.json", "pages", "s.rejects.jsonl"}
    everything = done.stdout + done.stderr + b"".join(path.read_bytes() for path in written)
    assert b"${URL_SECRET}" in everything, "the API did echo it"
    assert b"${HEADER_SECRET}" in everything
    for secret in (HEADER_SECRET, SECRET_IN_URL):
        assert secret.encode() not in everything
        assert base64.b64encode(secret.encode()) not in everything


def test_the_environment_reaches_the_process() -> None:
    """A missing variable ends the run before any request, with exit code 2."""
    settings = "endpoints=[{name: shop, url: 'http://shop.test/', headers: {X-Token: '${SURELY_NOT_SET}'}}]"
    command = [sys.executable, "-m", "pipeline", "--set", settings]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "endpoints.0.headers.X-Token: the environment variable SURELY_NOT_SET is not set" in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "endpoints: [{name: a, headers: {Authorization: tok-0815, Authorization: x}}]",
        "headers: {Authorization: 'tok-0815",
    ],
)
def test_broken_yaml_is_not_repeated(tmp_path: Path, text: str) -> None:
    """The message about invalid YAML gives line and column, but not the content."""
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"c\.yaml:\d+:\d+: is not valid YAML") as caught:
        load_config(tmp_path / "c.yaml", environ={})
    assert "tok-0815" not in str(caught.value)


def test_a_setting_without_a_value_is_not_repeated() -> None:
    """The message about a setting with a colon for the equals sign does not repeat the value, which may be a secret."""
    settings = "endpoints.a.headers.Authorization: Bearer tok-0815"
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "--set", settings], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "'endpoints.a.headers.Authorization' is not of the form KEY=VALUE" in done.stderr
    assert "tok-0815" not in done.stderr


def test_what_tells_one_api_from_another() -> None:
    """The definition of an endpoint depends on plain variables in it, but not on its credentials."""

    def definition(**environ: str) -> object:
        url = "https://shop.test/p?shop=${SHOP}&api_key=${KEY}"
        headers = {"X-Shop": "${SHOP}", "Authorization": "Bearer ${KEY}"}
        return resolve(Config(endpoints=(Endpoint(name="a", url=url, headers=headers),)), environ)[0].definition

    assert definition(SHOP="seven", KEY="one") == definition(SHOP="seven", KEY="two")
    assert definition(SHOP="seven", KEY="one") != definition(SHOP="eight", KEY="one")
