"""The end of an endpoint: one table for all paging styles.

A walk is complete if the API signals its end. The rows below are those of docs/REFERENCE.md, "The end of an endpoint".
"""

import enum
from typing import Self

import msgspec

from pipeline.fetch.paging.loop_detector import Repetition
from pipeline.model.pages import NOTHING_ANNOUNCED, AnnouncedTotals, Progress

# A catalogue may change during a walk: a smaller part of the announced records may be missing at the end.
TOLERANCE = 0.01

# After this many empty pages in a row that all name a next one, the names lead nowhere.
MAX_NAMED_IN_A_ROW = 20

# Statuses with which servers answer a request for a page after the last one.
REFUSALS = frozenset({400, 404, 410, 416, 422})


class NextPage(enum.Enum):
    """The statement of a page about the next one."""

    NAMED = "the response names it"
    ENDED = "the response shows that there is none, or does not name one although earlier pages did"
    SILENT = "the response does not mention it"
    UNUSABLE = "the link is not a usable URL"


class Verdict(enum.Enum):
    """The consequence of a page."""

    NEXT = "another page may follow"
    LAST = "this page is the last one"
    END = "the last page is before this one"
    SINGLE = "the API ignores the number of the page: page 1 is all there is"
    DEFER = "the page is empty although more is announced"
    SKIP = "the page is empty, but names another one"
    LOOP = "the page repeats an earlier one"
    UNUSABLE = "the rest is unknown: the next link is not a usable URL"


class Walked(msgspec.Struct):
    """The facts about a walk so far.

    ``announced`` are the latest totals that the API gave; ``is_estimate`` makes them informative only. ``records`` and
    ``pages`` have arrived, repetitions not included. ``had_next`` is True once a page has named the next one.
    ``first_size`` is the number of records of the first page. ``last_size`` is that of the preceding page, and
    ``last_next`` its statement about the next one; both are None if that page is missing.
    """

    announced: AnnouncedTotals = NOTHING_ANNOUNCED
    is_estimate: bool = False
    records: int = 0
    pages: int = 0
    had_next: bool = False
    first_size: int | None = None
    last_size: int | None = None
    last_next: NextPage | None = None

    @property
    def announces(self) -> bool:
        """True if the API announces a total that counts."""
        return not self.is_estimate and self.announced != NOTHING_ANNOUNCED

    @property
    def everything_came(self) -> bool:
        """True if at least 99 % of the announced records, or all announced pages, have arrived."""
        if not self.announces:
            return False
        if self.announced.records is not None:
            return self.records >= (1 - TOLERANCE) * self.announced.records
        return self.pages >= (self.announced.pages or 0)

    @property
    def announces_more(self) -> bool:
        """True if more is announced than has arrived, by more than the tolerance."""
        return self.announces and not self.everything_came

    @classmethod
    def resumed(cls, progress: Progress, *, is_estimate: bool) -> Self:
        """Return the facts about a walk that continues after an earlier run."""
        walked = cls(is_estimate=is_estimate, records=sum(progress.records.values()), pages=len(progress.have))
        if profile := progress.profile:
            walked.announced = profile.announced
            walked.first_size = profile.page_size
            walked.had_next = profile.signs.next is not None
        return walked

    def arrived(self, size: int) -> None:
        """Take note of a new page with ``size`` records."""
        self.records += size
        self.pages += 1
        self.first_size = size if self.first_size is None else self.first_size
        self.last_size = size

    def stated(self, following: NextPage) -> None:
        """Take note of the new page's statement about the next one."""
        self.had_next |= following is NextPage.NAMED
        self.last_next = following

    def forget_last(self) -> None:
        """Take note that the preceding page is missing or empty."""
        self.last_size = self.last_next = None


def judge_page(number: int, size: int, repetition: Repetition, following: NextPage, walked: Walked) -> Verdict:
    """Return the consequence of page ``number`` with ``size`` records; ``walked`` includes it if it is new."""
    if size == 0:
        if following is NextPage.NAMED:
            return Verdict.SKIP
        return Verdict.DEFER if walked.announces_more else Verdict.END
    says_more = walked.announces_more or (following is NextPage.NAMED and not walked.everything_came)
    if repetition is Repetition.PRECEDING and not says_more:
        return Verdict.SINGLE if number == 2 else Verdict.END
    if repetition is not Repetition.NONE:
        return Verdict.LOOP
    match following:
        case NextPage.ENDED:
            return Verdict.LAST
        case NextPage.UNUSABLE:
            return Verdict.UNUSABLE
        case _:
            return Verdict.NEXT


def is_end(code: int | None, walked: Walked, *, no_list: bool) -> bool:
    """True if a page that failed is after the end, which is not an error.

    ``code`` is the status of the response. ``no_list`` is True for a successful response without a list of records.
    """
    if no_list:
        return walked.everything_came
    if code not in REFUSALS:
        return False
    lacked_next = walked.had_next and walked.last_next is NextPage.ENDED
    is_short = walked.last_size is not None and walked.last_size < (walked.first_size or 0)
    return lacked_next or walked.everything_came or (is_short and not walked.announces_more)
