"""Paginate by number: any page can be requested, in any order."""

from collections import deque
from collections.abc import Sequence
from itertools import count, islice, takewhile

import msgspec

from pipeline.config.source import Paging
from pipeline.errors import FetchError, NoRecordsError
from pipeline.fetch.content.response import FetchedPage
from pipeline.fetch.content.signs import read_signs
from pipeline.fetch.paging.ends import MAX_NAMED_IN_A_ROW, Verdict, Walked, is_end, judge_page
from pipeline.fetch.paging.loop_detector import LoopDetector, Repetition
from pipeline.fetch.paging.paginator import Ending, Fate, PageRequest
from pipeline.fetch.paging.statements import announced_pages, described, keep_announced, next_page, pages_up_to
from pipeline.fetch.paging.styles import NumberedStyle
from pipeline.model.pages import NO_SIGNS, NOTHING_YET, EndpointProfile, Progress, Signs

# After this many failed pages in a row the endpoint itself must be wrong: its URL, or the access that it needs.
MAX_FAILURES_IN_A_ROW = 3

# After this many empty pages in a row, all before the announced end, the announcement must be wrong.
MAX_EMPTY_IN_A_ROW = 3

IGNORES_PAGE = "page 2 is page 1 again: the API ignores the page; set `paging: none` to save the request"

_SECOND_PASS = {Verdict.NEXT: Fate.FETCHED, Verdict.LAST: Fate.FETCHED, Verdict.LOOP: Fate.REPEATED}


