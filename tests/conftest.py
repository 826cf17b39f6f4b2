"""What all tests share."""

import signal
from collections.abc import Iterator

import pytest
import trio
from hypothesis import settings
from loguru import logger
from trio.testing import MockClock

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
        raise error from None  # noqa: ASYNC123 - the group said nothing more


def run_in_virtual_time(*args: object, **kwargs: object) -> object:
    """The same under a clock of its own that starts at 0 and jumps ahead whenever all tasks wait."""
    return run_unwrapped(*args, **{**kwargs, "clock": MockClock(autojump_threshold=0)})


@pytest.hookimpl(trylast=True)  # after pytest-trio has marked the async tests
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("trio"):
            run = run_in_virtual_time if item.get_closest_marker("virtual_time") else run_unwrapped
            item.add_marker(pytest.mark.trio(run=run), append=False)


@pytest.fixture(autouse=True)
def _usual_signals() -> Iterator[None]:
    """The command line leaves signals ignored, since the process ends then; here it goes on."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _silent_log() -> Iterator[None]:
    """Each test starts with the log as a library's user has it: off."""
    logger.disable("pipeline")
    yield
    logger.remove()
