"""Hooks and fixtures of all tests."""

import os
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
    """Call ``trio.run``, and raise an exception group of one as that exception, so that reports stay readable."""
    try:
        return trio.run(*args, **kwargs)  # type: ignore[arg-type]  # forwards the arguments of pytest-trio
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from None  # noqa: ASYNC123 - the group adds no information


def run_in_virtual_time(*args: object, **kwargs: object) -> object:
    """Do the same under a clock that starts at 0 and jumps ahead whenever all tasks wait."""
    return run_unwrapped(*args, **{**kwargs, "clock": MockClock(autojump_threshold=0)})


@pytest.hookimpl(trylast=True)  # after pytest-trio has marked the async tests
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("trio"):
            run = run_in_virtual_time if item.get_closest_marker("virtual_time") else run_unwrapped
            item.add_marker(pytest.mark.trio(run=run), append=False)


@pytest.fixture(autouse=True)
def _usual_signals() -> Iterator[None]:
    """Restore the signal handlers: the command line ends with signals ignored, but this process goes on."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _silent_log() -> Iterator[None]:
    """Start each test with the log disabled, the default for users of the library."""
    logger.disable("pipeline")
    yield
    logger.remove()


@pytest.fixture
def _no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out fsync: only a power failure needs it, and under a virtual clock the wait for it is a busy one."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
