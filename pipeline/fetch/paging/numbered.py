"""Walks pages that can be asked for by number."""

from collections import deque
from collections.abc import Sequence
from itertools import count, islice, takewhile

import msgspec

from pipeline.fetch.content.response import Response
from pipeline.fetch.paging.paginator import (
    MAX_EMPTY_IN_A_ROW,
    MAX_SKIPS_IN_A_ROW,
    Identify,
    LoopDetector,
    PageOutcome,
    PageRequest,
    wanted_up_to,
)
from pipeline.fetch.paging.styles import NumberedStyle
from pipeline.model.pages import NOTHING_YET, Progress


class NumberedPaginator:
    """Walks pages 1, 2, 3, … until one is empty, the last, or repeats an earlier one, or too many fail.

    Pages that were given up are asked for once more at the end of the walk. ``resumed`` tells which pages need not be
    asked for, and the end if it is known; ``size`` how many records a page has, 0 where the first one is to tell.
    """

    def __init__(
        self, style: NumberedStyle, identify: Identify, *, resumed: Progress = NOTHING_YET, size: int = 0
    ) -> None:
        self._style = style
        self._size = size
        self._have = resumed.have
        self._loop_detector = LoopDetector(identify, resumed.fingerprints)
        self._skips_in_a_row = 0
        self._empty_in_a_row = 0
        self._deferred: deque[int] = deque()
        self._announced: int | None = None
        self.end = resumed.end
        self.second_pass = False
        self.page = 0
        self.first_outcome = self._move_on()

    def next_requests(self, most: int) -> tuple[Sequence[PageRequest], bool]:
        """The pages to ask for, at most so many, the current one first; and whether the end is known, or announced.

        One page behind what was announced is among them: it shows that this is the end. What follows, if it is not, is
        asked for one by one.
        """
        if self.second_pass:
            numbers = [self.page, *islice(self._deferred, most - 1)]
            return [self._request(number, again=True) for number in numbers], True
        end = self.end
        if end is None and self._announced is not None:
            end = max(self._announced + 2, self.page + 1)
        if self._style.needs_size and not self._size:
            end = self.page + 1
        pages = (page for page in count(self.page) if page not in self._have)
        numbers = list(islice(pages if end is None else takewhile(lambda page: page < end, pages), most))
        return [self._request(number) for number in numbers], end is not None

    def _request(self, number: int, *, again: bool = False) -> PageRequest:
        return self._style.request(number, self._size, again=again)

    def token(self) -> str | None:
        """Nothing: any page can be asked for by its number."""
        return None

    def fingerprint(self) -> int | None:
        """What tells the page that just arrived from others."""
        return self._loop_detector.fingerprint

    def page_arrived(self, records: Sequence[msgspec.Raw], response: Response) -> PageOutcome:
        """Take note of the current page's records, and move on where there is a next page."""
        self._skips_in_a_row = 0
        if self.page == 1:
            self._size = len(records)
        repeated = bool(records) and self._loop_detector.found_in(records)
        if not self.second_pass:
            if not records:
                self._empty_in_a_row += 1
                if response.next_link is None or self._empty_in_a_row > MAX_EMPTY_IN_A_ROW:
                    self.end = self.page
            elif repeated:
                return PageOutcome.LOOP
            elif self._style.is_last(self.page, self._size, records, response):
                self.end = self.page + 1
            elif self._announced is None:
                self._announced = self._style.pages(self._size, response)
        return self._move_on()

    def page_arrived_early(self, number: int, records: Sequence[msgspec.Raw]) -> bool:
        """Take note of a page before its turn, as the walk ends here; False if it repeats one that was there before."""
        if records and self._loop_detector.found_in(records):
            return False
        self._have |= {number}
        return True

    def page_failed(self) -> PageOutcome:
        """The current page was given up; move on where that makes sense."""
        if not self.second_pass:
            if self._style.needs_size and not self._size:
                return PageOutcome.BROKEN
            self._deferred.append(self.page)
            self._skips_in_a_row += 1
            if self._skips_in_a_row == MAX_SKIPS_IN_A_ROW:
                return PageOutcome.LOST
        return self._move_on()

    def announced(self, pages: int) -> None:
        """The API says how many pages it has. That tells what is missing, not where the end is."""
        self._announced = pages

    def missing(self) -> tuple[list[int], bool]:
        """The pages that are still to be had, the current one among them, and whether what follows is unknown."""
        if self.second_pass:
            return [self.page, *self._deferred], False
        pages = wanted_up_to(self.page, self.end, self._announced)
        onward = pages is None
        if pages is None:
            pages = range(self.page, max(self._have, default=0) + 2)
        return [page for page in pages if page not in self._have] or [self.page], onward

    def _move_on(self) -> PageOutcome:
        if not self.second_pass:
            following = self.page + 1
            while following in self._have:
                following += 1
            if self.end is None or following < self.end:
                self.page = following
                return PageOutcome.NEXT
            self.second_pass = True
        if self._deferred:
            self.page = self._deferred.popleft()
            return PageOutcome.NEXT
        return PageOutcome.END
