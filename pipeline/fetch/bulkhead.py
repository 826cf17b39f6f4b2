"""Confine an unforeseen error to the source in which it occurs."""

import traceback
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import msgspec
import trio
from loguru import logger

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.errors import ConfigError, OutputError, first_leaf
from pipeline.fetch.fetcher import Fetcher
from pipeline.fetch.policy.throttle import Throttle
from pipeline.model.pages import LostPage, Page, utc_timestamp
from pipeline.model.status import EndpointStatus
from pipeline.model.summary import Action, Failure, FetchResult, Gap, Status

_PACKAGE = Path(__file__).parents[1]

# The maximum length of an exception's text in our messages, in characters.
_LONGEST_TEXT = 200


class Bulkhead:
    """A fetcher whose unforeseen exceptions end its own source, and no other.

    ``make`` creates the fetcher of ``endpoint``, which exists from the start of the walk until all its pages are
    written. An exception that leaves the fetcher closes its account and is the cause of what is missing. Errors that
    concern the whole run pass: a configuration that is unusable, and a journal that cannot be written. So do
    cancellations. ``throttle`` is that of the endpoint's group, which may learn after this walk has ended. ``pages`` is
    the number of pages that an earlier run has fetched.

    The methods are those of :class:`~pipeline.fetch.fetcher.Fetcher`.
    """

    def __init__(
        self, endpoint: ResolvedEndpoint, make: Callable[[Throttle], Fetcher], throttle: Throttle, *, pages: int = 0
    ) -> None:
        self._source = endpoint.name
        self._redact = endpoint.secrets.redact
        self._make = make
        self.throttle = throttle
        self._pages_written = 0
        # The reasons of the pages that were lost. The exceptions would keep the pages in memory.
        self._lost: dict[int, str] = {}
        # The facts that the fetcher's account does not have: failures, and the cause if it could not be closed.
        self._failures: list[Failure] = []
        self._cause: str | None = None
        self._fetcher: Fetcher | None = None
        # The account of a fetcher that has ended, and its last snapshot; before the walk, a snapshot without requests.
        self._result: FetchResult | None = None
        self._status = EndpointStatus(endpoint.name, pages=pages)

    async def run(self, send: trio.MemorySendChannel[Page]) -> None:
        """Walk the endpoint as the fetcher does; closes ``send``, also after an exception."""
        with send:
            try:
                if (fetcher := self._started()) is not None:
                    await fetcher.run(send)
                    self._release()
            except* (ConfigError, OutputError):
                raise
            except* Exception as group:  # noqa: BLE001 - see above
                error = first_leaf(group)
                if self.interrupt("skip", self._explained(error)):
                    self._log_traceback(error)
                elif self._cause is None:  # after the end of the walk: everything has been sent
                    self._note(error, self._pages_written + 1)

    def interrupt(self, action: Action, reason: str) -> bool:
        """Close the account of a walk that was cancelled; return False, without effect, if the walk had ended."""
        if self._cause is not None or (fetcher := self._started()) is None:
            return False
        try:
            return fetcher.interrupt(action, reason)
        except Exception as error:  # noqa: BLE001 - see above
            self._lose_account(error)
            return False

    @property
    def is_feed(self) -> bool:
        """True if the endpoint is a feed that its fetcher has not read."""
        return self._fetcher is not None and self._fetcher.is_feed

    @property
    def has_ended(self) -> bool:
        """True if the walk has ended, by itself or by an exception."""
        has_account = self._fetcher is not None and self._fetcher.has_ended
        return has_account or self._result is not None or self._cause is not None

    def page_written(self) -> None:
        """Account for a page that has been normalized and journaled."""
        self._pages_written += 1
        self._settle_page()

    def _started(self) -> Fetcher | None:
        """Return the fetcher, which is created now if there was none; None after its end, or if it cannot be created.

        Raises:
            ConfigError, OutputError: when the whole run cannot go on.
        """
        if self._fetcher is None and not self.has_ended:
            try:
                self._fetcher = self._make(self.throttle)
            except (ConfigError, OutputError):
                raise
            except Exception as error:  # noqa: BLE001 - an exception of any type must not reach the other sources
                self._lose_account(error)
        return self._fetcher

    def _release(self) -> None:
        """Keep only the account of a fetcher that has ended, once all its pages are written."""
        if self._fetcher is not None and self._fetcher.is_over:
            self._result, self._status = self._fetcher.result(), self._fetcher.status()
            self._fetcher = None

    def _settle_page(self) -> None:
        try:
            if self._fetcher is not None:
                self._fetcher.page_written()
                self._release()
        except Exception as error:  # noqa: BLE001 - see above
            self._note(error, self._pages_written)

    def page_lost(self, page: LostPage) -> None:
        """Account for a page that was sent, but could not be normalized or journaled: it is missing."""
        self._settle_page()
        if not page.trace.repeats:  # the records of a repetition are on another page
            self._lost[page.number] = self._explained(page.error)
        self._note(page.error, page.number)

    def result(self) -> FetchResult:
        """Return the account of the walk so far; pages that were lost after it are missing."""
        try:
            result = self._fetcher.result() if self._fetcher else self._kept()
        except Exception as error:  # noqa: BLE001 - see above
            self._lose_account(error)
            result = self._nothing()
        missing = set(result.pages_missing)
        lost: defaultdict[str, list[int]] = defaultdict(list)
        for number, reason in sorted(self._lost.items()):
            if number not in missing:
                lost[reason].append(number)
        gaps = [*result.gaps, *(Gap(numbers, reason) for reason, numbers in lost.items())]
        newly_missing = sum(map(len, lost.values()))
        pages_fetched = max(0, result.pages_fetched - newly_missing)
        if self._cause is not None and not result.ended:
            gaps.append(Gap((pages_fetched + len(missing) + newly_missing + 1,), self._cause, onward=True))
        return msgspec.structs.replace(
            result,
            pages_fetched=pages_fetched,
            gaps=gaps,
            failures=(*result.failures, *self._failures),
            ended=result.ended or self._cause is not None,
        )

    def status(self) -> EndpointStatus:
        """Return a snapshot for the live view, with less in it if the fetcher has none."""
        try:
            status = self._fetcher.status() if self._fetcher else self._status
        except Exception:  # noqa: BLE001 - a poor view must not end the source
            status = EndpointStatus(self._source, pages=self._pages_written)
        if not self._lost and self._cause is None:
            return status
        pages = max(0, status.pages - len(self._lost))
        ended: Status | None = "partial" if pages else "failed"
        return msgspec.structs.replace(status, pages=pages, ended=ended if status.ended or self._cause else None)

    def _lose_account(self, error: Exception) -> None:
        """Note an exception that leaves the fetcher without an account: what has not been written is missing."""
        if self._cause is None:
            self._cause = self._explained(error)
            self._note(error, self._pages_written + 1)

    def _note(self, error: Exception, page: int) -> None:
        """Record and log an exception that the fetcher does not know of."""
        text = self._explained(error)
        self._failures.append(Failure(self._source, page, None, text, utc_timestamp(), "skip"))
        logger.bind(endpoint=self._source, page=page, event="page_skipped").warning("{}", text)
        self._log_traceback(error)

    def _log_traceback(self, error: Exception) -> None:
        logger.bind(endpoint=self._source).opt(exception=error).debug("internal error")

    def _explained(self, error: Exception) -> str:
        try:
            text = self._redact(str(error))[:_LONGEST_TEXT]
        except Exception:  # noqa: BLE001 - some exceptions cannot even be shown
            text = ""
        place = _place(error)
        return f"internal error: {type(error).__name__}({text!r}){f' in {place}' if place else ''}; please report it"

    def _kept(self) -> FetchResult:
        """Return the account of a fetcher that has ended; of one that has none, the pages that it has sent."""
        if self._result is not None:
            return msgspec.structs.replace(self._result, fitting_rps=self.throttle.fitting_rate())
        return self._nothing()

    def _nothing(self) -> FetchResult:
        return FetchResult(self._source, 0, 0, self._pages_written + len(self._lost), (), ())


def _place(error: Exception) -> str | None:
    """Return the innermost place within this package: ``fetch/paging/chained.py:61``."""
    frames = traceback.extract_tb(error.__traceback__)
    paths = [(Path(frame.filename), frame.lineno) for frame in frames]
    places = [f"{path.relative_to(_PACKAGE).as_posix()}:{line}" for path, line in paths if _PACKAGE in path.parents]
    return places[-1] if places else None
