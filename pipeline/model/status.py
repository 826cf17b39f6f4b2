"""How a run stands while it is under way: what those see who watch it.

A snapshot is taken whenever somebody asks for one; nobody is told of single pages or records.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec

from pipeline.model.summary import Status

Circuit = Literal["closed", "open", "half-open", "given up"]


class EndpointStatus(msgspec.Struct, frozen=True):
    """How one endpoint stands at a moment; all durations are in seconds.

    ``pages`` are all that were fetched, also by an earlier run that this one goes on with, ``records`` are of this run.
    ``pages_wanted`` and ``records_announced`` are None where that is unknown, the latter also where an earlier run has
    some of them. ``probe_in`` tells how long an open circuit stays so, and is None for any other; ``paused_for`` how
    long the API wants to be left alone (``Retry-After``, a quota that is used up). ``ended`` tells how the walk ended,
    None while it is under way.
    """

    source: str
    pages: int = 0
    pages_wanted: int | None = None
    records: int = 0
    records_announced: int | None = None
    requests: int = 0
    retries: int = 0
    circuit: Circuit = "closed"
    probe_in: float | None = None
    paused_for: float = 0.0
    ended: Status | None = None

    @property
    def pages_in_all(self) -> int | None:
        """How many pages there will be of it: with a walk that has ended no more than there are."""
        return self.pages if self.pages_wanted is None and self.ended else self.pages_wanted


class RunStatus(msgspec.Struct, frozen=True):
    """How a run stands at a moment: its endpoints in the order of the configuration, and its time in seconds.

    ``fetching`` is False once that has ended, by itself, at the deadline or by a signal; what arrived is then being
    normalized and written.
    """

    endpoints: Sequence[EndpointStatus]
    elapsed: float
    timeout: float
    fetching: bool = True

    @property
    def pages(self) -> int:
        """The pages that are fetched, of all endpoints."""
        return sum(endpoint.pages for endpoint in self.endpoints)

    @property
    def pages_in_all(self) -> int | None:
        """How many pages all endpoints have, None where that is unknown of one of them."""
        pages = [endpoint.pages_in_all for endpoint in self.endpoints]
        known = [number for number in pages if number is not None]
        return sum(known) if len(known) == len(pages) else None

    @property
    def records(self) -> int:
        """The records that arrived in this run, of all endpoints."""
        return sum(endpoint.records for endpoint in self.endpoints)

    @property
    def ended(self) -> int:
        """How many endpoints' walks have ended, well or not."""
        return sum(endpoint.ended is not None for endpoint in self.endpoints)

    @property
    def seconds_left(self) -> float:
        """The time until the deadline."""
        return max(0.0, self.timeout - self.elapsed)


Poll = Callable[[], RunStatus]

# What watches a run: it is started with it, and cancelled when all is written.
Watch = Callable[[Poll], Awaitable[None]]
