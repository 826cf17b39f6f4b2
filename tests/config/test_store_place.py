"""The `store` key: which URLs are valid, and how references in it are expanded."""

from pathlib import Path

import pytest
from helpers.configs import load, problems

from pipeline.config.store import resolve_store
from pipeline.errors import ConfigError

ONE = "endpoints: [{name: shop, url: 'http://shop.test'}]\n"


@pytest.mark.parametrize(
    "url", ["sqlite:///x.db", "sqlite:////data/x.db", "postgresql://host/shop", "postgresql:///shop?host=/run/pg"]
)
def test_a_url_of_a_database_is_taken(url: str, tmp_path: Path) -> None:
    """SQLite files, relative and absolute, and PostgreSQL by network and by socket are places of a store."""
    assert load(tmp_path, f"{ONE}store: {url}").store == url
    place = resolve_store(url, {})
    assert place is not None
    assert place.url == url


@pytest.mark.parametrize(
    "url", ["x.db", "sqlite://", "sqlite:///", "mysql://host/shop", "postgresql://host:port/shop", "postgresql:/shop"]
)
def test_another_text_is_an_error(url: str, tmp_path: Path) -> None:
    """The message has the text without credentials, and the two forms that are expected."""
    told = problems(tmp_path, f"{ONE}store: '{url}'")
    assert "is not the URL of a store; expected sqlite:///FILE or postgresql://" in told["store"]


def test_credentials_come_from_the_environment_percent_encoded() -> None:
    """A reference within the URL is encoded, and its value is a secret."""
    place = resolve_store("postgresql://me:${PG_PASSWORD}@host/shop", {"PG_PASSWORD": "a/b@c:d"})
    assert place is not None
    assert place.url == "postgresql://me:a%2Fb%40c%3Ad@host/shop"
    assert place.shown == "postgresql://***@host/shop"
    assert place.secrets.redact("wrong password a/b@c:d") == "wrong password ${PG_PASSWORD}"
    assert "a/b" not in repr(place)


def test_the_whole_url_may_be_in_the_environment() -> None:
    """A URL that is one reference is taken as it is, and checked after the expansion."""
    place = resolve_store("${DATABASE_URL}", {"DATABASE_URL": "postgresql://me:geheim12@host/shop"})
    assert place is not None
    assert place.url == "postgresql://me:geheim12@host/shop"
    assert place.secrets.redact("geheim12") == "***"
    with pytest.raises(ConfigError, match="'mysql://host' is not the URL of a store"):
        resolve_store("${DATABASE_URL}", {"DATABASE_URL": "mysql://host"})
    with pytest.raises(ConfigError, match="DATABASE_URL is not set"):
        resolve_store("${DATABASE_URL}", {})
