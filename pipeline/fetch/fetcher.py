"""Fetch one endpoint to its end: its pages, or the feed that it is; and keep its account."""

from collections.abc import Callable, Hashable, Mapping
from random import Random

import msgspec
import trio

from pipeline.config.request import BodyFormat
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.errors import FetchError
from pipeline.fetch.account.ledger import Ledger
from pipeline.fetch.attempts import ResilientClient
from pipeline.fetch.feed_walk import FeedWalk
from pipeline.fetch.http.client import Client
from pipeline.fetch.page_walk import NO_REST, PageWalk, Rest
from pipeline.fetch.paging.select import usable
from pipeline.fetch.policy.circuit_breaker import State
from pipeline.fetch.policy.throttle import Throttle
from pipeline.model.pages import NOTHING_YET, EndpointProfile, FeedVersion, Page, Progress
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
    """A fetcher of one endpoint, which walks its pages or, if it is a feed, reads that.

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
        self._on_restart = on_restart
        self._present = present
        self._rest = rest
        paging = resumed.profile.paging if resumed.profile else endpoint.paging
        self._resumed = resumed = usable(_unsealed(resumed, endpoint.secrets), paging)
        self._ledger = Ledger(endpoint.name, remedy=self._remedy(), resumed=resumed)
        self._attempts = ResilientClient(
            endpoint,
            client,
            ledger=self._ledger,
            rng=rng,
            throttle=throttle,
            records_path=resumed.profile.records_path if resumed.profile else None,
        )
        self._pages = PageWalk(
            endpoint,
            self._attempts,
            self._ledger,
            identify=identify,
            resumed=resumed,
            on_end=on_end,
            on_profile=on_profile,
            rest=rest,
        )
        self._feed: FeedWalk | None = None
        self.is_feed = False

    async def run(self, send: trio.MemorySendChannel[Page]) -> None:
        """Walk the endpoint to its end and send every page of records; closes ``send``.

        A cancellation ends the walk, and so does an unforeseen exception. The pages that have arrived are sent
        nevertheless. The account stays open until :meth:`interrupt` gives the reason.
        """
        with send, self._ledger.walking():
            async with self._client:
                await self._walk(send)

    def interrupt(self, action: Action, reason: str) -> bool:
        """Close the account of a walk that was cut short; return False, without effect, if the walk had ended."""
        if self._ledger.ended:
            return False
        (self._feed or self._pages).cut_off(FetchError(reason), action)
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
        now, ledger = trio.current_time(), self._ledger
        wanted = self._pages.pages_wanted
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

    async def _walk(self, send: trio.MemorySendChannel[Page]) -> None:
        """Walk the pages of the endpoint, or read it if it is a feed, which the first response may show."""
        version = self._resumed.profile.version if self._resumed.profile else self._present
        body_format = BodyFormat(version.format) if version else self._endpoint.format
        if body_format in (None, BodyFormat.JSON):
            found = await self._pages.run(send)
            if found is None:
                return
            self.is_feed = True
            if not self._rest.reads_feeds:
                return
            self._ledger.feed_found(found)
            body_format = BodyFormat(found.format)
        self._feed = FeedWalk(
            self._endpoint,
            self._attempts,
            self._ledger,
            body_format,
            resumed=self._resumed,
            present=self._present,
            on_end=self._on_end,
            on_profile=self._on_profile,
            on_restart=self._on_restart,
        )
        await self._feed.run(send)

    def _remedy(self) -> str:
        mocks = " (the mocks: `python -m mockapi`)" if self._client.is_local else ""
        return f"start the API{mocks}, or correct endpoints.{self._endpoint.name}.url"


def _unsealed(progress: Progress, secrets: Secrets) -> Progress:
    """Return the progress with the credentials restored, which the journal does not contain."""
    tokens = {page: secrets.unseal(token) for page, token in progress.tokens.items()}
    return msgspec.structs.replace(progress, tokens=tokens)
