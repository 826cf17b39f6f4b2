"""Find the paging of an API during the walk: the first page is the URL as written, and its response decides."""

from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from pipeline.config.request import NO_REQUEST, Request
from pipeline.config.source import Paging, PagingStyle
from pipeline.errors import FetchError, NoRecordsError
from pipeline.fetch.content.response import FetchedPage
from pipeline.fetch.paging.detection import Candidate, FirstResponse, candidates
from pipeline.fetch.paging.ends import REFUSALS, Walked
from pipeline.fetch.paging.loop_detector import LoopDetector, Repetition
from pipeline.fetch.paging.numbered import IGNORES_PAGE
from pipeline.fetch.paging.paginator import Ending, Fate, PageRequest, Paginator
from pipeline.model.pages import EndpointProfile

_SECOND = 2


class AutoPaginator:
    """A walk that begins with the URL as written and continues with the paging that its response names.

    If the response names none, ``page=2`` and then ``offset=N`` are tried: the first that brings new records is the
    style. A wrong guess is not a failure. ``make`` returns the paginator of a style, to which the first page is then
    given.
    """

    def __init__(
        self,
        paging: Paging,
        detector: LoopDetector,
        make: Callable[[Paging], Paginator],
        *,
        request: Request = NO_REQUEST,
    ) -> None:
        self._request = request
        self._detector = detector
        self._make = make
        self._is_estimate = paging.total_is_estimate
        self._first: FirstResponse | None = None
        self._candidates: deque[Candidate] = deque()
        self._inner: Paginator | None = None
        self._is_named = self._is_proved = False
        self._second_pass = self._asked_again = False
        self._ending: Ending | None = None
        self._remark: str | None = None

    @property
    def ending(self) -> Ending | None:
        """The reason for which the walk ended, None while it goes on."""
        return self._ending or (self._inner.ending if self._inner else None)

    @property
    def page(self) -> int:
        """The current page."""
        if self._inner is None:
            return 1
        return _SECOND if self._ending else self._inner.page

    @property
    def end(self) -> int | None:
        """The number after the last page, None if it is unknown."""
        return self._inner.end if self._inner and self._ending is None else None

    @property
    def walked(self) -> Walked:
        """The facts about the walk so far."""
        if self._first and self._ending:  # page 1 alone, whatever was tried
            return self._first.walked
        return self._inner.walked if self._inner else Walked(is_estimate=self._is_estimate)

    @property
    def profile(self) -> EndpointProfile | None:
        """The facts that the first page revealed, None until the style is certain."""
        is_certain = (self._is_named or self._is_proved) and self._ending is None
        return self._inner.profile if self._inner and is_certain else None

    @property
    def remark(self) -> str | None:
        """The text for the log at the end, None if there is nothing to remark."""
        return self._remark or (self._inner.remark if self._inner else None)

    def next_requests(self, most: int) -> tuple[Sequence[PageRequest], bool]:
        """Return at most ``most`` requests; only one while the style is a guess."""
        if self._inner is None:
            return [PageRequest(1, again=self._second_pass)], False
        if self._is_proved or (self._is_named and not self._asked_again):
            return self._inner.next_requests(most)
        (request,), _ = self._inner.next_requests(1)
        return [msgspec.structs.replace(request, again=self._asked_again)], False

    def page_arrived(self, fetched: FetchedPage) -> Fate:
        """Take note of the current page; the first one names the style, the next one proves it."""
        if self._inner is None:
            self._first = FirstResponse(fetched, request=self._request, is_estimate=self._is_estimate)
            self._candidates.extend(candidates(self._first))
            return self._try_next()
        if not self._is_proved:
            size = len(fetched.records)
            repetition = self._detector.compare(self.page, fetched.records) if size else Repetition.NONE
            if not size:
                return self._reject()
            if repetition is not Repetition.NONE:
                self._try_next(again=fetched)
                return Fate.DROPPED
            self._is_proved = True
        return self._inner.page_arrived(fetched)

    def page_arrived_early(self, number: int, fetched: FetchedPage) -> Fate:
        """Take note of a page that arrived before its turn, when the walk ends."""
        return self._inner.page_arrived_early(number, fetched) if self._inner else Fate.REPEATED

    def page_failed(self, error: FetchError) -> Fate:
        """Take note that the current page cannot be fetched. A refusal of an unproved parameter is not a failure."""
        if self._inner is None:
            if self._second_pass:
                self._ending = Ending.BROKEN
                return Fate.SKIPPED
            self._second_pass = True
            return Fate.DEFERRED
        is_refusal = error.code in REFUSALS or isinstance(error, NoRecordsError)
        if is_refusal and not self._is_proved and self.page == _SECOND:
            return self._reject()
        return self._inner.page_failed(error)

    def token(self) -> str | None:
        """Return the cursor or link after the page that has just arrived."""
        return self._inner.token() if self._inner else None

    def fingerprint(self) -> int | None:
        """Return the fingerprint of the page that has just arrived."""
        return self._detector.fingerprint

    def missing(self) -> tuple[list[int], bool]:
        """Return the pages that are still to come, the current one among them, and True if more may follow."""
        if self._inner is None:
            return [1], True
        return ([_SECOND], True) if self._ending else self._inner.missing()

    def _reject(self) -> Fate:
        """Try the next candidate after a refused or empty page 2, or ask again if that would end the walk.

        A refusal in passing, such as a 404 during a deployment, must not make page 1 the whole catalogue.
        """
        assert self._first is not None
        if self._asked_again or self._first.says_more:
            self._try_next()
        else:
            self._asked_again = True
        return Fate.DROPPED

    def _try_next(self, *, again: FetchedPage | None = None) -> Fate:
        """Give the first page to the next candidate's paginator; without one, page 1 is all that can be had.

        ``again`` is page 1 as it arrived in place of page 2; it may show more clearly that there is no other page.
        """
        assert self._first is not None
        is_repeated = again is not None and not self._first.is_ended_by(again)
        says_more = self._first.says_more and (again is None or is_repeated)
        # A repetition may also mean that the number in the response counts from 0, and the parameter from 1.
        is_misread = is_repeated and self._is_named
        may_follow = self._inner is None or says_more or is_misread
        candidate = self._candidates.popleft() if may_follow and self._candidates else None
        if candidate is None:
            candidate = Candidate(Paging(style=PagingStyle.NONE), is_named=True)
            self._remark = IGNORES_PAGE if is_repeated and not says_more else None
            self._ending = Ending.UNNAMED if says_more else None
        self._is_named = candidate.is_named
        self._is_proved = candidate.paging.style not in (PagingStyle.PAGE, PagingStyle.OFFSET)
        self._inner = self._make(msgspec.structs.replace(candidate.paging, total_is_estimate=self._is_estimate))
        return self._inner.page_arrived(self._first.fetched)
