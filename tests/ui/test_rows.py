"""Rows of the progress display, as pure functions of the status and the width of the terminal."""

from collections.abc import Sequence
from unicodedata import east_asian_width

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tqdm import tqdm
from wcwidth import wcswidth

from pipeline.model.status import EndpointStatus, RunStatus
from pipeline.ui.progress import progress_line
from pipeline.ui.rows import rows
from pipeline.ui.status_text import remaining, state
from pipeline.ui.throughput import Paced

UNDER_WAY = Paced(EndpointStatus("api1", pages=17, pages_wanted=25, records=340, records_announced=500), 4.9, 98.0)
OPEN = Paced(
    EndpointStatus("api2", pages=8, pages_wanted=25, records=160, retries=3, circuit="open", probe_in=8.3), 5.0
)
DONE = Paced(EndpointStatus("shop.example", pages=25, pages_wanted=25, records=500, retries=1, ended="complete"))
UNKNOWN = Paced(EndpointStatus("api3", pages=3, records=60, paused_for=61.2), 0.2, 4.0)


def run_of(endpoints: Sequence[Paced], *, elapsed: float = 19.2, fetching: bool = True) -> RunStatus:
    return RunStatus([endpoint.status for endpoint in endpoints], elapsed, timeout=60, fetching=fetching)


def drawn(endpoints: Sequence[Paced], width: int, shown: Sequence[int] | None = None, **changes: object) -> list[str]:
    """Return the rows as tqdm draws them."""
    run = run_of(endpoints, **changes)  # type: ignore[arg-type]  # keyword arguments of any field
    return [
        tqdm.format_meter(row.n, row.total, 0, ncols=width, bar_format=row.layout)
        for row in rows(run, endpoints, width, shown)
    ]


def test_a_wide_terminal_shows_all_there_is_to_tell() -> None:
    """Counts and bars are aligned, and there is an ETA if all totals are known."""
    assert drawn([UNDER_WAY, OPEN, DONE], 119) == [
        "api1          17/25 pages |█████████████▌      | 340/500 records, 98/s",
        "api2           8/25 pages |██████▍             | 160 records, 3 retries, open, probe in 9 s",
        "shop.example  25/25 pages |████████████████████| 500 records, 1 retry, done",
        "total         50/75 pages |█████████████▎      | 1,000 records, 98/s, 1/3 ended, 19 of 60 s, ETA 12 s, 41 s left",  # noqa: E501
    ]


def test_with_80_columns_the_least_important_is_left_out() -> None:
    """Rates and records are left out before retries, circuits and the outlook; unknown totals have empty bars."""
    assert drawn([UNDER_WAY, OPEN, UNKNOWN], 79) == [
        "api1   17/25 pages |██████▊   | 340/500 records, 98/s",
        "api2    8/25 pages |███▏      | 160 records, 3 retries, open, probe in 9 s",
        "api3       3 pages |          | 60 records, paused for 62 s",
        "total     28 pages |          | 0/3 ended, 19 of 60 s, ETA unknown, 41 s left",
    ]


def test_with_40_columns_it_is_legible() -> None:
    """Without bars and with shortened names, each row still shows the state of its endpoint."""
    assert drawn([UNDER_WAY, OPEN, DONE, UNKNOWN], 39) == [
        "api1       17/25  340/500 records, 98/s",
        "api2        8/25  open, probe in 9 s",
        "shop.exa…  25/25  1 retry, done",
        "api3           3  paused for 62 s",
        "total         53  41 s left",
    ]


def test_too_many_endpoints_share_one_line() -> None:
    """The shared row counts ended and troubled endpoints, and the chosen endpoints follow it."""
    failed = Paced(EndpointStatus("dead", retries=4, circuit="given up", ended="failed"))
    assert drawn([UNDER_WAY, OPEN, DONE, UNKNOWN, failed], 79, shown=[1, 3]) == [
        "endpoints   2/5 ended |████      | 1 circuit open, 1 paused, 1 incomplete",
        "api2       8/25 pages |███▏      | 160 records, 3 retries, open, probe in 9 s",
        "api3          3 pages |          | 60 records, paused for 62 s",
        "total        53 pages |          | 19 of 60 s, ETA unknown, 41 s left",
    ]


