"""Additive increase, multiplicative decrease: finds the rate that a server allows, where it is less than ours."""

import math

import msgspec

# What a refusal leaves of the rate, and how low refusals can bring it, as shares.
DECREASE, LEAST = 0.7, 0.25

# What a success adds, as a share of the configured rate: little near the rate that was refused, more far below it.
INCREASE, CAREFUL_INCREASE = 1 / 20, 1 / 400
NEAR = 0.9


class AdaptiveRateStatistics(msgspec.Struct, frozen=True):
    """The ``rate`` now, in requests a second, how often it was ``decreased``, and at what rate last."""

    rate: float
    decreased: int
    refused_at: float


class AdaptiveRate:
    """A rate that never exceeds ``configured`` (requests a second), and yields to refusals.

    As in congestion control (RFC 5681, section 3.1), requests that were sent before the last decrease say nothing about
    the rate since.
    """

    def __init__(self, configured: float) -> None:
        self._configured = configured
        self._rate = configured
        self._refused_at = math.inf
        self._decreased_at = -math.inf
        self._decreased = 0

    @property
    def rate(self) -> float:
        """Requests a second that may be made now."""
        return self._rate

    def refused(self, sent_at: float, now: float) -> None:
        """A request that was sent at some time was refused; times are on Trio's clock."""
        if sent_at < self._decreased_at:
            return
        self._refused_at, self._decreased_at = self._rate, now
        self._rate = max(self._rate * DECREASE, self._configured * LEAST)
        self._decreased += 1

    def allowed(self) -> None:
        """A request was not refused."""
        step = INCREASE if self._rate < self._refused_at * NEAR else CAREFUL_INCREASE
        self._rate = min(self._configured, self._rate + step * self._configured)

    def statistics(self) -> AdaptiveRateStatistics:
        """A snapshot of the rate."""
        return AdaptiveRateStatistics(self._rate, self._decreased, self._refused_at)
