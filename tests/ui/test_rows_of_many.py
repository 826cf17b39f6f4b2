"""The choice of the endpoints that have rows of their own."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.status import EndpointStatus
from pipeline.ui.rows import worst
from pipeline.ui.throughput import Paced


def paced(**changes: object) -> Paced:
    return Paced(EndpointStatus("a", pages_wanted=100, **changes))  # type: ignore[arg-type]  # keyword arguments of any field


def test_the_endpoint_in_most_trouble_comes_first() -> None:
    """The order is: open circuit, pause, many retries, many remaining pages, incomplete end, complete end."""
    endpoints = [
        paced(pages=100, ended="complete"),
        paced(pages=50, ended="partial", retries=9),
        paced(pages=50),
        paced(pages=20),
        paced(pages=90, retries=4),
        paced(pages=90, paused_for=8.0),
        paced(pages=90, circuit="open", probe_in=9.0),
    ]
    assert worst(endpoints, 7) == [6, 5, 4, 3, 2, 1, 0]
    assert worst(endpoints, 2) == [6, 5]


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(0, 12))
def test_as_many_endpoints_as_fit_are_chosen_once_each(retries: list[int], most: int) -> None:
    """There are no repetitions, and equals stay in the order of the configuration."""
    chosen = worst([paced(retries=count) for count in retries], most)
    assert len(chosen) == len(set(chosen)) == min(most, len(retries))
    assert chosen == sorted(chosen, key=lambda index: (-retries[index], index))
