"""The account that one fetcher keeps of its pages, requests and failures."""

from collections.abc import Iterable

from pipeline.errors import FetchError
from pipeline.model import Action, Failure, Walk, utc_timestamp


class Ledger:
    """Writes down what happens on one endpoint's walk; ``statistics()`` is the account so far."""

    def __init__(self, source: str, *, pages_fetched: int = 0) -> None:
        self._source = source
        self._requests = 0
        self._retries = 0
        self._pages_fetched = pages_fetched
        self._put_off: dict[int, FetchError] = {}
        self._pages_missing: set[int] = set()
        self._missing_from: int | None = None
        self._failures: list[Failure] = []
        self._ended = False

    def requested(self, *, again: bool) -> None:
        """A request goes out; ``again`` when it is not the first one for its page."""
        self._requests += 1
        self._retries += again

    def fetched(self, page: int) -> None:
        """A page of records arrived."""
        self._pages_fetched += 1
        self._put_off.pop(page, None)

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

    def put_off(self, page: int, error: FetchError) -> None:
        """A page was given up for now; it is tried once more at the end of the walk."""
        self._put_off[page] = error
        self.failed(page, error, "retry")

    def given_up(self, page: int, error: FetchError) -> None:
        """A page was asked for in vain, for good."""
        self._put_off.pop(page, None)
        self._pages_missing.add(page)
        self.failed(page, error, "skip")

    def ended(self, *, missing: Iterable[int] = (), missing_from: int | None = None) -> None:
        """The walk is over: at the endpoint's own end, with pages ``missing``, or where all that follows is unknown."""
        for page, error in list(self._put_off.items()):
            self.given_up(page, error)
        self._pages_missing.update(missing)
        if missing_from is not None:
            self._pages_missing.add(missing_from)
        self._missing_from = missing_from
        self._ended = True

    def statistics(self) -> Walk:
        """The account so far."""
        return Walk(
            source=self._source,
            requests=self._requests,
            retries=self._retries,
            pages_fetched=self._pages_fetched,
            pages_missing=tuple(sorted(self._pages_missing | self._put_off.keys())),
            missing_from=self._missing_from,
            failures=tuple(self._failures),
            ended=self._ended,
        )
