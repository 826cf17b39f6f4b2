"""Hooks and fixtures of all tests."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest
import trio
from hypothesis import settings
from loguru import logger
from trio.testing import MockClock

settings.register_profile("default", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("short", settings.get_profile("default"), max_examples=50)
settings.load_profile(os.environ.get("HYPOTHESIS_EXAMPLES", "default"))


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


@pytest.fixture(autouse=True)
def _no_waits_outside_trio(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace threads by calls, and leave out fsync, under a virtual clock: its event loop spins while it waits.

    A call takes no virtual time, as a thread does. Only a power failure needs fsync. ``virtual_time(threads=True)`` is
    for tests of what happens while a thread works.
    """
    marker = request.node.get_closest_marker("virtual_time")
    if marker is None or marker.kwargs.get("threads"):
        return

    async def run_sync(function: Callable[..., object], *args: object, **_: object) -> object:
        await trio.lowlevel.checkpoint()
        return function(*args)

    monkeypatch.setattr(trio.to_thread, "run_sync", run_sync)
    monkeypatch.setattr(trio.from_thread, "check_cancelled", lambda: None)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
