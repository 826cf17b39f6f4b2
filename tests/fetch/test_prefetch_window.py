"""The window: how many requests keep an endpoint busy, and no more."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fetch.prefetch import MOST_BEFORE_AN_ANSWER, PrefetchWindow


def opened(rate: float, latency: float, most: int = 8) -> int:
    """How wide it gets when the end is known."""
    window = PrefetchWindow(rate, most, now=0)
    window.answered(latency)
    window.page_taken()
    window.end_is_known()
    return window.width(now=100)


@pytest.mark.parametrize(
    ("rate", "latency", "width"),
    [
        (5, 0, 1),
        (5, 0.02, 1),
        (5, 0.05, 2),
        (5, 0.3, 4),
        (5, 1.0, 8),
        (1, 0.3, 2),
        (0, 0.002, 1),
        (0, 0.1, 5),
        (0, 9, 8),
    ],
)
def test_width_goes_by_rate_and_latency(rate: float, latency: float, width: int) -> None:
    """Twice what leaves within one latency, and one more; without a rate, one for each 25 ms."""
    assert opened(rate, latency) == width


@given(st.floats(0, 100), st.floats(0, 100), st.integers(1, 20))
def test_there_is_always_one_and_never_more_than_the_most(rate: float, latency: float, most: int) -> None:
    """Whatever the numbers are."""
    assert 1 <= opened(rate, latency, most) <= most


@given(st.floats(0.1, 50), st.floats(0.01, 2))
def test_it_keeps_up_with_the_rate(rate: float, latency: float) -> None:
    """So many requests, each taking one latency, are at least as many a second as the rate allows."""
    assert opened(rate, latency, most=1000) / latency >= rate


def test_without_a_known_end_it_grows_by_one_a_page() -> None:
    """No more than a window is asked for in vain; once the end is known it opens at once."""
    window = PrefetchWindow(5, 8, now=0)
    window.answered(1.0)
    widths = []
    for _ in range(4):
        widths.append(window.width(now=1))
        window.page_taken()
    assert widths == [1, 2, 3, 4]
    window.end_is_known()
    assert window.width(now=1) == 8


def test_a_failure_closes_it() -> None:
    """Whoever is ill is asked for one page at a time, until one comes."""
    window = PrefetchWindow(5, 8, now=0)
    window.answered(1.0)
    window.page_taken()
    window.failed()
    window.end_is_known()
    assert window.width(now=1) == 1
    window.page_taken()
    assert window.width(now=1) == 2


def test_before_the_first_answer_no_token_is_lost() -> None:
    """Another request each time that the bucket would be full again, up to a few."""
    window = PrefetchWindow(5, 8, now=10)
    assert [window.width(now) for now in (10, 10.19, 10.2, 10.4, 10.8, 60)] == [1, 1, 2, 3, 5, MOST_BEFORE_AN_ANSWER]
    assert window.grows_at(10) == pytest.approx(10.2)
    assert window.grows_at(10.3) == pytest.approx(10.4)
    assert window.grows_at(60) == math.inf
    window.answered(0.3)
    assert (window.width(60), window.grows_at(60)) == (1, math.inf)


@pytest.mark.parametrize(("rate", "most"), [(0, 8), (5, 1)])
def test_without_a_rate_or_room_it_waits(rate: float, most: int) -> None:
    """There is no token to lose, or nowhere to go with it."""
    window = PrefetchWindow(rate, most, now=0)
    assert (window.width(100), window.grows_at(100)) == (1, math.inf)


def test_latency_is_smoothed() -> None:
    """One slow answer is not taken for the rule."""
    window = PrefetchWindow(100, 1000, now=0)
    for seconds in (0.1, 0.9):
        window.answered(seconds)
        window.page_taken()
    window.end_is_known()
    assert window.width(0) == 2 * 0.2 * 100 + 1


def test_before_the_first_answer_a_failure_ends_the_impatience() -> None:
    """An API that is dead is not asked for more the longer it is."""
    window = PrefetchWindow(5, 8, now=0)
    window.failed()
    assert (window.width(100), window.grows_at(100)) == (1, math.inf)
    window.answered(1.0)
    window.page_taken()
    assert window.width(101) == 2
