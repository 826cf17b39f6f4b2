"""The number of endpoints that are walked at once."""

import resource

import msgspec
import pytest
from helpers.support import config

from pipeline.config.endpoint import RateLimit
from pipeline.config.resolve import resolve
from pipeline.fetch import capacity


@pytest.mark.parametrize(
    ("files", "memory", "expected"),
    [(100_000, 1 << 40, 1_000), (1_024, 1 << 40, 120), (10, 1 << 40, 1), (100_000, 256 << 20, 256)],
)
def test_open_files_and_memory_bound_the_walks(
    files: int, memory: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each endpoint may open 8 connections and use half a megabyte; at least one endpoint is walked."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    monkeypatch.setattr(capacity, "_memory", lambda: memory)
    settings = msgspec.structs.replace(config("s.json", "a", "b"), rate_limit=RateLimit(concurrency=8))
    assert capacity.walks_at_once(resolve(settings, {})) == expected


def test_this_machine_has_a_limit_that_is_not_zero() -> None:
    """The memory and the files of the machine are found."""
    assert 1 <= capacity.walks_at_once(resolve(config("s.json", "a"), {})) <= capacity.MOST_AT_ONCE
