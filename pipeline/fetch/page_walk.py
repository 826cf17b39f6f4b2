"""Walk the pages of an endpoint in order, several in flight, and send their records."""

from collections.abc import Callable, Hashable
from contextlib import suppress

import msgspec
import trio

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.source import PagingStyle
from pipeline.errors import EndpointLostError, FeedFoundError, FetchError, PermanentError, TransientError
from pipeline.fetch.account.ledger import Ledger
from pipeline.fetch.attempts import ResilientClient
from pipeline.fetch.content.response import FetchedPage, shared_values
from pipeline.fetch.paging.paginator import Ending, Fate
from pipeline.fetch.paging.select import make_paginator
from pipeline.fetch.paging.statements import announced_pages
from pipeline.fetch.policy.deadline import action_after
from pipeline.fetch.prefetch import Prefetcher, PrefetchWindow
from pipeline.model.metrics import Activity
from pipeline.model.pages import NOTHING_YET, EndpointProfile, Page, Progress, Trace
from pipeline.model.summary import Action


class Rest(msgspec.Struct, frozen=True):
    """The rule for a walk that may go on elsewhere: ``is_due`` returns True once it is to rest.

    If ``reads_feeds`` is False, it also rests if the endpoint is a feed.
    """

    is_due: Callable[[], bool]
    reads_feeds: bool


NO_REST = Rest(lambda: False, reads_feeds=True)


