"""Find the rate that a server allows, by additive increase and multiplicative decrease (AIMD)."""

import math

# A refusal leaves this share of the rate. The rate never falls below the second one, a share of the configured rate.
DECREASE, LEAST = 0.7, 0.25

# Steps after a success, as shares of the configured rate. The careful step applies near the rate that was last refused.
INCREASE, CAREFUL_INCREASE = 1 / 20, 1 / 400
NEAR = 0.9


class AdaptiveRate:
    """A rate that falls when the server refuses requests, and recovers up to ``configured`` as it accepts them.

    Rates are in requests a second, times are on Trio's clock.
    """

    def __init__(self, configured: float) -> None:
        self._configured = configured
        self._rate = configured
        self._refused_at = math.inf
        self._decreased_at = -math.inf

    @property
    def rate(self) -> float:
        """The rate at which requests may be sent now."""
        return self._rate

    def refused(self, sent_at: float, now: float) -> None:
        """Lower the rate, because the server refused a request that was sent at ``sent_at``.

        As in congestion control (RFC 5681, section 3.1), a request that was sent before the last decrease has no
        effect, because it does not depend on the present rate.
        """
        if sent_at < self._decreased_at:
            return
        self._refused_at, self._decreased_at = self._rate, now
        self._rate = max(self._rate * DECREASE, self._configured * LEAST)

    def allowed(self) -> None:
        """Raise the rate by one step, because the server accepted a request."""
        step = INCREASE if self._rate < self._refused_at * NEAR else CAREFUL_INCREASE
        self._rate = min(self._configured, self._rate + step * self._configured)
