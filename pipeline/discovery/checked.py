"""The result of a check, as an object that `check --json` prints."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from pipeline.config.source import PagingStyle
from pipeline.discovery.findings import findings_on, problem_on
from pipeline.discovery.first_page import FirstPage, FirstPageResults
from pipeline.discovery.forecast import RunForecast
from pipeline.errors import FetchError

# The version of the object. Additions keep it.
SCHEMA_VERSION = 1


class CheckedEndpoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first page of one endpoint.

    ``status`` is ``failed`` if no page arrived, and ``problem`` if the page is not as expected; ``problem`` has the
    text. ``paging`` is the style that a run would use; ``auto`` if nothing reveals it. ``announced_records`` and
    ``announced_pages`` are those of the whole endpoint, if its API announces them. ``seconds`` is the time it took.
    """

    name: str
    status: Literal["ok", "problem", "failed"]
    problem: str | None = None
    code: int | None = None
    seconds: float | None = None
    records: int | None = None
    products: int | None = None
    priced: int | None = None
    duplicates: int | None = None
    conflicting: int | None = None
    rejected: int | None = None
    format: str | None = None
    paging: PagingStyle | None = None
    announced_records: int | None = None
    announced_pages: int | None = None


class CheckResult(msgspec.Struct, frozen=True):
    """The result of a check.

    ``notices`` are sentences about endpoints that may share a rate limit. ``store`` is the URL of the store without
    credentials, None without one. ``estimate`` is None if it was not asked for.
    """

    exit_code: int
    endpoints: Sequence[CheckedEndpoint]
    notices: Sequence[str]
    store: str | None
    estimate: RunForecast | None
    schema_version: int = SCHEMA_VERSION


def checked_endpoints(first_pages: FirstPageResults) -> Sequence[CheckedEndpoint]:
    """Return what was found on each first page."""
    return [_checked(endpoint.name, outcome) for endpoint, outcome in first_pages]


def _checked(name: str, outcome: FirstPage | FetchError) -> CheckedEndpoint:
    if isinstance(outcome, FetchError):
        return CheckedEndpoint(name, "failed", outcome.text, outcome.code)
    found = findings_on(outcome)
    problem = problem_on(found)
    return CheckedEndpoint(
        name,
        "problem" if problem else "ok",
        problem or None,
        outcome.response.status,
        round(outcome.seconds, 3),
        len(outcome.records),
        found.products,
        found.priced,
        found.duplicates,
        found.conflicting,
        found.rejected,
        outcome.format.value,
        outcome.paging.style,
        outcome.announced.records,
        outcome.announced.pages,
    )
