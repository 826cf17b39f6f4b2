"""Fetch one endpoint: walk its pages to the end and keep the account."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from random import Random

import msgspec
import trio

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.source import PagingStyle
from pipeline.errors import DeadlineNearError, EndpointLostError, FetchError, PermanentError, TransientError
from pipeline.fetch.account.ledger import Ledger
from pipeline.fetch.attempts import FetchedPage, ResilientClient
from pipeline.fetch.content.totals import find_totals
from pipeline.fetch.http.client import Client
from pipeline.fetch.paging.paginator import PageOutcome, PageRequest
from pipeline.fetch.paging.select import detect, make_paginator, usable
from pipeline.fetch.policy.circuit_breaker import State
from pipeline.fetch.prefetch import Prefetcher, PrefetchWindow
from pipeline.model.metrics import Activity
from pipeline.model.pages import NOTHING_YET, AnnouncedTotals, EndpointProfile, Page, Progress, Trace
from pipeline.model.status import Circuit, EndpointStatus
from pipeline.model.summary import Action, FetchResult
from pipeline.redaction import Secrets

_CIRCUITS: Mapping[State, Circuit] = {
    State.CLOSED: "closed",
    State.OPEN: "open",
    State.HALF_OPEN: "half-open",
    State.GIVEN_UP: "given up",
}


class Fetcher:
    """The walk through the pages of one endpoint.

    ``identify`` returns the identity of a raw record, for the loop detector. ``resumed`` is the progress of an earlier
    run. ``on_end`` is called with the number after the last page, ``on_profile`` with what the first page revealed.
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
        self._paging = resumed.profile.paging if resumed.profile else endpoint.paging
        resumed = usable(_unsealed(resumed, endpoint.secrets), self._paging)
        self._paginator = make_paginator(self._paging, identify, resumed)
        self._ledger = Ledger(endpoint.name, remedy=self._remedy(), resumed=resumed)
        self._attempts = ResilientClient(
            endpoint,
            client,
            ledger=self._ledger,
            rng=rng,
            records_path=resumed.profile.records_path if resumed.profile else None,
        )

    async def run(self, send: trio.MemorySendChannel[Page]) -> None:
        """Walk the endpoint to its end and send every page of records; closes ``send``.

        A cancellation ends the walk. The pages that have arrived are sent nevertheless. The account stays open until
        :meth:`interrupt` gives the reason.
        """
        limit = self._endpoint.rate_limit
        with send, self._ledger.walking():
            async with self._client, trio.open_nursery() as nursery:
                pages = Prefetcher(
                    self._attempts,
                    self._next_requests,
                    window=PrefetchWindow(limit.rps, limit.concurrency, now=trio.current_time()),
                    reach=limit.concurrency,
                    nursery=nursery,
                )
                try:
                    await self._walk(pages, send)
                except EndpointLostError as error:
                    await pages.settle()
                    await self._send_early(pages, send)
                    self._cut_off(error, "deadline" if isinstance(error, DeadlineNearError) else "skip")
                finally:
                    if not self._ledger.ended:  # cancelled
                        with trio.CancelScope(shield=True):  # bounded by the consumers, which make room
                            await self._send_early(pages, send)
                    nursery.cancel_scope.cancel()

    def interrupt(self, action: Action, reason: str) -> bool:
        """Close the account of a walk that was cancelled; return False, without effect, if the walk had ended."""
        if self._ledger.ended:
            return False
        self._cut_off(FetchError(reason), action)
        return True

    def page_written(self) -> None:
        """Account for a page that has been normalized and journaled."""
        self._ledger.time.delivered()

    def result(self) -> FetchResult:
        """Return the account of the walk so far."""
        return self._ledger.statistics()

    def status(self) -> EndpointStatus:
        """Return a snapshot for the live view; cheap enough to be taken several times a second."""
        breaker, bucket = self._attempts.statistics()
        now, ledger, end = trio.current_time(), self._ledger, self._paginator.end
        wanted = ledger.announced.pages if end is None else end - 1
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
            paused_for=max(0.0, bucket.paused_until - now),
            ended=ledger.status,
        )

    def _next_requests(self, most: int) -> tuple[Sequence[PageRequest], bool]:
        return self._paginator.next_requests(most)  # the first page may replace the paginator

    async def _walk(self, pages: Prefetcher, send: trio.MemorySendChannel[Page]) -> None:
        outcome = self._paginator.first_outcome
        while outcome in (PageOutcome.NEXT, PageOutcome.EMPTY):
            number, second_pass = self._paginator.page, self._paginator.second_pass
            try:
                fetched = await pages.take()
            except (PermanentError, TransientError) as error:
                outcome = self._paginator.page_failed()
                if second_pass:
                    self._ledger.page_skipped(number, error)
                else:
                    self._ledger.page_deferred(number, error)
                continue
            if number == 1 and not second_pass and not self._detect_paging(fetched):
                outcome = self._paginator.first_outcome
                continue
            if fetched.records and self._profile is None:
                self._keep_profile(fetched, number)
            outcome = self._take(fetched, number)
            await self._send(fetched, number, send, repeats=outcome is PageOutcome.LOOP)
        if outcome is PageOutcome.LOST:  # pages after the end or after a repetition are of no interest
            await self._send_early(pages, send)
        self._conclude(outcome)

    def _detect_paging(self, fetched: FetchedPage) -> bool:
        """Choose the paginator by the first page; return False if that was not the first page after all."""
        if self._paging.style is not PagingStyle.AUTO:
            return True
        detected = detect(fetched.response, records=len(fetched.records))
        if detected is None:
            return True
        self._paging = detected
        self._paginator = make_paginator(detected, self._identify)
        self._ledger.paging_detected(detected)
        return detected.start != 0

    def _keep_profile(self, fetched: FetchedPage, number: int) -> None:
        """Keep what the first page with records reveals, for this run and for a run that resumes it."""
        announced = find_totals(fetched.response.body, fetched.response.headers)
        size = len(fetched.records) if number == 1 else None
        if announced.pages is None and announced.records is not None and size:
            # The first page is a full one, unless it is the only one.
            announced = AnnouncedTotals(announced.records, -(-announced.records // size))
        self._profile = EndpointProfile(self._paging, self._attempts.records_path, announced, size)
        self._on_profile(self._profile)
        self._ledger.totals_announced(announced)
        if announced.pages is not None:
            self._paginator.announced(announced.pages)

    def _take(self, fetched: FetchedPage, number: int) -> PageOutcome:
        end_was_known = self._paginator.end is not None
        outcome = self._paginator.page_arrived(fetched.records, fetched.response)
        end = self._paginator.end
        if end is not None and not end_was_known:
            self._on_end(end)
        if outcome not in (PageOutcome.LOOP, PageOutcome.EMPTY) and number != end:
            self._ledger.page_fetched(number)
        return outcome

    async def _send_early(self, pages: Prefetcher, send: trio.MemorySendChannel[Page]) -> None:
        """Send the pages that arrived before a turn that will not come: what was fetched is not lost."""
        for number, fetched in pages.arrived():
            if fetched.records:
                if self._profile is None:
                    self._keep_profile(fetched, number)
                if is_new := self._paginator.page_arrived_early(number, fetched.records):
                    self._ledger.page_fetched(number)
                await self._send(fetched, number, send, repeats=not is_new)

    async def _send(
        self, fetched: FetchedPage, number: int, send: trio.MemorySendChannel[Page], *, repeats: bool
    ) -> None:
        """Send a page even if the deadline passes meanwhile: what was fetched is not lost.

        The wait is bounded nevertheless: consumers make room, and sending fails once the last consumer is gone. The
        run has failed by then, and the task that ends it knows the reason.
        """
        if not fetched.records:
            return
        self._ledger.records += len(fetched.records)
        page = self._page(fetched, number, repeats=repeats)
        with trio.CancelScope(shield=True), suppress(trio.BrokenResourceError):
            try:
                send.send_nowait(page)
            except trio.WouldBlock:
                with self._ledger.time.during(Activity.CHANNEL):
                    await send.send(page)
            self._ledger.time.sent()

    def _page(self, fetched: FetchedPage, number: int, *, repeats: bool) -> Page:
        token = self._paginator.token()
        return Page(
            source=self._endpoint.name,
            number=number,
            records=fetched.records,
            trace=Trace(
                token=None if token is None else self._endpoint.secrets.seal(token),
                fingerprint=self._paginator.fingerprint(),
                repeats=repeats,
            ),
        )

    def _conclude(self, outcome: PageOutcome) -> None:
        match outcome:
            case PageOutcome.END:
                is_chain = self._paging.style in (PagingStyle.CURSOR, PagingStyle.NEXT_URL)
                is_alone = self._ledger.pages_fetched == 1
                self._ledger.reached_end(only_page_of=self._paging if is_chain and is_alone else None)
            case PageOutcome.LOOP:
                remedy = "if the API has other pages, describe them with `paging`"
                self._cut_off(FetchError(f"{outcome.value}; {remedy}"), "skip")
            case PageOutcome.BROKEN:
                self._cut_off(FetchError(outcome.value), "skip")
            case _:
                self._cut_off(FetchError(f"{outcome.value}; check `url` and the access that it needs"), "skip")

    def _cut_off(self, error: FetchError, action: Action) -> None:
        missing, onward = self._paginator.missing()
        self._ledger.cut_off(error, self._paginator.page, action, missing, onward=onward)

    def _remedy(self) -> str:
        mocks = " (the mocks: `python -m mockapi`)" if self._client.is_local else ""
        return f"start the API{mocks}, or correct endpoints.{self._endpoint.name}.url"


def _unsealed(progress: Progress, secrets: Secrets) -> Progress:
    """Return the progress with the credentials restored, which the journal does not contain."""
    tokens = {page: secrets.unseal(token) for page, token in progress.tokens.items()}
    return msgspec.structs.replace(progress, tokens=tokens)
