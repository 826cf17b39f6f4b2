"""Secrets from files: ``${file:PATH}`` is read once, hidden like a variable's value, and its errors name the remedy."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.auth import ApiKey, Auth, BasicAuth, OAuth2
from pipeline.config.endpoint import Endpoint
from pipeline.config.expansion import Expansion, SecretFiles, has_reference
from pipeline.config.load import load_config
from pipeline.config.resolve import resolve
from pipeline.config.settings import Config
from pipeline.errors import ConfigError
from pipeline.redaction import shown_definition, shown_value


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return the path of a file that contains a secret, and a line end as editors leave it."""
    path = tmp_path / "shop_token"
    path.write_text("tok-0815\n")
    return path


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_content_is_the_value(tmp_path: Path, end: str) -> None:
    """The value is the content without the line end after it; blanks within it are kept."""
    path = tmp_path / "key"
    path.write_bytes(f"s3cr3t tökén{end}".encode())
    expansion = Expansion({})
    assert expansion.expand(f"Bearer ${{file:{path}}}!", secret=True) == "Bearer s3cr3t tökén!"
    assert expansion.take_problems() == []


def test_it_is_allowed_wherever_a_variable_is(secret: Path) -> None:
    """Headers, query parameters and all ways to authenticate take a file."""
    text = f"${{file:{secret}}}"
    ways = (
        Auth(bearer=text),
        Auth(basic=BasicAuth(username="me", password=text)),
        Auth(api_key=ApiKey(header="X-Key", value=text)),
        Auth(oauth2=OAuth2(token_url=f"/token?k={text}", client_id="me", client_secret=text)),
    )
    for auth in ways:
        url = f"https://shop.test/p?key={text}"
        endpoint = Endpoint(name="shop", url=url, headers={"X-Token": f"Token {text}"}, auth=auth)
        (resolved,) = resolve(Config(endpoints=(endpoint,)), {})
        assert resolved.url == "https://shop.test/p?key=tok-0815"
        assert resolved.headers == {"X-Token": "Token tok-0815"}
        sent: Mapping[str, str] = resolved.credentials.headers
        oauth2 = resolved.credentials.oauth2
        if auth.bearer or auth.api_key:
            assert next(iter(sent.values())).endswith("tok-0815")
        if oauth2:
            assert (oauth2.token_url, oauth2.client_secret) == ("https://shop.test/token?k=tok-0815", "tok-0815")
        assert resolved.secrets.redact("say tok-0815") == f"say {text}"


def test_a_reference_alone_may_be_shown() -> None:
    """The report shows the path of the file, and hides a value beside it."""
    assert shown_value("Authorization", "Bearer ${file:/run/secrets/t}") == "Bearer ${file:/run/secrets/t}"
    assert shown_value("Authorization", "Bearer ${file:/run/secrets/t}x") == "***"
    assert (
        shown_definition("https://h.test/p?key=${file:/run/secrets/t}") == "https://h.test/p?key=${file:/run/secrets/t}"
    )
    assert has_reference("${file:/run/secrets/t}")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "does not exist; mount the secret there, or correct the path"),
        (b"", "is empty; write the secret into it"),
        (b"\n", "is empty; write the secret into it"),
        (b"one\ntwo\n", "contains a line break or a control character; leave the secret alone in it"),
        (b"one\n\n", "contains a line break or a control character; leave the secret alone in it"),
        (b"\xff\xfe", "is not UTF-8 text; write the secret into it as text"),
        (b"x" * 70_000, "is larger than 65,536 bytes; name a file that contains the secret alone"),
    ],
)
def test_a_file_that_cannot_serve_is_named_with_the_remedy(tmp_path: Path, content: bytes | None, problem: str) -> None:
    """The message has the key, the path and the remedy, but not the content."""
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    endpoint = {"name": "shop", "url": "https://shop.test/", "headers": {"X-Key": f"${{file:{path}}}"}}
    with pytest.raises(ConfigError) as caught:
        load_config({"endpoints": [endpoint]}, environ={})
    assert str(caught.value) == f"endpoints.0.headers.X-Key: the file {path} {problem}"


def test_an_unreadable_file_is_named_with_the_reason(tmp_path: Path) -> None:
    """A folder in place of the file is reported with the reason of the system."""
    expansion = Expansion({})
    expansion.expand(f"${{file:{tmp_path}}}", secret=True)
    (told,) = expansion.take_problems()
    assert told.startswith(f"the file {tmp_path} cannot be read: ")
    assert told.endswith("; give this user the right to read it, or correct the path")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_somebody_else_is_named_with_the_reason(secret: Path) -> None:
    """A file that this user may not read is an error."""
    secret.chmod(0)
    expansion = Expansion({})
    expansion.expand(f"${{file:{secret}}}", secret=True)
    assert "cannot be read: Permission denied" in expansion.take_problems()[0]


@pytest.mark.parametrize("path", ["", "token", "./token", "~/token", "//run/token", "/a\0b"])
def test_a_path_that_means_no_certain_file_is_refused(path: str) -> None:
    """Only an absolute path is accepted; the working directory does not matter."""
    expansion = Expansion({})
    assert expansion.expand(f"${{file:{path}}}", secret=True) == ""
    assert len(expansion.take_problems()) == 1


def test_a_file_is_read_once(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All endpoints of a configuration get the content of one reading, even if the file changes meanwhile."""
    opened: list[str] = []
    open_path = Path.open

    def counting(path: Path, *arguments: Any, **options: Any) -> Any:
        opened.append(str(path))
        return open_path(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", counting)
    endpoints = tuple(
        Endpoint(
            name=name,
            url="https://shop.test/",
            headers={"X-Key": f"${{file:{secret}}}", "X-Two": "${file:/no/such/file}"},
        )
        for name in ("a", "b", "c")
    )
    with pytest.raises(ConfigError) as caught:
        resolve(Config(endpoints=endpoints), {})
    assert len(caught.value.problems) == 3, "a failure is reported for each key"
    assert [opened.count(path) for path in ("/no/such/file", str(secret))] == [1, 1]
    files = SecretFiles()
    assert files.read(str(secret)) == ("tok-0815", None)
    secret.write_text("other")
    assert files.read(str(secret)) == ("tok-0815", None)
