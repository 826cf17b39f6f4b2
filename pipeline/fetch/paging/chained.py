"""Walks pages of which each tells where the next one is."""

from collections.abc import Sequence

import msgspec

from pipeline.fetch.content.response import Response
from pipeline.fetch.paging.paginator import (
    MAX_EMPTY_IN_A_ROW,
    Identify,
    LoopDetector,
    PageOutcome,
    PageRequest,
    wanted_up_to,
)
from pipeline.fetch.paging.styles import ChainedStyle
from pipeline.model.pages import NOTHING_YET, Progress


class ChainedPaginator:
    """Follows the tokens from page to page until there is none, or a page comes that was there before.

    Without a page there is no way past it: it is asked for once more, and then the walk is over. ``resumed`` has the
    pages that need not be asked for, without a gap between them (see :func:`without_gaps`), and the token behind them.
    """

    def __init__(self, style: ChainedStyle, identify: Identify, *, resumed: Progress = NOTHING_YET) -> None:
        self._style = style
        self._identify = identify
        self._loop_detector = LoopDetector(identify, resumed.fingerprints)
        self._announced: int | None = None
        self._arrived_token: str | None = None
        self._empty_in_a_row = 0
        self.second_pass = False
        self.page = len(resumed.have) + 1
        self._token = resumed.tokens.get(self.page - 1)
        # A page that came and had no token was the last one.
        self.end = self.page if resumed.end is None and resumed.have and self._token is None else resumed.end
        self.first_outcome = PageOutcome.NEXT if self.end is None else PageOutcome.END

    def next_requests(self, most: int) -> tuple[Sequence[PageRequest], bool]:  # noqa: ARG002 - where another one is, is not known
        """The current page."""
        return [self._style.request(self.page, self._token, again=self.second_pass)], False

    def token(self) -> str | None:
        """The token of the page behind the one that just arrived."""
        return self._arrived_token

    def fingerprint(self) -> int | None:
        """What tells the page that just arrived from others."""
        return self._loop_detector.fingerprint

    def page_arrived(self, records: Sequence[msgspec.Raw], response: Response) -> PageOutcome:
        """Take note of the current page's records, and follow its token."""
        self.second_pass = False
        self._arrived_token = None
        if records and self._loop_detector.found_in(records):
            return PageOutcome.LOOP
        identity = self._identify(records[-1]) if records else None
        token = self._style.following(self._token, identity if isinstance(identity, str) else None, response)
        if token is None:
            return self._ended(response, with_records=bool(records))
        self._token = token
        if not records:
            # Not a page by itself: the one that follows has its number.
            self._empty_in_a_row += 1
            return PageOutcome.LOOP if self._empty_in_a_row > MAX_EMPTY_IN_A_ROW else PageOutcome.EMPTY
        self._empty_in_a_row = 0
        self._arrived_token = token
        self.page += 1
        return PageOutcome.NEXT

    def _ended(self, response: Response, *, with_records: bool) -> PageOutcome:
        following = self.page + with_records
        if self._style.says_more(response):
            self.page = following
            return PageOutcome.BROKEN
        self.end = following
        return PageOutcome.END

    def page_arrived_early(self, number: int, records: Sequence[msgspec.Raw]) -> bool:  # noqa: ARG002
        """Never: no page can be asked for before the one before it."""
        return False

    def page_failed(self) -> PageOutcome:
        """The current page was given up: try it once more, or end."""
        if self.second_pass:
            return PageOutcome.BROKEN
        self.second_pass = True
        return PageOutcome.NEXT

    def announced(self, pages: int) -> None:
        """The API says how many pages it has."""
        self._announced = pages

    def missing(self) -> tuple[list[int], bool]:
        """The pages that are still to be had, the current one among them, and whether what follows is unknown."""
        pages = wanted_up_to(self.page, self.end, self._announced)
        return list(pages or ()) or [self.page], pages is None


def without_gaps(progress: Progress) -> Progress:
    """The progress up to the first page that is missing: behind it nothing is known to follow."""
    pages = 0
    while pages + 1 in progress.have:
        pages += 1
    return msgspec.structs.replace(progress, have=frozenset(range(1, pages + 1)))
