"""Where an endpoint's time went."""

from enum import Enum

import msgspec


class Activity(Enum):
    """What an endpoint's time is spent on, what holds it up most first.

    Where several things happen at once, the time goes to the first of them: a page that waits for a token holds up the
    walk, whatever else is in the network meanwhile.
    """

    CIRCUIT = "circuit"
    RETRY_AFTER = "retry_after"
    CHANNEL = "channel"
    TOKENS = "tokens"
    BACKOFF = "backoff"
    NETWORK = "network"
    NORMALIZING = "normalizing"


class TimeSpent(msgspec.Struct, frozen=True):
    """An endpoint's wall time, in seconds, by what it was spent on; ``wall`` is the sum of all others.

    ``network`` is from a request to the last byte of its response; ``tokens`` waiting for the rate limit;
    ``retry_after`` for as long as the API asked; ``backoff`` between retries; ``circuit`` while the circuit is open;
    ``channel`` until consumers made room; ``normalizing`` is all else, this machine's own work, until the last page is
    written down.
    """

    wall: float = 0.0
    network: float = 0.0
    tokens: float = 0.0
    retry_after: float = 0.0
    backoff: float = 0.0
    circuit: float = 0.0
    channel: float = 0.0
    normalizing: float = 0.0

    def of(self, activity: Activity) -> float:
        """The seconds spent on one thing."""
        seconds: float = getattr(self, activity.value)
        return seconds


class SourceTime(TimeSpent, frozen=True):
    """An endpoint's wall time, and in one sentence what held it up most; None where there was no time to speak of."""

    bottleneck: str | None = None


NO_TIME = TimeSpent()
NO_SOURCE_TIME = SourceTime()
