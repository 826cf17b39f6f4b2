"""The adaptive rate: what it learns from refusals, and from the requests that pass."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fetch.policy.adaptive_rate import SLOWEST, AdaptiveRate


def refused_after(rate: AdaptiveRate, passed: int, *, every: float) -> float:
    """Let a number of requests pass, have the next one refused at once, and return its time."""
    for number in range(passed):
        rate.passed(number * every)
    rate.refused(passed * every, rate.rate, passed * every)
    return passed * every


def test_without_refusals_the_rate_is_the_configured_one() -> None:
    """Any number of requests that pass changes nothing, and no other rate would have fitted better."""
    rate = AdaptiveRate(5)
    for moment in range(100):
        rate.passed(moment)
    assert (rate.rate, rate.fitting(100)) == (5, None)


def test_it_goes_on_with_the_rate_at_which_requests_passed() -> None:
    """Ten requests passed, and 20 s after the first of them another one does: that is one every two seconds."""
    rate = AdaptiveRate(10)
    refused_after(rate, 10, every=0.1)
    rate.passed(20)
    assert rate.rate == 0.5


def test_it_climbs_to_95_percent_of_the_refused_rate_and_stays_there() -> None:
    """With ten requests passed before the refusal, each further one adds 1 %."""
    rate = AdaptiveRate(10)
    refused_after(rate, 10, every=0.1)
    rate.passed(20)
    rate.passed(22)
    assert rate.rate == pytest.approx(0.505)
    for moment in range(23, 400):
        rate.passed(moment)
    assert rate.rate == 9.5


def test_the_lowest_refused_rate_is_the_bound() -> None:
    """A second incident at a lower rate lowers the bound for the rest of the run."""
    rate = AdaptiveRate(10)
    refused_after(rate, 10, every=0.1)
    rate.passed(20)
    rate.refused(22, 0.5, 22)
    rate.passed(24)
    for moment in range(25, 400):
        rate.passed(moment)
    assert rate.rate == 0.95 * 0.5


def test_every_further_refusal_halves_the_rate() -> None:
    """Requests that are refused in a row are counted, and the rate falls to one a minute at the least."""
    rate = AdaptiveRate(10)
    rate.passed(0)
    seen = [(rate.refused(moment, rate.rate, moment), rate.rate) for moment in range(1, 14)]
    assert seen[:3] == [(1, 9.5), (2, 4.75), (3, 2.375)]
    assert seen[-1] == (13, SLOWEST)


def test_an_incident_soon_after_another_leaves_half_of_the_rate() -> None:
    """One request that passed within a minute does not mean that the server allows one a minute."""
    rate = AdaptiveRate(10)
    refused_after(rate, 10, every=0.1)
    rate.passed(10)
    assert rate.rate == 1
    rate.refused(11, 1, 11)
    rate.passed(70)
    assert rate.rate == 0.5


def test_refusals_of_requests_sent_before_the_last_refusal_have_no_effect() -> None:
    """Concurrent requests that are refused together are one refusal."""
    rate = AdaptiveRate(10)
    rate.passed(0)
    assert [rate.refused(sent_at, 10, now=2.0) for sent_at in (1.0, 1.1, 1.2)] == [1, 0, 0]
    assert rate.rate == 9.5


def test_requests_sent_before_the_last_refusal_do_not_end_the_incident() -> None:
    """An answer that was under way says nothing about what the server allows now."""
    rate = AdaptiveRate(10)
    rate.passed(0)
    rate.refused(1, 10, now=2)
    rate.passed(1.5)
    assert rate.in_incident
    rate.passed(4)
    assert not rate.in_incident
    assert rate.rate == 2 / 4


def test_a_first_request_that_is_refused_reveals_no_rate() -> None:
    """The quota may have been used up by somebody else, so the rate stays at 95 %."""
    rate = AdaptiveRate(10)
    rate.refused(0, 10, 0)
    assert rate.fitting(1) == 9.5
    rate.passed(60)
    assert rate.rate == 9.5


def test_without_a_limit_the_first_refusal_sets_one() -> None:
    """The refused rate is then the one at which requests passed."""
    rate = AdaptiveRate(0)
    assert rate.rate == 0
    refused_after(rate, 20, every=0.1)
    assert rate.rate == 0.95 * 10
    rate.passed(20)
    assert rate.rate == 1
    assert rate.fitting(21) == 1


def test_without_a_limit_a_first_request_that_is_refused_sets_none() -> None:
    """Nothing is known then, and no rate is said to fit."""
    rate = AdaptiveRate(0)
    rate.refused(0, 0, 0)
    rate.passed(60)
    assert (rate.rate, rate.fitting(60)) == (0, None)


def test_the_rate_that_fits_is_known_before_an_incident_ends() -> None:
    """A run that ends meanwhile names what passed until then."""
    rate = AdaptiveRate(10)
    refused_after(rate, 10, every=0.1)
    assert rate.fitting(40) == 10 / 40


@given(st.one_of(st.just(0.0), st.floats(0.001, 1000)), st.lists(st.booleans(), max_size=300))
def test_it_never_exceeds_what_is_configured(configured: float, refusals: list[bool]) -> None:
    """Any sequence of refusals leaves the rate between one a minute, or less if so configured, and the configured."""
    rate = AdaptiveRate(configured)
    most = configured or math.inf
    for moment, refused in enumerate(refusals):
        if refused:
            rate.refused(moment, rate.rate, moment)
        else:
            rate.passed(moment)
        assert min(most, SLOWEST) <= (rate.rate or math.inf) <= most
