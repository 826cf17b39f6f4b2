"""The events of a run: with ``log.format: json``, each line of the log is one of them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.model.summary import Status


def _tag(name: str) -> str:
    """Return the ``event`` of a class: ``attempt_failed`` for ``AttemptFailed``."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


class Event(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="event",
    tag=_tag,
):
    """The fields of every event.

    ``time`` is in the form of RFC 3339 with the offset of the machine. ``run`` is the id of the run; it is null before
    the run has begun. Fields that are null are left out, except ``run``. All durations are in seconds.
    """

    time: str
    level: str
    run: str | None
    message: str


class RunStarted(Event, frozen=True):
    """The run begins to fetch; ``resumed`` is True if it continues an unfinished one."""

    version: str
    endpoints: int
    timeout: float
    output: str
    resumed: bool
    engine: str | None = None


class _AboutPage(Event, frozen=True):
    endpoint: str
    page: int
    attempt: int | None = None
    code: int | None = None
    elapsed: float | None = None


class AttemptFailed(_AboutPage, frozen=True):
    """An attempt failed and is repeated after ``retry_in``; ``code`` is the HTTP status, if there was a response."""

    retry_in: float | None = None


class PageDeferred(_AboutPage, frozen=True):
    """A page failed, and is requested once more at the end of the walk."""


class PageSkipped(_AboutPage, frozen=True):
    """A page, or a part of it, is missing for good."""


class CircuitOpened(_AboutPage, frozen=True):
    """An attempt failed, and no request is sent for ``probe_in``; without it, the endpoint is given up."""

    probe_in: float | None = None


class CircuitClosed(Event, frozen=True):
    """A probe succeeded: requests are sent as before."""

    endpoint: str


class RateChanged(Event, frozen=True):
    """The rate of an endpoint and its group changed by a tenth or more, from ``before`` to ``rps``; 0 is no limit."""

    endpoint: str
    rps: float
    before: float


class EndpointEnded(Event, frozen=True):
    """The walk of an endpoint ended; ``missing_from`` is the page after which nothing is known."""

    endpoint: str
    status: Status
    pages: int
    pages_missing: int
    records: int
    requests: int
    retries: int
    missing_from: int | None = None


class Progress(Event, frozen=True):
    """The state of the run, every five seconds; ``pages_in_all`` and ``seconds_to_go`` are estimates."""

    pages: int
    records: int
    endpoints_active: int
    seconds_left: float
    pages_in_all: int | None = None
    seconds_to_go: float | None = None


class OutputWritten(Event, frozen=True):
    """A file or the store has the result; ``output`` is its kind, as in ``files`` of the last event."""

    output: str
    path: str


class Notice(Event, frozen=True):
    """Any other line."""

    endpoint: str | None = None
    page: int | None = None
    attempt: int | None = None
    code: int | None = None
    elapsed: float | None = None
    exception: str | None = None


class RunFinished(Event, frozen=True):
    """The last line, whatever ``log.level`` is.

    ``status`` is that of the summary; it is ``failed`` if there is none. ``files`` has the paths that were written by
    kind. ``error`` is the reason for which the run has no summary.
    """

    status: Status
    exit_code: int
    products: int
    seconds: float
    files: Mapping[str, str]
    error: str | None = None


AnyEvent = (
    RunStarted
    | AttemptFailed
    | PageDeferred
    | PageSkipped
    | CircuitOpened
    | CircuitClosed
    | RateChanged
    | EndpointEnded
    | Progress
    | OutputWritten
    | Notice
    | RunFinished
)

EVENTS: Mapping[str, type[Event]] = {_tag(each.__name__): each for each in AnyEvent.__args__}
decode_event = msgspec.json.Decoder(AnyEvent).decode

_COMMON = frozenset(Event.__struct_fields__)


def event_of(extra: Mapping[str, Any], *, time: str, level: str, message: str, exception: str | None = None) -> Event:
    """Return the event of a log record from its bound values; without a known ``event`` among them, it is a notice.

    A transform may log with values of its own.
    """
    kind = EVENTS.get(str(extra.get("event")), Notice)
    known = {**extra, "exception": exception}
    fields = {name: known[name] for name in kind.__struct_fields__ if name in known and name not in _COMMON}
    return kind(time=time, level=level, run=extra.get("run"), message=message, **fields)


def events_schema() -> str:
    """Return the JSON Schema of one line of the log, as indented JSON."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(AnyEvent)}
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode()
