"""Waiting times: exponential backoff, and Retry-After."""

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.fetch.policy.backoff import Backoff, parse_retry_after

NOW = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
DELAYS = st.floats(min_value=0, max_value=1e6)

# Fragments of dates, so that Hypothesis generates texts that resemble a date.
PIECES = st.sampled_from(
    """
    Sat, Saturday, 21 Nov 2026 21-Nov-26 10:00:30 GMT +0200 -0000 EST 0 -1 . , : - + ( ) " 99 9999 0001 Dec Jan 1:1
    23:59:59 +9999 99999999999999999999 -99999999999999999999 2147483648 1e9 1.1.1 Feb 29 30 25:61:61
    """.split()
)


def test_default_delays_double_up_to_the_cap() -> None:
    """Without jitter the defaults wait exactly 0.5, 1, 2, 4, 4, … seconds."""
    backoff = Backoff(base_delay=0.5, max_delay=4, jitter=0)
    assert [backoff.delay(retry, Random(1)) for retry in range(1, 8)] == [0.5, 1, 2, 4, 4, 4, 4]


@pytest.mark.parametrize(
    ("base_delay", "max_delay", "delays"),
    [(3, 10, [3, 6, 10, 10]), (5, 1, [1, 1, 1, 1]), (0, 4, [0, 0, 0, 0]), (1, 0, [0, 0, 0, 0])],
)
def test_base_and_cap_decide_the_delays(base_delay: float, max_delay: float, delays: list[float]) -> None:
    """The first delay is the base, each further one is double, and the cap applies to all, including the first."""
    backoff = Backoff(base_delay=base_delay, max_delay=max_delay, jitter=0)
    assert [backoff.delay(retry, Random(1)) for retry in range(1, 5)] == delays


@pytest.mark.parametrize("retry", [100, 1025, 10_000, 2**31, 2**63, 10**30])
def test_huge_retry_numbers_stay_at_the_cap(retry: int) -> None:
    """For any number of retries the delay is the cap, without an overflow."""
    assert Backoff(base_delay=0.5, max_delay=4, jitter=0).delay(retry, Random(1)) == 4
    assert Backoff(base_delay=0, max_delay=4, jitter=1).delay(retry, Random(1)) == 0


@given(
    base_delay=DELAYS,
    max_delay=DELAYS,
    jitter=st.floats(min_value=0, max_value=1),
    retry=st.integers(min_value=1, max_value=2000),
    seed=st.integers(),
)
def test_jitter_only_adds_and_stays_within_its_share(
    base_delay: float, max_delay: float, jitter: float, retry: int, seed: int
) -> None:
    """A jittered delay is at least the plain one, and at most longer by the jitter's fraction of it."""
    plain = Backoff(base_delay=base_delay, max_delay=max_delay, jitter=0).delay(retry, Random(seed))
    jittered = Backoff(base_delay=base_delay, max_delay=max_delay, jitter=jitter).delay(retry, Random(seed))
    assert plain <= jittered <= plain * (1 + jitter) * (1 + 1e-12)


def test_jitter_spreads_over_its_whole_share() -> None:
    """Jitter of 10 % spreads delays of 4 seconds over the whole range from 4 to 4.4."""
    rng = Random(1)
    backoff = Backoff(base_delay=0.5, max_delay=4, jitter=0.1)
    delays = [backoff.delay(9, rng) for _ in range(1000)]
    assert 4 <= min(delays) < 4.01
    assert 4.39 < max(delays) <= 4.4


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7\t", 7),
        ("007", 7),
        ("1.5", 1.5),
        ("0.25", 0.25),
        (".5", 0.5),
        ("2.", 2),
        ("Sat, 21 Nov 2026 10:00:30 GMT", 30),
        ("Sat, 21 Nov 2026 12:00:30 +0200", 30),
        ("Sat, 21 Nov 2026 10:00:30 -0000", 30),
        ("Sat, 21 Nov 2026 10:00:30", 30),
        ("Sat, 21 Nov 2026 10:00:00 GMT", 0),
        ("Sat, 21 Nov 2026 09:59:59 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Saturday, 21-Nov-26 10:00:30 GMT", 30),  # RFC 850
        ("Sat Nov 21 10:00:30 2026", 30),  # asctime
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0),
        ("Sun Nov  6 08:49:37 1994", 0),
    ],
)
def test_retry_after_is_read(value: str, seconds: float) -> None:
    """Whole and decimal seconds and HTTP dates of all three formats are understood; a past date is 0."""
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *["", " ", ".", "-1", "-0.5", "+5", "1e3", "0x10", "1,5", "1.2.3", "1_000", "5 s", "5s", "soon", "²", "٣", "½"],
        *["inf", "-inf", "nan", "Infinity", "NaN", "None", "null", "true"],
        *["2026-11-21T10:00:30Z", "21 Nov 2026", "Sat, 99 Nov 2026 10:00:30 GMT", "Sat, 21 Nov 2026 25:00:00 GMT"],
    ],
)
def test_useless_retry_after_is_none(value: str) -> None:
    """A value that is neither a number of seconds nor a date is treated like a missing field."""
    assert parse_retry_after(value, NOW) is None


def test_missing_retry_after_is_none() -> None:
    """Without the field there is no wait."""
    assert parse_retry_after(None, NOW) is None


@pytest.mark.parametrize(
    "value",
    [
        "1 Jan 9999999999 00:00:00",
        "Sat, 21 Nov 99999999999999999999 10:00:30 GMT",
        "Sat, 21 Nov 2026 10:00:30 +99999999999999999999",
        "Sat, 21 Nov 2026 99999999999999999999:00:30 GMT",
    ],
)
def test_dates_beyond_the_calendar_are_none(value: str) -> None:
    """A date with a number too large for the calendar is ignored, without a crash."""
    assert parse_retry_after(value, NOW) is None


@pytest.mark.parametrize("digits", [20, 309, 5000])
def test_endless_digits_ask_for_a_very_long_wait(digits: int) -> None:
    """A number with any number of digits is a very long wait, never a short one and never a crash."""
    seconds = parse_retry_after("9" * digits, NOW)
    assert seconds is not None
    assert seconds >= 1e19


@given(st.one_of(st.text(), st.text(alphabet="0123456789.-+:, GMTSatNov")))
@example("1" * 5000 + "." + "1" * 5000)
def test_any_text_is_a_wait_or_nothing(value: str) -> None:
    """For any text in the field, the result is None or a number of seconds that is not negative."""
    check(value)


@given(st.lists(PIECES, max_size=8), st.sampled_from([" ", "", ","]))
@example(["1", "Jan", "9999999999", "00:00:00"], " ")
def test_any_near_date_is_a_wait_or_nothing(pieces: list[str], between: str) -> None:
    """Texts that resemble a date also give None or a number of seconds that is not negative."""
    check(between.join(pieces))


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - made aware below
def test_every_http_date_is_read_to_the_second(date: datetime) -> None:
    """An HTTP date gives the whole seconds from now until then, and 0 if it is past."""
    date = date.replace(microsecond=0, tzinfo=UTC)
    expected = max(timedelta(0), date - NOW).total_seconds()
    assert parse_retry_after(format_datetime(date, usegmt=True), NOW) == expected


@given(st.integers(min_value=0, max_value=10**6), st.integers(min_value=0, max_value=999))
def test_every_number_of_seconds_is_read(whole: int, thousandths: int) -> None:
    """Decimal seconds are read exactly."""
    assert parse_retry_after(f"{whole}.{thousandths:03}", NOW) == float(f"{whole}.{thousandths:03}")


def check(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0
    assert seconds is None or not math.isnan(seconds)
