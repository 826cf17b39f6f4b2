"""Which of many endpoints are looked at."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.status import EndpointStatus
from pipeline.ui.rows import worst
from pipeline.ui.throughput import Paced


def paced(**changes: object) -> Paced:
    return Paced(EndpointStatus("a", pages_wanted=100, **changes))  # type: ignore[arg-type]  # fields by name, as the cases have them


def test_worse_is_who_is_in_more_trouble() -> None:
    """An open circuit, a pause, many retries, many pages to go, a bad end, and last of all a good one."""
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


def test_who_is_looked_at_gives_way_only_to_what_is_clearly_worse() -> None:
    """Endpoints that are about equal do not take turns."""
    assert worst([paced(pages=60), paced(pages=50)], 1, shown=[0]) == [0]
    assert worst([paced(pages=60), paced(pages=30)], 1, shown=[0]) == [1]
    assert worst([paced(), paced(circuit="half-open")], 1, shown=[0]) == [1]


def test_who_stays_keeps_its_place() -> None:
    """A newcomer takes the place of the one that is left out."""
    endpoints = [paced(retries=retries) for retries in (5, 9, 0, 7, 20)]
    assert worst(endpoints, 3, shown=[0, 2, 1]) == [0, 4, 1]
    assert worst(endpoints, 2, shown=[0, 2, 1]) == [4, 1]
    assert worst(endpoints, 0, shown=[0, 2, 1]) == []


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(0, 12), st.data())
def test_they_are_as_many_as_there_is_room_for_and_each_once(
    retries: list[int], most: int, data: st.DataObject
) -> None:
    """Whatever was shown before."""
    endpoints = [paced(retries=count) for count in retries]
    before = data.draw(st.permutations(range(len(endpoints))))[: data.draw(st.integers(0, 12))]
    chosen = worst(endpoints, most, before)
    assert len(chosen) == len(set(chosen)) == min(most, len(endpoints))
