"""Every error the program raises on purpose, in one tree.

::

    PipelineError
    ├── ConfigError                the configuration cannot be used: all its problems at once
    ├── OutputError                journal or summary cannot be written after all
    ├── AbortedError               a second signal ended the run at once
    └── FetchError                 carries source, page, attempt and HTTP status
        ├── TransientError         worth another try
        │   ├── UnreachableError   no connection came about
        │   └── RateLimitedError   429: the server is well, we are too fast
        ├── PermanentError         the same request would fail again: the page is given up
        │   └── RedirectedError    the page is somewhere else, where it may be asked for
        └── EndpointLostError      the walk ends here, the rest of the endpoint is unknown
            ├── CircuitGivenUpError    every probe of the open circuit failed
            ├── CredentialsRefusedError    the token URL gives no access token
            └── DeadlineNearError      the next request could only start after the deadline
"""

from collections.abc import Sequence
from typing import Self

import msgspec


class PipelineError(Exception):
    """Base of all errors that the program raises on purpose."""


class Problem(msgspec.Struct, frozen=True):
    """One mistake in the configuration: where it stands, what is wrong, what would be right."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text


class ConfigError(PipelineError):
    """The configuration cannot be used; ``problems`` lists every mistake found, not just the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class OutputError(PipelineError):
    """Journal or summary could not be written, though it looked possible at the start."""


class AbortedError(PipelineError):
    """A second signal, of number ``signal``, ended the run at once; the journal is there, a summary is not."""

    def __init__(self, signal: int) -> None:
        super().__init__("stopped at once by a second signal; no summary was written, go on with --resume")
        self.signal = signal


class FetchError(PipelineError):
    """One attempt at one page failed.

    ``source``, ``page``, ``attempt`` and ``elapsed`` (seconds) are filled in by :meth:`at`, where they are known.
    ``code`` is the HTTP status, None where no response came. ``retry_after`` is in seconds from the response on.
    """

    def __init__(self, text: str, *, code: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.retry_after = retry_after
        self.source: str | None = None
        self.page: int | None = None
        self.attempt: int | None = None
        self.elapsed: float | None = None

    def at(self, source: str, page: int, attempt: int, elapsed: float) -> Self:
        """Say where it happened, and how long it took; returns the error itself."""
        self.source, self.page, self.attempt, self.elapsed = source, page, attempt, elapsed
        return self

    def __str__(self) -> str:
        if self.source is None:
            return self.text
        return f"{self.source} page {self.page}, attempt {self.attempt}: {self.text}"


class TransientError(FetchError):
    """A failure that time may heal: 5xx, 408, timeouts, resets, truncated or invalid HTTP."""


class UnreachableError(TransientError):
    """No connection came about: refused, no such host, no route, TLS."""


class RateLimitedError(TransientError):
    """HTTP 429 (RFC 6585, section 4): retried, but no sign of ill health for the circuit breaker."""


class PermanentError(FetchError):
    """A failure that a retry repeats: other statuses, malformed JSON, a body over the cap."""


class RedirectedError(PermanentError):
    """HTTP 301, 302, 303, 307 or 308 (RFC 9110, section 15.4) to ``location``, an absolute URL that may be asked."""

    def __init__(self, text: str, *, code: int, location: str) -> None:
        super().__init__(text, code=code)
        self.location = location


class EndpointLostError(FetchError):
    """The endpoint's walk has to end; what would have followed is unknown."""


class CircuitGivenUpError(EndpointLostError):
    """The circuit breaker's last probe failed."""


class CredentialsRefusedError(EndpointLostError):
    """The token URL gives no access token (RFC 6749, section 5.2): nothing can be asked."""


class DeadlineNearError(EndpointLostError):
    """A wait that the server or the breaker imposes would end after the deadline of the run; ``wait`` says which."""

    def __init__(self, wait: str, *, code: int | None = None) -> None:
        remedy = "raise `timeout` (-t), or go on later with --resume"
        super().__init__(f"{wait}, which is past the deadline; {remedy}", code=code)
