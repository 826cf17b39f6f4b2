"""Fetch the first page of an endpoint, with one request."""

from collections.abc import Sequence
from itertools import islice
from random import Random

import msgspec
import trio

from pipeline.config.endpoint import Breaker, Retry
from pipeline.config.request import BodyFormat
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.source import Paging, PagingStyle
from pipeline.discovery.record_lists import LikeliestFinder, RecordList
from pipeline.errors import FeedFoundError, FetchError
from pipeline.fetch.account.ledger import Ledger
from pipeline.fetch.attempts import ResilientClient
from pipeline.fetch.content.records import RecordFinder
from pipeline.fetch.content.response import FetchedPage, Response, shared_values
from pipeline.fetch.content.signs import announced_by, read_signs
from pipeline.fetch.feed.decoder import FeedOptions
from pipeline.fetch.feed.formats import make_decoder
from pipeline.fetch.feed_walk import PAGE_SIZE
from pipeline.fetch.groups import make_throttles
from pipeline.fetch.http.client import Client, Connect, connector
from pipeline.fetch.http.stream import StreamedResponse
from pipeline.fetch.paging.detection import detect
from pipeline.fetch.paging.paginator import PageRequest
from pipeline.fetch.paging.select import make_paginator
from pipeline.fetch.policy.throttle import Throttle
from pipeline.model.pages import NOTHING_ANNOUNCED, AnnouncedTotals, Page

_NOT_FOUND = 404


class FirstPage(msgspec.Struct, frozen=True):
    """The first page of an endpoint: the response, its records and their path, and the paging that it reveals.

    ``paging`` is AUTO if nothing in the response reveals a style. ``seconds`` is the duration of all that it took, and
    ``latency`` that of the request on an open connection. Of a feed these are its first 1,000 records. ``lists`` are
    the lists in the body that may be the records, if they were sought.
    """

    endpoint: ResolvedEndpoint
    response: Response
    records: Sequence[msgspec.Raw]
    records_path: str | None
    paging: Paging
    announced: AnnouncedTotals
    seconds: float
    latency: float = 0.0
    format: BodyFormat = BodyFormat.JSON
    lists: Sequence[RecordList] = ()

    @property
    def fetched(self) -> FetchedPage:
        """The page in the form that paginators accept."""
        return FetchedPage(list(self.records), self.response, records_path=self.records_path)

    def page(self) -> Page:
        """Return the page in the form that the normalizer accepts."""
        shared = shared_values(self.response, self.endpoint.fields.body_paths)
        return Page(source=self.endpoint.name, number=1, records=self.records, shared=shared)


async def fetch_first_page(
    endpoint: ResolvedEndpoint,
    connect: Connect,
    *,
    throttle: Throttle | None = None,
    plain: bool = False,
    retries: int = 0,
    finder: LikeliestFinder | None = None,
) -> FirstPage:
    """Fetch the first page with one request, plus those for redirects, an access token and ``retries``.

    A refused request is not repeated. ``throttle`` is that of the endpoint's group. ``plain`` requests the URL as
    written, without paging parameters. ``finder`` chooses the records. If cancelled, the connection is closed.

    Raises:
        FetchError: if the request fails, or the response is not a page of records.
    """
    started = trio.current_time()
    async with connect(endpoint) as client:
        resilient = few_attempts(endpoint, client, throttle=throttle, retries=retries, finder=finder)
        (first,), _ = make_paginator(endpoint.paging, bytes).next_requests(1)
        body_format = endpoint.format
        if body_format in (None, BodyFormat.JSON):
            try:
                fetched = await resilient.fetch(PageRequest(1) if plain else first)
            except FeedFoundError as found:
                body_format = BodyFormat(found.format)
        if body_format not in (None, BodyFormat.JSON):
            return await _beginning_of_feed(endpoint, resilient, body_format, started)
    response, paging = fetched.response, endpoint.paging
    if paging.style is PagingStyle.AUTO:
        paging = detect(fetched, endpoint.request) or paging
    return FirstPage(
        endpoint=endpoint,
        response=response,
        records=fetched.records,
        records_path=fetched.records_path,
        paging=paging,
        announced=announced_by(response, read_signs(response, len(fetched.records), fetched.records_path)),
        seconds=trio.current_time() - started,
        latency=fetched.latency,
        lists=finder.lists if finder else (),
    )


def few_attempts(
    endpoint: ResolvedEndpoint,
    client: Client,
    *,
    throttle: Throttle | None = None,
    retries: int = 0,
    finder: RecordFinder | None = None,
) -> ResilientClient:
    """Return a client that repeats a failed request at most ``retries`` times, and a refused one never."""
    limited = msgspec.structs.replace(
        endpoint, retry=Retry(max_retries=retries), breaker=Breaker(failure_threshold=retries + 2)
    )
    return ResilientClient(
        limited,
        client,
        ledger=Ledger(endpoint.name),
        rng=Random(),
        throttle=throttle,
        insists=False,
        finder=finder,
    )


async def _beginning_of_feed(
    endpoint: ResolvedEndpoint, client: ResilientClient, body_format: BodyFormat, started: float
) -> FirstPage:
    """Read the first virtual page of a feed, and close the connection."""
    options = FeedOptions(endpoint.encoding, endpoint.delimiter, endpoint.quote, endpoint.items)
    records: list[msgspec.Raw] = []
    responses: list[Response] = []

    async def consume(streamed: StreamedResponse) -> None:
        decoder = make_decoder(body_format, options)
        records.clear()
        responses.append(Response(streamed.status, streamed.headers, b"", streamed.url))
        async for chunk in streamed.chunks:
            records.extend(islice(decoder.feed(chunk), PAGE_SIZE - len(records)))
            if len(records) == PAGE_SIZE:
                return
        records.extend(decoder.finish())

    await client.stream(consume, page=lambda: 1)
    return FirstPage(
        endpoint=endpoint,
        response=responses[-1],
        records=records,
        records_path=None,
        paging=Paging(style=PagingStyle.NONE),
        announced=NOTHING_ANNOUNCED,
        seconds=trio.current_time() - started,
        format=body_format,
    )


FirstPageResults = Sequence[tuple[ResolvedEndpoint, FirstPage | FetchError]]


async def fetch_first_pages(
    endpoints: Sequence[ResolvedEndpoint], *, connect: Connect | None = None, plain: bool = False
) -> FirstPageResults:
    """Fetch the first pages of all endpoints concurrently; return each page or its error, in the endpoints' order.

    If cancelled, all connections are closed.
    """
    connect = connect or connector()
    throttles = make_throttles(endpoints, Random())
    outcomes: dict[int, FirstPage | FetchError] = {}

    async def fetch(index: int, endpoint: ResolvedEndpoint) -> None:
        try:
            outcomes[index] = await fetch_first_page(endpoint, connect, throttle=throttles[endpoint.name], plain=plain)
        except FetchError as error:
            outcomes[index] = error.with_text(f"{error.text}; check the URL") if error.code == _NOT_FOUND else error

    async with trio.open_nursery() as nursery:
        for index, endpoint in enumerate(endpoints):
            nursery.start_soon(fetch, index, endpoint)
    return [(endpoint, outcomes[index]) for index, endpoint in enumerate(endpoints)]
