"""Read a feed: one response as a stream, in virtual pages that are journaled like those of other endpoints."""

from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec
import trio

from pipeline.config.request import BodyFormat
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.source import Paging, PagingStyle
from pipeline.errors import EndpointLostError, FetchError, PermanentError, TransientError, TruncatedFeedError
from pipeline.fetch.account.ledger import Ledger
from pipeline.fetch.attempts import ResilientClient
from pipeline.fetch.feed.decoder import FeedDecoder, FeedOptions
from pipeline.fetch.feed.formats import check_start, make_decoder
from pipeline.fetch.http.stream import NOT_MODIFIED, StreamedResponse
from pipeline.fetch.policy.deadline import action_after
from pipeline.model.metrics import Activity
from pipeline.model.pages import NOTHING_YET, EndpointProfile, FeedVersion, Page, Progress, Trace
from pipeline.model.summary import Action

PAGE_SIZE = 1_000

# Pages that are sent and not written yet. More of them would only fill the memory: a feed is faster than the threads.
_MOST_UNDER_WAY = 8

# The fields whose columns a feed must have if they are described. Others may be missing from some of its records.
_NEEDED = ("id", "title", "category")


class FeedWalk:
    """The walk through one feed: virtual pages of 1,000 records, numbered from 1.

    A retry, and a run that resumes, read from the start. If the version of the feed is the same, pages that have
    arrived are skipped. Otherwise ``on_restart`` is called once nothing of the old version is under way; then the walk
    begins again. ``present`` is the version that the present summary has whole. If the feed has not changed since,
    ``unchanged`` is True, and nothing is sent. ``on_end`` is called with the number after the last page, ``on_profile``
    with the version.
    """

    def __init__(
        self,
        endpoint: ResolvedEndpoint,
        attempts: ResilientClient,
        ledger: Ledger,
        body_format: BodyFormat,
        *,
        resumed: Progress = NOTHING_YET,
        present: FeedVersion | None = None,
        on_end: Callable[[int], None] = lambda page: None,
        on_profile: Callable[[EndpointProfile], None] = lambda profile: None,
        on_restart: Callable[[], None] = lambda: None,
    ) -> None:
        self._endpoint = endpoint
        self._attempts = attempts
        self._ledger = ledger
        self._format = body_format
        self._on_end = on_end
        self._on_profile = on_profile
        self._on_restart = on_restart
        self._present = present
        self._have = set(resumed.have)
        # An earlier run has read the feed to its end, and has journaled all of it.
        self._has_whole = resumed.end is not None and len(resumed.have) == resumed.end - 1
        self._version = resumed.profile.version if resumed.profile else None
        self._options = FeedOptions(endpoint.encoding, endpoint.delimiter, endpoint.quote, endpoint.items)
        self._records: list[msgspec.Raw] = []
        self._under_way = 0
        self._written = trio.Event()
        self.unchanged = False
        self.page = 1

    @property
    def version(self) -> FeedVersion | None:
        """The version of the feed that is being read, None before it is known."""
        return self._version

    async def run(self, send: trio.MemorySendChannel[Page]) -> None:
        """Read the feed to its end and send its records in pages.

        A cancellation ends the walk, and so does an unforeseen exception. The records that have arrived are sent
        nevertheless. The account stays open until :meth:`cut_off` gives the reason.
        """
        if self._has_whole:
            self._ledger.reached_end()
            return
        try:
            missing = await self._read(send)
        except (PermanentError, TransientError, EndpointLostError) as error:
            await self._send_rest(send)
            self.cut_off(error, action_after(error))
        except BaseException:
            with trio.CancelScope(shield=True):  # bounded by the consumers, which make room
                await self._send_rest(send)
            raise
        else:
            self._conclude(missing)

    def cut_off(self, error: FetchError, action: Action) -> None:
        """Close the account of a walk that ends early because of ``error``."""
        self._ledger.cut_off(error, self.page, action, [self.page], onward=True)

    def page_written(self) -> None:
        """Account for a page that was sent, and is journaled or lost."""
        self._under_way -= 1
        self._written.set()

    async def _read(self, send: trio.MemorySendChannel[Page]) -> list[str]:
        """Read the feed to its end; return the described columns that its header lacks."""
        missing: list[str] = []

        async def consume(response: StreamedResponse) -> None:
            missing[:] = await self._consume(response, send)

        await self._attempts.stream(consume, page=lambda: self.page, headers=self._conditions())
        return missing

    async def _send_rest(self, send: trio.MemorySendChannel[Page]) -> None:
        """Send the records of the page that is not complete; a resumed run reads it again."""
        if self._records and self.page not in self._have:
            await self._send(send, is_whole=False)

    def _conclude(self, missing: list[str]) -> None:
        if self.unchanged:
            self._ledger.unchanged()
        elif missing:
            self.cut_off(FetchError(f"{self._complaint(missing)}; correct `fields`"), "skip")
        else:
            self._on_end(self.page)
            self._ledger.reached_end()

    async def _consume(self, response: StreamedResponse, send: trio.MemorySendChannel[Page]) -> list[str]:
        if response.status == NOT_MODIFIED:
            self.unchanged = True
            return []
        decoder = make_decoder(self._format, self._options)
        self.page, self._records = 1, []
        is_settled = is_checked = False
        async for chunk in response.chunks:
            if not is_checked:
                check_start(self._format, chunk)
                is_checked = True
            for record in decoder.feed(chunk):
                if not is_settled:
                    await self._settle_version(response, decoder)
                    is_settled = True
                await self._take(record, send)
        for record in decoder.finish():
            await self._take(record, send)
        if not response.is_framed and not decoder.is_terminated:
            raise TruncatedFeedError("the feed ends within its last record, or lacks its last line end")
        if not is_settled:
            await self._settle_version(response, decoder)
        if self._records and self.page not in self._have:
            await self._send(send, is_whole=True)
        self.page += bool(self._records)
        self._records = []
        return self._missing_columns(decoder)

    async def _take(self, record: msgspec.Raw, send: trio.MemorySendChannel[Page]) -> None:
        self._records.append(record)
        if len(self._records) == PAGE_SIZE:
            if self.page not in self._have:
                await self._until_under_way(_MOST_UNDER_WAY - 1)
                await self._send(send, is_whole=True)
            else:
                await trio.lowlevel.checkpoint()
            self.page += 1
            self._records = []

    async def _settle_version(self, response: StreamedResponse, decoder: FeedDecoder) -> None:
        """Compare the version of this response with that of the pages that have arrived, and keep it."""
        version = FeedVersion(response.validators, response.length, tuple(decoder.columns or ()), self._format.value)
        if self._version is not None and version.proves_same(self._version):
            return
        if self._version is not None or self._have:
            await self._until_under_way(0)
            self._ledger.restarted()
            self._have.clear()
            self._on_restart()
        if self._present is not None and self._present.columns != version.columns:
            self._ledger.columns_changed(self._present.columns, version.columns)
        self._version = version
        self._on_profile(EndpointProfile(Paging(style=PagingStyle.NONE), version=version))

    async def _until_under_way(self, most: int) -> None:
        """Wait until at most so many pages are sent and not written yet."""
        with self._ledger.time.during(Activity.CHANNEL):
            while self._under_way > most:
                self._written = trio.Event()
                await self._written.wait()

    async def _send(self, send: trio.MemorySendChannel[Page], *, is_whole: bool) -> None:
        """Send a page even if the deadline passes meanwhile: what was fetched is not lost."""
        trace = Trace(records=len(self._records), incomplete=not is_whole)
        page = Page(self._endpoint.name, self.page, self._records, trace)
        self._ledger.records += len(self._records)
        if is_whole:
            self._have.add(self.page)
            self._ledger.page_fetched(self.page)
        self._under_way += 1
        with trio.CancelScope(shield=True), suppress(trio.BrokenResourceError):  # bounded by the consumers
            with self._ledger.time.during(Activity.CHANNEL):
                await send.send(page)
            self._ledger.time.sent()

    def _conditions(self) -> Mapping[str, str]:
        """Return the headers of a conditional request (RFC 9110, section 13.1), none if the feed is needed."""
        if self._present is None or self._have:
            return {}
        validators = self._present.validators
        named = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
        return {name: value for name, value in named.items() if value}

    def _missing_columns(self, decoder: FeedDecoder) -> list[str]:
        if decoder.columns is None:
            return []
        fields = self._endpoint.fields
        paths = {f"fields.{name}": getattr(fields, name) for name in _NEEDED}
        paths |= {"fields.price": fields.price.path, "fields.currency": fields.currency.path}
        self._columns = decoder.columns
        return [f"{key}: {path}" for key, path in paths.items() if _is_name(path) and path not in decoder.columns]

    def _complaint(self, missing: list[str]) -> str:
        columns = ", ".join(self._columns[:20])
        return f"the header lacks the columns of `{'`, `'.join(missing)}`; it has {columns}"


def _is_name(path: str | None) -> bool:
    return path is not None and path.isidentifier()