class PageWalk:
    """The walk through the pages of one endpoint, as its paginator asks for them.

    ``identify`` returns the identity of a raw record, for the loop detector. ``resumed`` is the progress of an earlier
    run. ``on_end`` is called with the number after the last page, ``on_profile`` with what the first page revealed. If
    a ``rest`` is due, the walk rests once nothing is in flight.

    A walk can be pickled while it does not run.
    """

    def __init__(
        self,
        endpoint: ResolvedEndpoint,
        attempts: ResilientClient,
        ledger: Ledger,
        *,
        identify: Callable[[msgspec.Raw], Hashable],
        resumed: Progress = NOTHING_YET,
        on_end: Callable[[int], None] = lambda page: None,
        on_profile: Callable[[EndpointProfile], None] = lambda profile: None,
        rest: Rest = NO_REST,
    ) -> None:
        self._endpoint = endpoint
        self._attempts = attempts
        self._ledger = ledger
        self._on_end = on_end
        self._on_profile = on_profile
        self._rest = rest
        paging = resumed.profile.paging if resumed.profile else endpoint.paging
        self._paginator = make_paginator(paging, identify, resumed, request=endpoint.request)
        self._profile = resumed.profile
        self._end = resumed.end
        self._window: PrefetchWindow | None = None
        # Pages that have been asked for, and whose outcome is not in the account yet.
        self._in_hand: set[int] = set()
        # Pages that have arrived without some of their data.
        self._incomplete: set[int] = set()

    @property
    def pages_wanted(self) -> int | None:
        """The number of pages up to the end, if it is known, or else as announced; None without either."""
        end = self._paginator.end
        return self._announced_pages() if end is None else end - 1

    async def run(self, send: trio.MemorySendChannel[Page]) -> FeedFoundError | None:
        """Walk to the end and send every page of records; return the error of a response that is a feed instead.

        It also returns, before the end, if a rest is due; another call goes on.

        A cancellation ends the walk, and so does an unforeseen exception. The pages that have arrived are sent
        nevertheless. The account stays open until :meth:`cut_off` gives the reason.
        """
        limit = self._endpoint.rate_limit
        self._window = self._window or PrefetchWindow(limit.rps, limit.concurrency, now=trio.current_time())
        found: FeedFoundError | None = None
        async with trio.open_nursery() as nursery:
            pages = Prefetcher(
                self._attempts,
                self._paginator.next_requests,
                window=self._window,
                reach=limit.concurrency,
                nursery=nursery,
            )
            try:
                await self._walk(pages, send)
            except FeedFoundError as error:
                found = error
                self._in_hand.clear()
            except EndpointLostError as error:
                await pages.settle()
                await self._send_early(pages, send)
                self.cut_off(error, action_after(error))
            finally:
                if not (self._ledger.ended or found):  # cancelled, or an unforeseen exception
                    with trio.CancelScope(shield=True):  # bounded by the consumers, which make room
                        await self._send_early(pages, send)
                nursery.cancel_scope.cancel()
        return found

    def cut_off(self, error: FetchError, action: Action) -> None:
        """Close the account of a walk that ends early because of ``error``."""
        missing, onward = self._paginator.missing()
        missing = sorted(self._in_hand.union(missing))
        self._ledger.cut_off(error, min(self._in_hand, default=missing[0]), action, missing, onward=onward)

    async def _walk(self, pages: Prefetcher, send: trio.MemorySendChannel[Page]) -> None:
        paginator, ledger = self._paginator, self._ledger
        begins_with = paginator.page
        while paginator.ending is None:
            # A walk takes at least one page before it rests, however short its time.
            if paginator.page != begins_with and self._rest.is_due() and pages.drain():
                return
            number = paginator.page
            self._in_hand.add(number)
            try:
                fetched = await pages.take()
                self._check_completeness(fetched, number)
            except FeedFoundError as error:
                if number > 1 or self._endpoint.paging.style not in (PagingStyle.AUTO, PagingStyle.NONE):
                    self.cut_off(error, "skip")
                    return
                raise
            except (PermanentError, TransientError) as error:
                match paginator.page_failed(error):
                    case Fate.DEFERRED:
                        ledger.page_deferred(number, error)
                    case Fate.SKIPPED:
                        ledger.page_skipped(number, error)
                    case _:
                        ledger.page_dropped(number)
            else:
                await self._take(fetched, number, paginator.page_arrived(fetched), send)
            self._in_hand.discard(number)
            self._journal_end()
        if paginator.ending is Ending.LOST:  # pages after the end or after a repetition are of no interest
            await self._send_early(pages, send)
        self._conclude(paginator.ending)

    def _check_completeness(self, fetched: FetchedPage, number: int) -> None:
        """Raise an error the first time that a page arrives without some of its data: it is requested once more."""
        if fetched.response.incomplete is not None and number not in self._incomplete:
            self._incomplete.add(number)
            raise PermanentError(fetched.response.incomplete)

    async def _take(self, fetched: FetchedPage, number: int, fate: Fate, send: trio.MemorySendChannel[Page]) -> None:
        """Account for a page that has arrived, and send its records."""
        self._keep_profile()
        match fate:
            case Fate.FETCHED:
                page = self._page(fetched, number, repeats=False)
                if fetched.response.incomplete is None:
                    self._ledger.page_fetched(number)
                else:
                    self._ledger.page_incomplete(number, PermanentError(fetched.response.incomplete))
                await self._send(page, send)
            case Fate.REPEATED:
                await self._send(self._page(fetched, number, repeats=True), send)
            case Fate.DEFERRED:
                self._ledger.page_deferred(number, FetchError("the page is empty, although more is announced"))
            case _:
                self._ledger.page_dropped(number)

    def _keep_profile(self) -> None:
        """Keep what the first page revealed, for a run that resumes this one."""
        profile = self._paginator.profile
        if profile is not None and self._profile is None:
            self._profile = profile
            self._on_profile(profile)
            if self._endpoint.paging.style is PagingStyle.AUTO:
                self._ledger.paging_detected(profile.paging)
        walked = self._paginator.walked
        self._ledger.totals_announced(walked.announced, self._announced_pages(), is_estimate=walked.is_estimate)

    def _journal_end(self) -> None:
        end = self._paginator.end
        if end is not None and self._end is None and not self._paginator.walked.announces_more:
            self._end = end
            self._on_end(end)

    async def _send_early(self, pages: Prefetcher, send: trio.MemorySendChannel[Page]) -> None:
        """Send the pages that arrived before a turn that will not come: what was fetched is not lost."""
        for number, fetched in pages.arrived():
            self._in_hand.add(number)
            await self._take(fetched, number, self._paginator.page_arrived_early(number, fetched), send)
            self._in_hand.discard(number)

    async def _send(self, page: Page, send: trio.MemorySendChannel[Page]) -> None:
        """Send a page even if the deadline passes meanwhile: what was fetched is not lost.

        The wait is bounded nevertheless: consumers make room, and sending fails once the last consumer is gone. The
        run has failed by then, and the task that ends it knows the reason.
        """
        if not page.records:
            return
        self._ledger.records += len(page.records)
        with trio.CancelScope(shield=True), suppress(trio.BrokenResourceError):
            try:
                send.send_nowait(page)
            except trio.WouldBlock:
                with self._ledger.time.during(Activity.CHANNEL):
                    await send.send(page)
            self._in_hand.discard(page.number)
            self._ledger.time.sent()

    def _page(self, fetched: FetchedPage, number: int, *, repeats: bool) -> Page:
        token = self._paginator.token()
        return Page(
            source=self._endpoint.name,
            number=number,
            records=fetched.records,
            shared=shared_values(fetched.response, self._endpoint.fields.body_paths),
            trace=Trace(
                token=None if token is None else self._endpoint.secrets.seal(token),
                fingerprint=self._paginator.fingerprint(),
                repeats=repeats,
                incomplete=fetched.response.incomplete is not None,
                records=len(fetched.records),
            ),
        )

    def _conclude(self, ending: Ending) -> None:
        walked = self._paginator.walked
        match ending:
            case Ending.END if walked.announces_more and not self._ledger.has_missing_pages:
                self.cut_off(FetchError(self._shortfall()), "skip")
            case Ending.END:
                self._ledger.reached_end(remark=self._paginator.remark)
            case Ending.LOOP:
                remedy = "if the API has other pages, describe them with `paging`"
                self.cut_off(FetchError(f"{ending.value}; {remedy}"), "skip")
            case Ending.LOST:
                self.cut_off(FetchError(f"{ending.value}; check `url` and the access that it needs"), "skip")
            case Ending.UNNAMED if walked.announces_more:
                self.cut_off(FetchError(f"{self._shortfall()}; describe how to get the others with `paging`"), "skip")
            case _:
                self.cut_off(FetchError(ending.value), "skip")

    def _shortfall(self) -> str:
        announced, walked = self._paginator.walked.announced, self._paginator.walked
        if announced.records is not None:
            return f"{announced.records} records announced, {walked.records} received"
        return f"{announced.pages} pages announced, {walked.pages} received"

    def _announced_pages(self) -> int | None:
        size = self._profile.page_size if self._profile else None
        return announced_pages(self._paginator.walked, size)
