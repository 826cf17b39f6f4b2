"""Fetch one endpoint: walk its pages to the end and keep the account."""

from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from random import Random

import msgspec
import trio

from pipeline.config.request import BodyFormat
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.source import PagingStyle
from pipeline.errors import (
    DeadlineNearError,
    EndpointLostError,
    FeedFoundError,
    FetchError,
    PermanentError,
    TransientError,
)
from pipeline.fetch.account.ledger import Ledger
from pipeline.fetch.attempts import ResilientClient
from pipeline.fetch.content.response import FetchedPage, shared_values
from pipeline.fetch.feed_walk import FeedWalk
from pipeline.fetch.http.client import Client
from pipeline.fetch.paging.paginator import Ending, Fate
from pipeline.fetch.paging.select import make_paginator, usable
from pipeline.fetch.paging.statements import announced_pages
from pipeline.fetch.policy.circuit_breaker import State
from pipeline.fetch.policy.throttle import Throttle
from pipeline.fetch.prefetch import Prefetcher, PrefetchWindow
from pipeline.model.metrics import Activity
from pipeline.model.pages import NOTHING_YET, EndpointProfile, FeedVersion, Page, Progress, Trace
from pipeline.model.status import Circuit, EndpointStatus
from pipeline.model.summary import Action, FetchResult
from pipeline.redaction import Secrets

_CIRCUITS: Mapping[State, Circuit] = {
    State.CLOSED: "closed",
    State.OPEN: "open",
    State.HALF_OPEN: "half-open",
    State.GIVEN_UP: "given up",
}


class Rest(msgspec.Struct, frozen=True):
    """The rule for a walk that may go on elsewhere: ``is_due`` returns True once it is to rest.

    If ``reads_feeds`` is False, it also rests if the endpoint is a feed.
    """

    is_due: Callable[[], bool]
    reads_feeds: bool


NO_REST = Rest(lambda: False, reads_feeds=True)


