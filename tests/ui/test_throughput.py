"""The pace of endpoints, from successive snapshots."""

import msgspec
import pytest

from pipeline.model.status import EndpointStatus, RunStatus
from pipeline.ui.throughput import Paced, PaceTracker, seconds_to_go

START = EndpointStatus("a", pages_wanted=100)


def pace(*polls: tuple[float, EndpointStatus]) -> Paced:
    """Return the endpoint with its pace after these snapshots at these times."""
    paces = PaceTracker()
    for elapsed, status in polls:
        (paced,) = paces.update(RunStatus([status], elapsed, timeout=60))
    return paced


def with_pages(pages: int, **changes: object) -> EndpointStatus:
    return msgspec.structs.replace(START, pages=pages, records=20 * pages, **changes)


def test_a_steady_pace_is_found_whenever_it_is_looked_at() -> None:
    """The pace is the same after two snapshots and after many at irregular times."""
    few = pace((0, START), (4, with_pages(20)))
    many = pace(*((i * i / 200, with_pages(round(5 * i * i / 200))) for i in range(0, 61, 20)))
    for found in (few, many):
        assert found.pages_a_second == pytest.approx(5)
        assert found.records_a_second == pytest.approx(100)


def test_a_pace_is_told_only_once_there_is_one() -> None:
    """There is no pace in the first second, because a burst would distort it."""
    assert pace((0, START), (0.9, with_pages(5))) == Paced(with_pages(5))


def test_the_latest_seconds_count_most() -> None:
    """An endpoint that has slowed down is seen as slow within half a minute."""
    fast = [(float(second), with_pages(5 * second)) for second in range(11)]
    slow = [(float(second), with_pages(40 + second)) for second in range(11, 41)]
    found = pace(*fast, *slow).pages_a_second
    assert found is not None
    assert 1 < found < 1.3


@pytest.mark.parametrize(
    "held_up", [{"circuit": "open", "probe_in": 9.0}, {"paused_for": 7.0}, {"circuit": "half-open"}]
)
def test_time_in_which_an_endpoint_is_held_up_does_not_count(held_up: dict[str, object]) -> None:
    """Afterwards the endpoint has the pace that it had before."""
    during = [(float(second), with_pages(20, **held_up)) for second in range(5, 15)]
    found = pace((0, START), (4, with_pages(20)), *during, (16, with_pages(30)), (18, with_pages(40)))
    assert found.pages_a_second == pytest.approx(5)


def test_pages_of_an_earlier_run_are_no_pace() -> None:
    """The pages that a resumed endpoint starts with do not count as progress."""
    assert pace((0, with_pages(50)), (2, with_pages(50))).pages_a_second == 0


@pytest.mark.parametrize(
    ("endpoint", "seconds"),
    [
        (Paced(with_pages(80), 4.0), 5),
        (Paced(with_pages(80, circuit="open", probe_in=9.0), 4.0), 14),
        (Paced(with_pages(80, paused_for=2.0), 4.0), 7),
        (Paced(with_pages(100)), 0),
        (Paced(with_pages(3, ended="partial")), 0),
        (Paced(with_pages(80), 0.0), None),
        (Paced(with_pages(80)), None),
        (Paced(with_pages(80, pages_wanted=None), 4.0), None),
    ],
)
def test_what_is_left_takes_its_time_behind_what_holds_it_up(endpoint: Paced, seconds: float | None) -> None:
    """The estimate is the pause plus the remaining pages at the endpoint's pace; unknown without a total or a pace."""
    assert endpoint.seconds_to_go == seconds


def test_a_run_takes_as_long_as_its_slowest_endpoint() -> None:
    """The estimate for a run is the longest of its endpoints', and unknown if one of them is unknown."""
    slow, fast, unknown = Paced(with_pages(80), 1.0), Paced(with_pages(80), 4.0), Paced(with_pages(80))
    assert seconds_to_go([fast, slow]) == 20
    assert seconds_to_go([fast, unknown]) is None
    assert seconds_to_go([]) == 0
