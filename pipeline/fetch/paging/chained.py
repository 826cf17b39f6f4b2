"""Paginate by chain: each page names the next one."""

from collections.abc import Sequence

from pipeline.config.source import Paging, PagingStyle
from pipeline.errors import FetchError, NoRecordsError
from pipeline.fetch.content.response import FetchedPage
from pipeline.fetch.content.signs import read_signs
from pipeline.fetch.paging.ends import MAX_NAMED_IN_A_ROW, NextPage, Verdict, Walked, is_end, judge_page
from pipeline.fetch.paging.loop_detector import Identify, LoopDetector, Repetition
from pipeline.fetch.paging.paginator import Ending, Fate, PageRequest
from pipeline.fetch.paging.statements import announced_pages, described, keep_announced, pages_up_to
from pipeline.fetch.paging.styles import ChainedStyle
from pipeline.model.pages import NO_SIGNS, NOTHING_YET, EndpointProfile, Progress


class ChainedPaginator:
    """A walk along the tokens from page to page, until there is none or an earlier page comes again.

    There is no way past a page that fails: it is requested once more, then the walk ends. ``resumed`` has the pages
    that need not be requested, without a gap (see :func:`without_gaps`), and the token after them.
    """

    def __init__(
        self,
        style: ChainedStyle,
        paging: Paging,
        detector: LoopDetector,
        identify: Identify,
        *,
        resumed: Progress = NOTHING_YET,
    ) -> None:
        self._style = style
        self._paging = paging
        self._detector = detector
        self._identify = identify
        self._arrived_token: str | None = None
        self._empty_in_a_row = 0
        self.profile = resumed.profile
        # A user who configures a single page knows better than an announced total.
        is_estimate = paging.total_is_estimate or paging.style is PagingStyle.NONE
        self.walked = Walked.resumed(resumed, is_estimate=is_estimate)
        self.remark: str | None = None
        self._second_pass = False
        self.page = len(resumed.have) + 1
        self._token = resumed.tokens.get(self.page - 1)
        self.end = resumed.end
        self.ending = None if self.end is None else Ending.END

    def next_requests(self, most: int) -> tuple[Sequence[PageRequest], bool]:  # noqa: ARG002 - one page is known
        """Return the request for the current page."""
        return [self._style.request(self.page, self._token, again=self._second_pass)], False

    def page_arrived(self, fetched: FetchedPage) -> Fate:
        """Take note of the current page and follow its token."""
        size = len(fetched.records)
        self._second_pass = False
        self._arrived_token = None
        self._keep_profile(fetched)
        repetition = self._detector.compare(self.page, fetched.records) if size else Repetition.NONE
        is_new = bool(size) and repetition is Repetition.NONE
        if is_new:
            self.walked.arrived(size)
        following, token = self._following(fetched)
        if is_new:
            self.walked.stated(following)
        verdict = judge_page(self.page, size, repetition, following, self.walked)
        if verdict in (Verdict.LOOP, Verdict.SINGLE):  # page 1 named another page, and this is not it
            self.ending = Ending.LOOP
            return Fate.REPEATED
        if verdict is Verdict.SKIP:
            return self._follow_past_empty(token)
        if not is_new:  # after the end; a chain cannot go on without a token either
            self.end, self.ending = self.page, Ending.END
            return Fate.DROPPED
        self.page += 1
        if token is not None:
            self._token = self._arrived_token = token
            self._empty_in_a_row = 0
        else:
            self._end_chain(verdict, fetched)
        return Fate.FETCHED

    def _follow_past_empty(self, token: str | None) -> Fate:
        # The empty page does not count: the one after it takes its number.
        self._token = token
        self._empty_in_a_row += 1
        if self._empty_in_a_row > MAX_NAMED_IN_A_ROW:
            self.ending = Ending.LOOP
        return Fate.DROPPED

    def _end_chain(self, verdict: Verdict, fetched: FetchedPage) -> None:
        if verdict is Verdict.UNUSABLE:
            self.ending = Ending.UNUSABLE
        elif self._style.says_more(fetched):
            self.ending = Ending.UNNAMED
        else:
            self.end, self.ending = self.page, Ending.END
            if (
                self.page == 2 and verdict is Verdict.NEXT and "path" in self._paging.style.keys
            ):  # perhaps a mistaken path
                path = self._paging.path
                remedy = f"check `paging.path: {path}`" if path else "set `paging.path` to where the next one is named"
                self.remark = f"nothing follows the first page; if there are more pages, {remedy}"

    def _following(self, fetched: FetchedPage) -> tuple[NextPage, str | None]:
        records = fetched.records
        identity = self._identify(records[-1]) if records else None
        following, token = self._style.following(fetched, identity if isinstance(identity, str) else None)
        if token is not None and (token in (self._token, fetched.response.url)):
            # The page names itself, which is an end unless a flag shows that more pages follow.
            return (following, token) if self._style.says_more(fetched) else (NextPage.ENDED, None)
        if following is NextPage.SILENT and self.walked.had_next:
            return NextPage.ENDED, None
        return following, token

    def page_arrived_early(self, number: int, fetched: FetchedPage) -> Fate:  # noqa: ARG002
        """Return REPEATED: no page can be requested before the one before it has arrived."""
        return Fate.REPEATED

    def page_failed(self, error: FetchError) -> Fate:
        """Take note that the current page cannot be fetched: it is after the end, or the walk is over after a retry."""
        if is_end(error.code, self.walked, no_list=isinstance(error, NoRecordsError)):
            self.end, self.ending = self.page, Ending.END
            return Fate.DROPPED
        if self._second_pass:
            self.ending = Ending.BROKEN
            return Fate.SKIPPED
        self._second_pass = True
        return Fate.DEFERRED

    def token(self) -> str | None:
        """Return the token after the page that has just arrived."""
        return self._arrived_token

    def fingerprint(self) -> int | None:
        """Return the fingerprint of the page that has just arrived."""
        return self._detector.fingerprint

    def missing(self) -> tuple[list[int], bool]:
        """Return the pages that are still to come, the current one among them, and True if more may follow."""
        size = self.profile.page_size if self.profile else None
        pages = pages_up_to(self.page, self.end, announced_pages(self.walked, size))
        return list(pages or ()) or [self.page], pages is None

    def _keep_profile(self, fetched: FetchedPage) -> None:
        size = len(fetched.records)
        if self.profile is None and size:
            signs = described(self._paging, read_signs(fetched.response, size, fetched.records_path))
            keep_announced(self.walked, fetched.response, signs)
            self.profile = EndpointProfile(
                self._paging, fetched.records_path, self.walked.announced, page_size=size, signs=signs
            )
        else:
            keep_announced(self.walked, fetched.response, self.profile.signs if self.profile else NO_SIGNS)


def without_gaps(progress: Progress) -> Progress:
    """Return the progress up to the first missing page: the address of the pages after it is unknown.

    So is the address after a page without a token. It is requested again unless it is known to be the last one.
    """
    page = 0
    while page + 1 in progress.have:
        page += 1
    if page and page not in progress.tokens and progress.end != page + 1:
        page -= 1
    return progress.up_to(page)