class NumberedPaginator:
    """A walk through pages 1, 2, 3, … until the end.

    Deferred pages are requested once more at the end of the walk. ``resumed`` has the pages that need not be requested.
    With ``as_written``, page 1 is requested without parameters. :class:`~pipeline.fetch.paging.paginator.Paginator`
    describes the other attributes and the methods.
    """

    def __init__(
        self,
        style: NumberedStyle,
        paging: Paging,
        detector: LoopDetector,
        *,
        resumed: Progress = NOTHING_YET,
        as_written: bool = False,
    ) -> None:
        self._style = style
        self._paging = paging
        self._detector = detector
        self._have = resumed.have
        self._as_written = resumed.profile.as_written if resumed.profile else as_written
        self._furthest = max(resumed.have, default=0)  # the last page that has arrived
        self._failures_in_a_row = self._empty_in_a_row = 0
        self._deferred: deque[int] = deque()
        self.profile = resumed.profile
        self.walked = Walked.resumed(resumed, is_estimate=paging.total_is_estimate)
        self.ending: Ending | None = None
        self.remark: str | None = None
        self.end = resumed.end
        self._second_pass = False
        self.page = 0
        self._advance()

    def next_requests(self, most: int) -> tuple[Sequence[PageRequest], bool]:
        """Return at most ``most`` requests, that for the current page first, and True if the end is known or announced.

        After the announced end one more page is requested, since it shows that this is the end. That is unnecessary if
        the pages name the next one. Pages after that are requested one by one.
        """
        if self._second_pass:
            numbers = [self.page, *islice(self._deferred, most - 1)]
            return [self._request(number, again=True) for number in numbers], True
        end, announced = self.end, self._announced_pages()
        if end is None and announced is not None:
            end = max(announced if self.walked.had_next else announced + 1, self.page) + 1
        if self._style.needs_size and not self._size:
            end = self.page + 1
        pages = (page for page in count(self.page) if page not in self._have)
        numbers = list(islice(pages if end is None else takewhile(lambda page: page < end, pages), most))
        return [self._request(number) for number in numbers], end is not None

    def page_arrived(self, fetched: FetchedPage) -> Fate:
        """Take note of the current page and advance."""
        number, size = self.page, len(fetched.records)
        self._failures_in_a_row = 0
        self._keep_profile(fetched)
        repetition = self._detector.compare(number, fetched.records) if size else Repetition.NONE
        if size and repetition is Repetition.NONE:
            self.walked.arrived(size)
            self._furthest = max(self._furthest, number)
        following = next_page(fetched.response, self._signs, self.walked)
        if size and repetition is Repetition.NONE:
            self.walked.stated(following)
        else:
            self.walked.forget_last()
        verdict = judge_page(number, size, repetition, following, self.walked)
        if self._second_pass:
            self._advance()
            is_before_others = size > 0 and number < self._furthest  # so it is not after the end, and stays missing
            return _SECOND_PASS.get(verdict, Fate.REPEATED if is_before_others else Fate.DROPPED)
        if verdict in (Verdict.END, Verdict.SINGLE) and number < self._furthest:  # an earlier run had pages after it
            verdict = Verdict.DEFER
        return self._conclude(verdict, fetched)

    def _conclude(self, verdict: Verdict, fetched: FetchedPage) -> Fate:
        number, fate = self.page, Fate.FETCHED
        is_empty = verdict in (Verdict.DEFER, Verdict.SKIP)
        self._empty_in_a_row = self._empty_in_a_row + 1 if is_empty else 0
        match verdict:
            case Verdict.NEXT:
                if self._style.is_last(number, self._size, fetched):
                    self.end = number + 1
            case Verdict.LAST:
                self.end = number + 1
            case Verdict.END | Verdict.SINGLE:
                self.end, fate = number, Fate.DROPPED
                self.remark = IGNORES_PAGE if verdict is Verdict.SINGLE else None
            case Verdict.SKIP:
                fate = Fate.DROPPED
                if self._empty_in_a_row > MAX_NAMED_IN_A_ROW:
                    self.end = number
            case Verdict.DEFER if number > (self._announced_pages() or number):
                self.end, fate = number, Fate.DROPPED
            case Verdict.DEFER:
                self._deferred.append(number)
                fate = Fate.DEFERRED
                if self._empty_in_a_row == MAX_EMPTY_IN_A_ROW:
                    self.end = number + 1
            case Verdict.LOOP:
                self.ending = Ending.LOOP
                return Fate.REPEATED
        self._advance()
        return fate

    def page_arrived_early(self, number: int, fetched: FetchedPage) -> Fate:
        """Take note of a page that arrived before its turn, when the walk ends."""
        if not fetched.records:
            return Fate.DROPPED
        if self._detector.compare(number, fetched.records) is not Repetition.NONE:
            return Fate.REPEATED
        self._have |= {number}
        self._furthest = max(self._furthest, number)
        self._keep_profile(fetched)
        self.walked.arrived(len(fetched.records))
        return Fate.FETCHED

    def page_failed(self, error: FetchError) -> Fate:
        """Take note that the current page cannot be fetched: it is after the end, deferred, or missing."""
        is_after_all = self.page > self._furthest
        if is_after_all and is_end(error.code, self.walked, no_list=isinstance(error, NoRecordsError)):
            self.end = self.end if self._second_pass else self.page
            self._advance()
            return Fate.DROPPED
        self.walked.forget_last()
        if self._second_pass:
            self._advance()
            return Fate.SKIPPED
        self._deferred.append(self.page)
        self._failures_in_a_row += 1
        if self._style.needs_size and not self._size:
            self.ending = Ending.BROKEN
        elif self._failures_in_a_row == MAX_FAILURES_IN_A_ROW:
            self.ending = Ending.LOST
        else:
            self._advance()
        return Fate.DEFERRED

    def token(self) -> str | None:
        """Return None: any page can be requested by its number."""
        return None

    def fingerprint(self) -> int | None:
        """Return the fingerprint of the page that has just arrived."""
        return self._detector.fingerprint

    def missing(self) -> tuple[list[int], bool]:
        """Return the pages that are still to come, the current one among them, and True if more may follow."""
        if self._second_pass:
            return [page for page in (self.page, *self._deferred) if page not in self._have], False
        pages = pages_up_to(self.page, self.end, self._announced_pages())
        onward = pages is None
        if pages is None:
            pages = range(self.page, max(self._have, default=0) + 2)
        return [page for page in pages if page not in self._have] or [self.page], onward

    @property
    def _size(self) -> int:
        found = self.profile.page_size if self.profile else None
        return found or self._paging.size or 0

    @property
    def _signs(self) -> Signs:
        return self.profile.signs if self.profile else NO_SIGNS

    def _request(self, number: int, *, again: bool = False) -> PageRequest:
        if number == 1 and self._as_written:
            return PageRequest(1, again=again)
        return self._style.request(number, self._size, again=again)

    def _keep_profile(self, fetched: FetchedPage) -> None:
        size = len(fetched.records)
        if self.profile is None and size:
            self.profile = EndpointProfile(
                self._paging,
                fetched.records_path,
                page_size=size if self.page == 1 else None,
                as_written=self._as_written,
                signs=described(self._paging, read_signs(fetched.response, size, fetched.records_path)),
            )
            keep_announced(self.walked, fetched.response, self._signs)
            self.profile = msgspec.structs.replace(self.profile, announced=self.walked.announced)
        else:
            keep_announced(self.walked, fetched.response, self._signs)

    def _announced_pages(self) -> int | None:
        return announced_pages(self.walked, self._size)

    def _advance(self) -> None:
        if not self._second_pass:
            following = self.page + 1
            while following in self._have:
                following += 1
            if self.end is None or following < self.end:
                self.page = following
                return
            self._second_pass = True
        if self._deferred:
            self.page = self._deferred.popleft()
        else:
            self.ending = Ending.END