@pytest.mark.parametrize(
    ("elapsed", "fetching", "outlook"),
    [
        (19.2, True, "ETA 12 s, 41 s left"),
        (50.5, True, "ETA 12 s, too late: 10 s left"),
        (60.0, False, "fetching is over, writing"),
    ],
)
def test_the_outlook_is_held_against_the_deadline(elapsed: float, fetching: bool, outlook: str) -> None:
    """The outlook warns if the estimate is later than the deadline."""
    assert drawn([OPEN], 119, elapsed=elapsed, fetching=fetching)[-1].endswith(f" s, {outlook}")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"circuit": "open", "probe_in": 0.0}, "open, probe due"),
        ({"circuit": "half-open"}, "half-open, probing"),
        ({"circuit": "given up", "ended": "partial"}, "given up"),
        ({"ended": "partial", "paused_for": 9.0}, "partial"),
        ({"ended": "failed"}, "failed"),
        ({"ended": "complete"}, "done"),
        ({"paused_for": 0.4}, ""),
    ],
)
def test_states_are_told_in_words(changes: dict[str, object], words: str) -> None:
    """An end has precedence over the circuit, and the circuit over a pause; short pauses are not shown."""
    assert state(EndpointStatus("a", **changes)) == words  # type: ignore[arg-type]  # keyword arguments of any field


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0, "0 s"), (0.1, "1 s"), (99.0, "99 s"), (119.1, "2 min"), (5999.0, "99 min 59 s"), (7201.0, "2 h")],
)
def test_remaining_times_are_rounded_up(seconds: float, words: str) -> None:
    """A remaining time is 0 s only when it is over."""
    assert remaining(seconds) == words


COUNTS = st.integers(0, 10**7)
SECONDS = st.floats(0, 10**6)
STATUSES = st.builds(
    EndpointStatus,
    source=st.text(max_size=70) | st.text("店舗{}é\x1b\u0301a", min_size=1, max_size=70),
    pages=COUNTS,
    pages_wanted=st.none() | COUNTS,
    records=COUNTS,
    records_announced=st.none() | COUNTS,
    retries=COUNTS,
    circuit=st.sampled_from(["closed", "open", "half-open", "given up"]),
    probe_in=st.none() | SECONDS,
    paused_for=SECONDS,
    ended=st.sampled_from([None, "complete", "partial", "failed"]),
)
ENDPOINTS = st.lists(st.builds(Paced, STATUSES, st.none() | SECONDS, st.none() | SECONDS), max_size=5)


@given(ENDPOINTS, st.integers(1, 200), st.booleans(), SECONDS)
def test_no_line_is_wider_than_the_terminal(endpoints: list[Paced], width: int, folded: bool, elapsed: float) -> None:
    """For any status and any characters, no row wraps and none contains control characters."""
    lines = drawn(endpoints, width, range(len(endpoints)) if folded else None, elapsed=elapsed)
    assert len(lines) == len(endpoints) + 1 + folded
    for line in lines:
        assert line.isprintable()
        assert wcswidth(line) <= width
        assert sum(2 if east_asian_width(character) in "WF" else 1 for character in line) <= width


def test_after_an_early_end_all_endpoints_have_ended() -> None:
    """Once fetching is over, by a signal for example, no row counts endpoints that go on, and only one row counts."""
    endpoints = [UNDER_WAY, OPEN, DONE]
    run = run_of(endpoints, fetching=False)
    assert "0 of 3 endpoints active" in progress_line(run, endpoints)
    folded = drawn(endpoints, 100, shown=[0, 1], fetching=False)
    assert [row for row in folded if "ended" in row] == [folded[0]]
    assert folded[0].split()[:3] == ["endpoints", "3/3", "ended"]
    assert "3/3 ended" in drawn(endpoints, 100, fetching=False)[-1]
