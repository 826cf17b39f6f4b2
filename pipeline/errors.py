"""All errors that the program raises on purpose, in one tree.

::

    PipelineError
    ├── ConfigError                the configuration is unusable; lists all its problems
    ├── OutputError                the journal or the summary cannot be written
    │   └── StoreError             the run cannot be written into the store
    │       └── StoreUnreachableError  its server does not accept a connection
    ├── AbortedError               a second signal ended the run at once
    ├── WorkerLostError            a worker of an engine died, and what it had not returned is lost
    └── FetchError                 carries source, page, attempt and HTTP status
        ├── TransientError         worth a retry
        │   ├── UnreachableError   no connection could be opened
        │   ├── TruncatedFeedError     a feed ends before its end
        │   └── RateLimitedError   a refusal: the server is healthy, the client is too fast
        ├── PermanentError         the same request would fail again: the page is skipped
        │   ├── NoRecordsError     the body is valid, but has no list of records
        │   ├── FeedFoundError     the response is a feed, which is read in another way
        │   └── RedirectedError    the page has another URL, which may be requested
        └── EndpointLostError      the walk ends here; the rest of the endpoint is unknown
            ├── CircuitGivenUpError    every probe of the open circuit failed
            ├── CredentialsRefusedError    the token URL grants no access token
            └── DeadlineNearError      the next request could only start after the deadline
"""

from collections.abc import Sequence
from typing import Self, TypeVar

import msgspec

_E = TypeVar("_E", bound=BaseException)


class PipelineError(Exception):
    """Base class of all errors that the program raises on purpose."""


class Problem(msgspec.Struct, frozen=True):
    """One mistake in the configuration: the key's path, what is wrong, and what to do.

    ``place`` is the key's place in its file, as ``FILE:LINE:COLUMN``; None if it is not from a file.
    """

    path: str
    text: str
    place: str | None = None

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.path, self.text) if part)


class ConfigError(PipelineError):
    """The configuration is unusable; ``problems`` lists every mistake, not just the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[object, ...]:
        return ConfigError, (self.problems,)


class OutputError(PipelineError):
    """The journal or the summary cannot be written, although it could be opened at the start."""


class StoreError(OutputError):
    """The run cannot be written into the store, which is unchanged."""


class StoreUnreachableError(StoreError):
    """The server of the store does not accept a connection: refused, unknown host, or too slow."""


class AbortedError(PipelineError):
    """A second signal, number ``signal``, ended the run at once: there is a journal, but no summary."""

    def __init__(self, signal: int) -> None:
        super().__init__("stopped at once by a second signal; no summary was written; continue with --resume")
        self.signal = signal


class WorkerLostError(PipelineError):
    """A worker of an engine died before it returned its result."""


class FetchError(PipelineError):
    """A request, an attempt at a page, or a walk failed.

    ``code`` is the HTTP status, None without a response. ``retry_after`` is in seconds from the response on.
    ``source``, ``page``, ``attempt`` and ``elapsed`` (seconds) are None if the request does not belong to a page.
    :meth:`at` returns the error of a page's attempt.
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

    def with_text(self, text: str) -> Self:
        """Return the same error with another text."""
        return self._replaced(text=text)

    def at(self, *, source: str, page: int, attempt: int, elapsed: float, text: str) -> Self:
        """Return the same error as that of one attempt at a page; ``elapsed`` is in seconds."""
        return self._replaced(source=source, page=page, attempt=attempt, elapsed=elapsed, text=text)

    def _replaced(self, **changes: object) -> Self:
        error = type(self).__new__(type(self))
        error.args = self.args
        error.__dict__ |= self.__dict__ | changes
        error.__cause__, error.__suppress_context__ = self.__cause__, True
        return error

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        if self.source is None:
            return self.text
        return f"{self.source} page {self.page}, attempt {self.attempt}: {self.text}"


def _restored(kind: type[FetchError], args: tuple[object, ...], state: dict[str, object]) -> FetchError:
    """Return an error as it was pickled, without calling its constructor, whose arguments are not known any more."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__ |= state
    return error


class TransientError(FetchError):
    """A failure that may heal with time: 5xx, 408, timeouts, resets, truncated or invalid HTTP."""


class UnreachableError(TransientError):
    """No connection could be opened: refused, unknown host, no route, TLS."""


class TruncatedFeedError(TransientError):
    """A feed ends before its end: within a row, a quoted cell, an element or compressed data."""


class RateLimitedError(TransientError):
    """HTTP 429 (RFC 6585, section 4), or 503 with ``Retry-After``: the request is refused, and will be served later.

    It is repeated for as long as the deadline permits, and does not count for the circuit breaker.
    """


class PermanentError(FetchError):
    """A failure that a retry would repeat: other statuses, malformed JSON, a body over the limit."""


class NoRecordsError(PermanentError):
    """The response is valid JSON, but contains no list of records."""


class FeedFoundError(PermanentError):
    """The response is a feed, which is read as a stream; ``format`` is its format as the configuration names it."""

    def __init__(self, text: str, *, format: str) -> None:  # noqa: A002 - the key of the configuration
        super().__init__(text)
        self.format = format


class RedirectedError(PermanentError):
    """HTTP 301, 302, 303, 307 or 308 (RFC 9110, section 15.4).

    ``location`` is an absolute URL that may be requested.
    """

    def __init__(self, text: str, *, code: int, location: str) -> None:
        super().__init__(text, code=code)
        self.location = location


class EndpointLostError(FetchError):
    """The walk of the endpoint has to end; what would have followed is unknown."""


class CircuitGivenUpError(EndpointLostError):
    """The last probe of the circuit breaker failed."""


class CredentialsRefusedError(EndpointLostError):
    """The token URL grants no access token (RFC 6749, section 5.2): no request can be made."""


class DeadlineNearError(EndpointLostError):
    """A wait would end after the deadline of the run; ``wait`` names it."""

    def __init__(self, wait: str, *, code: int | None = None) -> None:
        remedy = "raise `timeout` (-t), or continue later with --resume"
        super().__init__(f"{wait}, which is past the deadline; {remedy}", code=code)


def first_leaf(group: BaseExceptionGroup[_E]) -> _E:
    """Return the first error in a group, or in a group within it."""
    error = group.exceptions[0]
    return first_leaf(error) if isinstance(error, BaseExceptionGroup) else error
