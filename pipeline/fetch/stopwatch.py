"""Times one attempt at a page."""

import trio

from pipeline.fetch.bucket import Grant


class Stopwatch:
    """Counts from when a page is asked for at last, after all waits; ``latency`` is that of its last request."""

    def __init__(self) -> None:
        self.started_at: float | None = None
        self._sent_at: float | None = None
        self.latency = 0.0

    def start(self) -> None:
        """A request begins; so does the count, unless it has."""
        self._sent_at = trio.current_time()
        if self.started_at is None:
            self.started_at = self._sent_at

    def sent(self, grant: Grant) -> None:
        """The request leaves; a connection that had to be opened stands."""
        self._sent_at = trio.current_time()
        grant.sent()

    def over(self) -> None:
        """The request is over."""
        if self._sent_at is not None:
            self.latency, self._sent_at = trio.current_time() - self._sent_at, None

    def seconds(self) -> float:
        """The time since the start, 0 before."""
        return 0.0 if self.started_at is None else trio.current_time() - self.started_at
