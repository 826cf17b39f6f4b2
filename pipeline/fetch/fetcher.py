"""One endpoint's fetcher: walks its pages to the end, and keeps the account."""

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from functools import partial
from random import Random

import msgspec
import trio

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.source import PagingStyle
from pipeline.errors import DeadlineNearError, EndpointLostError, FetchError, PermanentError, TransientError
from pipeline.fetch.account.ledger import EndpointLog, Ledger, standing
from pipeline.fetch.attempts import FetchedPage, ResilientClient
from pipeline.fetch.content.totals import find_totals
from pipeline.fetch.http.client import Client
from pipeline.fetch.paging.paginator import PageOutcome, PageRequest
from pipeline.fetch.paging.select import detect, make_paginator, usable
from pipeline.fetch.prefetch import Prefetcher, PrefetchWindow
from pipeline.model.metrics import Activity
from pipeline.model.pages import NOTHING_YET, AnnouncedTotals, EndpointProfile, Page, Progress, Trace
from pipeline.model.status import EndpointStatus
from pipeline.model.summary import Action, FetchResult, page_ranges
from pipeline.redaction import Secrets


class Fetcher:
    """Fetches one endpoint, page by page.

    ``identify`` gives a raw record's identity, for finding loops. ``resumed`` tells how far an earlier run came.
    ``on_end`` is called with the number behind the last page, ``on_profile`` with what the first page said.
    """

    def __init__(
        self,
        endpoint: ResolvedEndpoint,
        client: Client,
        *,
        rng: Random,
        identify: Callable[[msgspec.Raw], Hashable],
        resumed: Progress = NOTHING_YET,
        on_end: Callable[[int], None] = lambda page: None,
        on_profile: Callable[[EndpointProfile], None] = lambda profile: None,
    ) -> None:
        self._endpoint = endpoint
        self._client = client
        self._identify = identify
        self._on_end = on_end
        self._on_profile = on_profile
        self._profile = resumed.profile
        self._how = resumed.profile.paging if resumed.profile else endpoint.paging
        resumed = usable(_unsealed(resumed, endpoint.secrets), self._how)
        self._walk = make_paginator(self._how, identify, resumed)
        self._ledger = Ledger(endpoint.name, resumed=resumed)
        self._log = EndpointLog(endpoint.name, self._remedy())
        records_path = resumed.profile.records_path if resumed.profile else None
        self._resilient = ResilientClient(
            endpoint, client, records_path=records_path, ledger=self._ledger, log=self._log, rng=rng
        )

    async def run(self, send: trio.MemorySendChannel[Page]) -> None:
        """Walk the endpoint to its end and send every page of records that arrives; closes ``send``.

        A cancellation ends the walk where it is: what has arrived is sent all the same, and the account stays open
        until :meth:`interrupt` says why.
        """
        limit = self._endpoint.rate_limit
        window = PrefetchWindow(limit.rps, limit.concurrency, now=trio.current_time())
        with send, self._ledger.walking():
            async with self._client, trio.open_nursery() as nursery:
                pages = Prefetcher(
                    partial(self._fetch, window),
                    self._next_requests,
                    window=window,
                    reach=limit.concurrency,
                    nursery=nursery,
                )
                try:
                    await self._walk_on(pages, send)
                except EndpointLostError as error:
                    await pages.settle()
                    await self._send_early(pages, send)
                    self._lose(error, "deadline" if isinstance(error, DeadlineNearError) else "skip")
                finally:
                    if not self._ledger.ended:  # cut off
                        with trio.CancelScope(shield=True):  # for as long as consumers take to make room
                            await self._send_early(pages, send)
                    nursery.cancel_scope.cancel()

    def interrupt(self, action: Action, reason: str) -> bool:
        """Close the account of a walk that was cut off; False, and without effect, where it had ended."""
        if self._ledger.ended:
            return False
        self._lose(FetchError(reason), action)
        return True

    def statistics(self) -> FetchResult:
        """The account of the walk so far."""
        return self._ledger.statistics()

    def status(self) -> EndpointStatus:
        """How the endpoint stands at the moment; cheap enough to be asked for again and again."""
        return standing(self._ledger, *self._resilient.statistics(), end=self._walk.end, now=trio.current_time())

    def _next_requests(self, most: int) -> tuple[Sequence[PageRequest], bool]:
        return self._walk.next_requests(most)  # of whatever walk it is by then

    async def _fetch(self, window: PrefetchWindow, request: PageRequest) -> FetchedPage:
        arrival = await self._resilient.page(request, on_failed=window.failed)
        window.answered(arrival.latency)
        return arrival

    async def _walk_on(self, pages: Prefetcher, send: trio.MemorySendChannel[Page]) -> None:
        step = self._walk.first_outcome
        while step in (PageOutcome.NEXT, PageOutcome.EMPTY):
            number, second_pass = self._walk.page, self._walk.second_pass
            try:
                arrival = await pages.take()
            except (PermanentError, TransientError) as error:
                step = self._walk.skipped()
                if second_pass:
                    self._ledger.given_up(number, error)
                    self._log.failed(error, number, f"{error.text}; page given up")
                else:
                    self._ledger.put_off(number, error)
                    self._log.failed(error, number, f"{error.text}; page put off, it gets another chance")
                continue
            if number == 1 and not second_pass and not self._find_out_paging(arrival):
                step = self._walk.first_outcome
                continue
            if arrival.records and self._profile is None:
                self._learn_from(arrival, number)
            step = self._take(arrival, number)
            await self._deliver(arrival, number, send, repeats=step is PageOutcome.LOOP)
        if step is PageOutcome.LOST:  # behind the end or a repetition nothing is looked at
            await self._send_early(pages, send)
        self._conclude(step)

    async def _send_early(self, pages: Prefetcher, send: trio.MemorySendChannel[Page]) -> None:
        """Take what came before its turn, now that its turn will not come: what was fetched is not lost."""
        for number, arrival in pages.arrived():
            if arrival.records:
                if self._profile is None:
                    self._learn_from(arrival, number)
                if is_new := self._walk.arrived_early(number, arrival.records):
                    self._ledger.fetched(number)
                await self._deliver(arrival, number, send, repeats=not is_new)

    async def _deliver(
        self, arrival: FetchedPage, number: int, send: trio.MemorySendChannel[Page], *, repeats: bool
    ) -> None:
        if arrival.records:
            self._ledger.received(len(arrival.records))
            await self._send(send, self._page(arrival, number, repeats=repeats))

    def _page(self, arrival: FetchedPage, number: int, *, repeats: bool) -> Page:
        token = self._walk.token()
        return Page(
            source=self._endpoint.name,
            number=number,
            records=arrival.records,
            trace=Trace(
                token=None if token is None else self._endpoint.secrets.seal(token),
                fingerprint=self._walk.fingerprint(),
                repeats=repeats,
            ),
        )

    def _take(self, arrival: FetchedPage, number: int) -> PageOutcome:
        end_was_known = self._walk.end is not None
        step = self._walk.arrived(arrival.records, arrival.response)
        end = self._walk.end
        if end is not None and not end_was_known:
            self._on_end(end)
        if step not in (PageOutcome.LOOP, PageOutcome.EMPTY) and number != end:
            self._ledger.fetched(number)
        return step

    def _find_out_paging(self, arrival: FetchedPage) -> bool:
        """See from the first page how to go on; False when this was not the first one after all."""
        how = self._how
        found = detect(arrival.response, records=len(arrival.records)) if how.style is PagingStyle.AUTO else None
        if found:
            how = found
            self._walk = make_paginator(how, self._identify)
            self._log.paging(how)
        self._how = how
        return found is None or found.start != 0

    async def _send(self, send: trio.MemorySendChannel[Page], page: Page) -> None:
        """Send a page even if the deadline comes meanwhile: what was fetched is not lost.

        The wait is bounded all the same: consumers make room, and once the last one is gone, sending fails. Then the
        run has failed already, and whoever ends it knows why.
        """
        with trio.CancelScope(shield=True), suppress(trio.BrokenResourceError):
            try:
                send.send_nowait(page)
            except trio.WouldBlock:
                with self._ledger.time.during(Activity.CHANNEL):
                    await send.send(page)
            self._ledger.time.sent()

    def delivered(self) -> None:
        """A page that was sent is normalized and written down."""
        self._ledger.time.delivered()

    def _conclude(self, step: PageOutcome) -> None:
        match step:
            case PageOutcome.END:
                self._ledger.reached_end()
                walk = self._ledger.statistics()
                if walk.pages_fetched == 1 and self._how.style in (PagingStyle.CURSOR, PagingStyle.NEXT_URL):
                    self._log.one_page(self._how.path)
                self._log.ended(walk.pages_fetched, page_ranges(walk.pages_missing))
            case PageOutcome.LOOP:
                self._lose(FetchError(f"{step.value}; if the API has other pages, say with `paging` how"), "skip")
            case PageOutcome.BROKEN:
                self._lose(FetchError(step.value), "skip")
            case _:
                self._lose(FetchError(f"{step.value}; check `url` and what access it needs"), "skip")

    def _learn_from(self, arrival: FetchedPage, number: int) -> None:
        """Take down what the first page with records says, for this run and for one that resumes it."""
        announced = find_totals(arrival.response.body, arrival.response.headers)
        if announced.pages is None and announced.records is not None and number == 1:
            # The first page is a full one, unless it is the only one.
            announced = AnnouncedTotals(announced.records, -(-announced.records // len(arrival.records)))
        size = len(arrival.records) if number == 1 else None
        self._profile = EndpointProfile(self._how, self._resilient.records_path, announced, size)
        self._on_profile(self._profile)
        self._log.announced(announced.records, announced.pages)
        self._ledger.announced(announced)
        if announced.pages is not None:
            self._walk.announced(announced.pages)

    def _lose(self, error: FetchError, action: Action) -> None:
        page, (wanted, onward) = self._walk.page, self._walk.wanted()
        self._ledger.cut_off(wanted, error.text, onward=onward)
        listed = f"missing: {page_ranges(wanted)}"
        missing = f"page {page} on is missing" if wanted == [page] else f"{listed} and on" if onward else listed
        self._ledger.failed(page, error, action)
        self._log.failed(error, page, f"{error.text}; {missing}")

    def _remedy(self) -> str:
        key = f"endpoints.{self._endpoint.name}.url"
        mocks = " (the mocks: `python -m mockapi`)" if self._client.is_local else ""
        return f"start the API{mocks}, or correct {key}"


def _unsealed(progress: Progress, secrets: Secrets) -> Progress:
    """The progress with the credentials put back that are not in the journal."""
    tokens = {page: secrets.unseal(token) for page, token in progress.tokens.items()}
    return msgspec.structs.replace(progress, tokens=tokens)
