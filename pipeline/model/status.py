"""Live snapshots of a running pipeline.

A watcher polls for snapshots at its own pace; there are no events for single pages or records.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec

from pipeline.model.summary import Status

Circuit = Literal["closed", "open", "half-open", "given up"]


class EndpointStatus(msgspec.Struct, frozen=True):
    """A snapshot of one endpoint; all durations are in seconds.

    ``pages`` counts all pages fetched, including those of the run that this one resumes; ``records`` counts this run's
    alone. ``pages_wanted`` and ``records_announced`` are None if unknown; the latter also if an earlier run fetched
    some of the records. ``probe_in`` is the time until an open circuit admits a probe, None if it is not open.
    ``paused_for`` is the time until the API accepts requests again (``Retry-After``, an exhausted quota). ``ended`` is
    the final status, None while the endpoint is being fetched.
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
        """The expected number of pages, None if unknown; the pages fetched if the endpoint has ended."""
        return self.pages if self.pages_wanted is None and self.ended else self.pages_wanted


class RunStatus(msgspec.Struct, frozen=True):
    """A snapshot of a run: its endpoints in the order of the configuration, and its times in seconds.

    ``fetching`` is False once fetching has ended, at the last page, the deadline or a signal. The pages that arrived
    are then normalized and written.
    """

    endpoints: Sequence[EndpointStatus]
    elapsed: float
    timeout: float
    fetching: bool = True

    @property
    def pages(self) -> int:
        """The number of pages fetched, over all endpoints."""
        return sum(endpoint.pages for endpoint in self.endpoints)

    @property
    def pages_in_all(self) -> int | None:
        """The expected number of pages over all endpoints, None if unknown for one of them."""
        pages = [endpoint.pages_in_all for endpoint in self.endpoints]
        known = [number for number in pages if number is not None]
        return sum(known) if len(known) == len(pages) else None

    @property
    def records(self) -> int:
        """The number of records that arrived in this run, over all endpoints."""
        return sum(endpoint.records for endpoint in self.endpoints)

    @property
    def ended(self) -> int:
        """The number of endpoints that have ended, with any status: all of them once fetching has ended."""
        if not self.fetching:
            return len(self.endpoints)
        return sum(endpoint.ended is not None for endpoint in self.endpoints)

    @property
    def seconds_left(self) -> float:
        """The time until the deadline, at least 0."""
        return max(0.0, self.timeout - self.elapsed)


Poll = Callable[[], RunStatus]

# Watches a run: started with the run, and cancelled when all files are written.
Watch = Callable[[Poll], Awaitable[None]]