class Fetcher:
    """The walk through the pages of one endpoint.

    ``identify`` returns the identity of a raw record, for the loop detector. ``throttle`` is that of the endpoint's
    group; without one the endpoint gets its own. ``resumed`` is the progress of an earlier run. ``on_end`` is called
    with the number after the last page, ``on_profile`` with what the first page revealed, ``on_restart`` if all pages
    so far are of an old version of a feed. ``present`` is the version of a feed whose products the present summary has.

    A fetcher can be pickled while it does not run. With ``rest``, :meth:`run` returns before the end of the walk if a
    rest is due; another call goes on.
    """

    def __init__(
        self,
        endpoint: ResolvedEndpoint,
        client: Client,
        *,
        rng: Random,
        identify: Callable[[msgspec.Raw], Hashable],
        throttle: Throttle | None = None,
        resumed: Progress = NOTHING_YET,
        on_end: Callable[[int], None] = lambda page: None,
        on_profile: Callable[[EndpointProfile], None] = lambda profile: None,
        on_restart: Callable[[], None] = lambda: None,
        present: FeedVersion | None = None,
        rest: Rest = NO_REST,
    ) -> None:
        self._endpoint = endpoint
        self._client = client
        self._on_end = on_end
        self._on_profile = on_profile
        paging = resumed.profile.paging if resumed.profile else endpoint.paging
        resumed = usable(_unsealed(resumed, endpoint.secrets), paging)
        self._resumed = resumed
        self._on_restart = on_restart
        self._present = present
        self._rest = rest
        self._feed: FeedWalk | None = None
        self._window: PrefetchWindow | None = None
        self.is_feed = False
        self._paginator = make_paginator(paging, identify, resumed, request=endpoint.request)
        self._profile = resumed.profile
        self._end = resumed.end
        # Pages that have been asked for, and whose outcome is not in the account yet.
        self._in_hand: set[int] = set()
        # Pages that have arrived without some of their data.
        self._incomplete: set[int] = set()
        self._ledger = Ledger(endpoint.name, remedy=self._remedy(), resumed=resumed)
        self._attempts = ResilientClient(
            endpoint,
            client,
            ledger=self._ledger,
            rng=rng,
            throttle=throttle,
            records_path=resumed.profile.records_path if resumed.profile else None,
        )

    async def run(self, send: trio.MemorySendChannel[Page]) -> None:
        """Walk the endpoint to its end and send every page of records; closes ``send``.

        A cancellation ends the walk, and so does an unforeseen exception. The pages that have arrived are sent
        nevertheless. The account stays open until :meth:`interrupt` gives the reason.
        """
        limit = self._endpoint.rate_limit
        self._window = self._window or PrefetchWindow(limit.rps, limit.concurrency, now=trio.current_time())
        with send, self._ledger.walking():
            async with self._client, trio.open_nursery() as nursery:
                pages = Prefetcher(
                    self._attempts,
                    self._paginator.next_requests,
                    window=self._window,
                    reach=limit.concurrency,
                    nursery=nursery,
                )
                try:
                    await self._walk_or_read(pages, send)
                except EndpointLostError as error:
                    await pages.settle()
                    await self._send_early(pages, send)
                    if self._feed:
                        await self._feed.send_rest(send)
                    self._cut_off(error, "deadline" if isinstance(error, DeadlineNearError) else "skip")
                finally:
                    if not self._ledger.ended:  # cancelled, or an unforeseen exception
                        with trio.CancelScope(shield=True):  # bounded by the consumers, which make room
                            await self._send_early(pages, send)
                            if self._feed:
                                await self._feed.send_rest(send)
                    nursery.cancel_scope.cancel()

    def interrupt(self, action: Action, reason: str) -> bool:
        """Close the account of a walk that was cut short; return False, without effect, if the walk had ended."""
        if self._ledger.ended:
            return False
        self._cut_off(FetchError(reason), action)
        return True

    def page_written(self) -> None:
        """Account for a page that was sent, and has been journaled or lost."""
        self._ledger.time.delivered()
        if self._feed:
            self._feed.page_written()

    @property
    def has_ended(self) -> bool:
        """True once the account is closed."""
        return self._ledger.ended

    @property
    def is_over(self) -> bool:
        """True once the walk has ended, and all pages that it sent have been written."""
        return self._ledger.ended and self._ledger.time.is_over

    def result(self) -> FetchResult:
        """Return the account of the walk so far."""
        resumed = self._resumed.profile.version if self._resumed.profile else None
        return msgspec.structs.replace(
            self._ledger.statistics(),
            fitting_rps=self._attempts.fitting_rate(),
            unchanged=self._feed is not None and self._feed.unchanged,
            feed=self._feed.version if self._feed else resumed,
        )

    def status(self) -> EndpointStatus:
        """Return a snapshot for the live view; cheap enough to be taken several times a second."""
        breaker, throttle = self._attempts.statistics()
        now, ledger, end = trio.current_time(), self._ledger, self._paginator.end
        wanted = self._announced_pages() if end is None else end - 1
        return EndpointStatus(
            source=self._endpoint.name,
            pages=ledger.pages_fetched,
            pages_wanted=None if wanted is None or wanted < ledger.pages_fetched else wanted,
            records=ledger.records,
            records_announced=None if ledger.resumed else ledger.announced.records,
            requests=ledger.requests,
            retries=ledger.retries,
            circuit=_CIRCUITS[breaker.state],
            probe_in=None if breaker.probe_at is None else max(0.0, breaker.probe_at - now),
            paused_for=max(0.0, throttle.paused_until - now),
            ended=ledger.status,
        )

    async def _walk_or_read(self, pages: Prefetcher, send: trio.MemorySendChannel[Page]) -> None:
        """Walk the pages of an endpoint, or read it if it is a feed, which the first response may show."""
        version = self._resumed.profile.version if self._resumed.profile else self._present
        body_format = BodyFormat(version.format) if version else self._endpoint.format
        if body_format in (None, BodyFormat.JSON):
            try:
                await self._walk(pages, send)
            except FeedFoundError as found:
                self._in_hand.clear()
                self.is_feed = True
                if not self._rest.reads_feeds:
                    return
                self._ledger.feed_found(found)
                body_format = BodyFormat(found.format)
        if body_format not in (None, BodyFormat.JSON):
            await self._read_feed(body_format, send)

    async def _read_feed(self, body_format: BodyFormat, send: trio.MemorySendChannel[Page]) -> None:
        # An earlier run has read it to its end, and has journaled all of it.
        if self._end is not None and len(self._resumed.have) == self._end - 1:
            self._ledger.reached_end()
            return
        self._feed = FeedWalk(
            self._endpoint,
            self._attempts,
            self._ledger,
            body_format,
            resumed=self._resumed,
            present=self._present,
            on_profile=self._on_profile,
            on_restart=self._on_restart,
        )
        try:
            complaint = await self._feed.run(send)
        except (PermanentError, TransientError) as error:
            await self._feed.send_rest(send)
            self._cut_off(error, "skip")
            return
        if self._feed.unchanged:
            self._ledger.unchanged()
        elif complaint:
            self._cut_off(FetchError(f"{complaint}; correct `fields`"), "skip")
        else:
            self._on_end(self._feed.page)
            self._ledger.reached_end()

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
                    self._cut_off(error, "skip")
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
                self._cut_off(FetchError(self._shortfall()), "skip")
            case Ending.END:
                self._ledger.reached_end(remark=self._paginator.remark)
            case Ending.LOOP:
                remedy = "if the API has other pages, describe them with `paging`"
                self._cut_off(FetchError(f"{ending.value}; {remedy}"), "skip")
            case Ending.LOST:
                self._cut_off(FetchError(f"{ending.value}; check `url` and the access that it needs"), "skip")
            case Ending.UNNAMED if walked.announces_more:
                self._cut_off(FetchError(f"{self._shortfall()}; describe how to get the others with `paging`"), "skip")
            case _:
                self._cut_off(FetchError(ending.value), "skip")

    def _shortfall(self) -> str:
        announced, walked = self._paginator.walked.announced, self._paginator.walked
        if announced.records is not None:
            return f"{announced.records} records announced, {walked.records} received"
        return f"{announced.pages} pages announced, {walked.pages} received"

    def _cut_off(self, error: FetchError, action: Action) -> None:
        missing, onward = ([self._feed.page], True) if self._feed else self._paginator.missing()
        missing = sorted(self._in_hand.union(missing))
        self._ledger.cut_off(error, min(self._in_hand, default=missing[0]), action, missing, onward=onward)

    def _announced_pages(self) -> int | None:
        size = self._profile.page_size if self._profile else None
        return announced_pages(self._paginator.walked, size)

    def _remedy(self) -> str:
        mocks = " (the mocks: `python -m mockapi`)" if self._client.is_local else ""
        return f"start the API{mocks}, or correct endpoints.{self._endpoint.name}.url"


def _unsealed(progress: Progress, secrets: Secrets) -> Progress:
    """Return the progress with the credentials restored, which the journal does not contain."""
    tokens = {page: secrets.unseal(token) for page, token in progress.tokens.items()}
    return msgspec.structs.replace(progress, tokens=tokens)
