"""A wait that would end after the deadline is refused at its start."""

import pytest
import trio

from pipeline.errors import DeadlineNearError
from pipeline.fetch.policy.deadline import check_deadline

pytestmark = pytest.mark.virtual_time


async def wait_until(moment: float) -> None:
    check_deadline(moment, "the server asks to wait", 503)
    await trio.sleep_until(moment)


@pytest.mark.parametrize("moment", [0, 3, 9.5])
async def test_wait_that_ends_before_the_deadline_is_allowed(moment: float) -> None:
    """A moment before the deadline raises nothing, and the task sleeps until then."""
    with trio.fail_after(10):
        await wait_until(moment)
    assert trio.current_time() == moment


@pytest.mark.parametrize("moment", [10, 10.5, 1e12])
async def test_wait_that_ends_at_the_deadline_or_later_is_refused_at_once(moment: float) -> None:
    """The error is raised before any time passes. It contains the reason, the remedy and the HTTP status."""
    with trio.fail_after(10), pytest.raises(DeadlineNearError) as raised:
        await wait_until(moment)
    assert trio.current_time() == 0
    assert raised.value.text.startswith("the server asks to wait, which is past the deadline; ")
    assert raised.value.code == 503


@pytest.mark.parametrize("deadlines", [(10, 20), (20, 10)])
async def test_the_earliest_of_nested_deadlines_counts(deadlines: tuple[float, float]) -> None:
    """The effective deadline is checked, regardless of which scope set it."""
    outer, inner = deadlines
    with trio.fail_at(outer), trio.fail_at(inner):
        with pytest.raises(DeadlineNearError):
            await wait_until(15)
        await wait_until(9)
    assert trio.current_time() == 9


async def test_without_a_deadline_every_wait_is_allowed() -> None:
    """A run without a timeout may wait for any length of time."""
    await wait_until(1e9)
    assert trio.current_time() == 1e9
