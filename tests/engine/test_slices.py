"""One task: what it refuses, and the clock on which it runs."""

import os
import pickle
from collections.abc import Callable

import msgspec
import pytest
import trio
from helpers.support import config

import pipeline.errors
from pipeline.engine.clock import ContinuedClock
from pipeline.engine.processes import Processes
from pipeline.engine.slices import Slice, Walked, walk
from pipeline.errors import ConfigError, FeedFoundError, Problem, RateLimitedError, RedirectedError, WorkerLostError
from pipeline.fetch.policy.throttle import Throttle

TASK = Slice(config("s.json", "a"), {}, [], {}, now=1000.0, deadline=1e9, seconds=1.0)


def test_another_version_of_the_program_is_refused() -> None:
    """The state of a walk is only valid for the version that made it; the error names both."""
    task = msgspec.structs.replace(TASK, version="0.0.1")
    with pytest.raises(ConfigError, match=r"this is 0\.0\.1; install the same version"):
        walk(task, lambda: False)


async def test_a_credential_that_a_worker_lacks_is_an_error_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Workers expand references themselves; the error that one raises reaches the coordinator as it is."""
    settings = pipeline.load_config(
        {"endpoints": [{"name": "a", "url": "http://shop.test/?key=${ONLY_HERE}"}]}, environ={"ONLY_HERE": "secret"}
    )
    async with Processes(1) as engine:
        with pytest.raises(ConfigError, match="ONLY_HERE"):
            await engine.call(walk, msgspec.structs.replace(TASK, config=settings))


async def test_a_worker_whose_process_ends_is_lost() -> None:
    """The call fails with the exit code, and the next call gets another process."""
    async with Processes(1) as engine:
        with pytest.raises(WorkerLostError, match="exit code 3"):
            await engine.call(_exit, 3)
        assert await engine.call(_double, 21) == 42


async def test_a_cancelled_call_ends_its_process() -> None:
    """Nothing goes on in the background after a cancellation."""
    async with Processes(1) as engine:
        with trio.move_on_after(1.5) as scope:
            await engine.call(_wait_for_ever, None)
        assert scope.cancelled_caught


def _exit(code: int, is_stopping: Callable[[], bool]) -> None:
    os._exit(code)


def _double(number: int, is_stopping: Callable[[], bool]) -> int:
    return 2 * number


def _wait_for_ever(_: None, is_stopping: Callable[[], bool]) -> None:
    trio.run(trio.sleep_forever)


def test_a_clock_goes_on_from_the_time_it_is_given() -> None:
    """Times on the coordinator's clock are valid in the worker, deadlines included."""

    async def times() -> tuple[float, float]:
        began = trio.current_time()
        await trio.sleep_until(1000.2)
        return began, trio.current_time()

    began, ended = trio.run(times, clock=ContinuedClock(1000.0))
    assert 1000 <= began < 1000.1
    assert 1000.2 <= ended < 1000.4


@pytest.mark.virtual_time
async def test_a_throttle_that_starts_empty_sends_nothing_and_then_one_at_a_time() -> None:
    """At 5 requests a second and a burst of 10, the first request leaves after 2 s and a token, others 0.2 s apart."""
    throttle = Throttle(5, 10, 8)
    throttle.start_empty(trio.current_time())
    granted = []
    for _ in range(3):
        with await throttle.acquire():
            granted.append(round(trio.current_time(), 3))
    assert granted == [2.2, 2.4, 2.6]


@pytest.mark.parametrize(
    "error",
    [
        RateLimitedError("slow down", code=429, retry_after=2.5).at(
            source="a", page=3, attempt=2, elapsed=0.5, text="slow down"
        ),
        RedirectedError("moved", code=301, location="http://shop.test/b"),
        FeedFoundError("a feed", format="csv"),
        ConfigError([Problem("engine", "is wrong")]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_the_way_to_another_process(error: pipeline.errors.PipelineError) -> None:
    """An error in the state of a walk keeps its type, its text and its place."""
    found = pickle.loads(pickle.dumps(error))
    assert type(found) is type(error)
    assert (str(found), vars(found)) == (str(error), vars(error))


def test_the_result_of_no_groups_is_empty() -> None:
    """A task without groups ends at once, with the time on its clock."""
    walked = walk(msgspec.structs.replace(TASK, seconds=0.1), lambda: True)
    assert msgspec.structs.replace(walked, ended_at=0.0) == Walked([], [], [], [], [], frozenset(), 0.0)
    assert 1000 <= walked.ended_at < 1001
