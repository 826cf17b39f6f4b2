"""The account that one fetcher keeps of its pages, requests and failures."""

from pipeline.errors import FetchError
from pipeline.model import Action, Failure, Walk, utc_timestamp


class Ledger:
    """Writes down what happens on one endpoint's walk; ``statistics()`` is the account so far."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._requests = 0
        self._retries = 0
        self._pages_fetched = 0
        self._pages_missing: list[int] = []
        self._missing_from: int | None = None
        self._failures: list[Failure] = []
        self._ended = False

    def requested(self, attempt: int) -> None:
        """A request goes out; every attempt at a page but the first is a retry."""
        self._requests += 1
        self._retries += attempt > 1

    def fetched(self) -> None:
        """A page of records arrived."""
        self._pages_fetched += 1

    def failed(self, page: int, error: FetchError, action: Action) -> None:
        """An attempt failed, or the walk met an obstacle, and this is what was done about it."""
        self._failures.append(
            Failure(
                source=self._source,
                page=page,
                code=error.code,
                error=error.text,
                timestamp=utc_timestamp(),
                action=action,
            )
        )

    def missing(self, page: int) -> None:
        """A page was asked for in vain."""
        self._pages_missing.append(page)

    def ended(self, *, missing_from: int | None = None) -> None:
        """The walk is over: at the endpoint's own end, or at a page from which on all is unknown."""
        if missing_from is not None and missing_from not in self._pages_missing:
            self._pages_missing.append(missing_from)
        self._missing_from = missing_from
        self._ended = True

    def statistics(self) -> Walk:
        """The account so far."""
        return Walk(
            source=self._source,
            requests=self._requests,
            retries=self._retries,
            pages_fetched=self._pages_fetched,
            pages_missing=tuple(self._pages_missing),
            missing_from=self._missing_from,
            failures=tuple(self._failures),
            ended=self._ended,
        )
