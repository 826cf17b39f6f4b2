"""What all tests share."""

from collections.abc import Iterator

import pytest
import trio
from hypothesis import settings
from loguru import logger

settings.register_profile("default", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("default")


def run_unwrapped(*args: object, **kwargs: object) -> object:
    """``trio.run``, but a group of one exception arrives as that exception: reports stay readable."""
    try:
        return trio.run(*args, **kwargs)  # type: ignore[arg-type]  # passes on what pytest-trio gives
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("trio"):
            item.add_marker(pytest.mark.trio(run=run_unwrapped))


@pytest.fixture(autouse=True)
def _silent_log() -> Iterator[None]:
    """Each test starts with the log as a library's user has it: off."""
    logger.disable("pipeline")
    yield
    logger.remove()
