"""The databases of these tests: one server for all, and a new database for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.databases import new_database, postgresql, unavailable


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server."""
    if reason := unavailable():
        pytest.skip(reason)
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/catalogue.db"
    return new_database(request.getfixturevalue("server"))
