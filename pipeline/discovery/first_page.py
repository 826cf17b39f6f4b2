"""Fetches one page of an endpoint, the first, with one request."""

from collections.abc import Sequence
from random import Random

import msgspec
import trio

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Breaker, Retry
from pipeline.config.source import Paging, PagingStyle
from pipeline.errors import FetchError
from pipeline.fetch.account.ledger import Ledger
from pipeline.fetch.attempts import ResilientClient
from pipeline.fetch.content.response import Response
from pipeline.fetch.content.totals import find_totals
from pipeline.fetch.http.client import Connect, connector
from pipeline.fetch.paging.paginator import PageRequest
from pipeline.fetch.paging.select import detect, make_paginator
from pipeline.model.pages import AnnouncedTotals, Page

_NOT_FOUND = 404


class FirstPage(msgspec.Struct, frozen=True):
    """What came: the response, its records and where they stood, how the walk would go on, and how long it took.

    ``paging`` is AUTO where nothing in the response says how it goes on.
    """

    endpoint: ResolvedEndpoint
    response: Response
    records: Sequence[msgspec.Raw]
    place: str | None
    paging: Paging
    announced: AnnouncedTotals
    seconds: float

    def page(self) -> Page:
        """The page as the normalizer takes it."""
        return Page(source=self.endpoint.name, number=1, records=self.records)


async def fetch_first_page(endpoint: ResolvedEndpoint, connect: Connect, *, plain: bool = False) -> FirstPage:
    """Ask for the first page, once, redirects and an access token aside; ``plain`` asks for the URL as it is.

    A cancellation leaves the connection closed.

    Raises:
        FetchError: when it does not come, or is no page of records.
    """
    once = msgspec.structs.replace(endpoint, retry=Retry(max_retries=0), breaker=Breaker())
    started = trio.current_time()
    async with connect(endpoint) as client:
        resilient = ResilientClient(
            once,
            client,
            ledger=Ledger(endpoint.name),
            rng=Random(),
        )
        (first,), _ = make_paginator(endpoint.paging, bytes).next_requests(1)
        arrival = await resilient.fetch(PageRequest(1) if plain else first)
    response, paging = arrival.response, endpoint.paging
    if paging.style is PagingStyle.AUTO:
        paging = detect(response, records=len(arrival.records)) or paging
    return FirstPage(
        endpoint=endpoint,
        response=response,
        records=arrival.records,
        place=resilient.records_path,
        paging=paging,
        announced=find_totals(response.body, response.headers),
        seconds=trio.current_time() - started,
    )


Looked = Sequence[tuple[ResolvedEndpoint, FirstPage | FetchError]]


async def look_at_all(
    endpoints: Sequence[ResolvedEndpoint], *, connect: Connect | None = None, plain: bool = False
) -> Looked:
    """The first page of each endpoint, all asked for at once, or why it did not come; in their order.

    A cancellation leaves nothing behind.
    """
    connect = connect or connector()
    outcomes: dict[int, FirstPage | FetchError] = {}

    async def look(index: int, endpoint: ResolvedEndpoint) -> None:
        try:
            outcomes[index] = await fetch_first_page(endpoint, connect, plain=plain)
        except FetchError as error:
            outcomes[index] = error.with_text(f"{error.text}; check the URL") if error.code == _NOT_FOUND else error

    async with trio.open_nursery() as nursery:
        for index, endpoint in enumerate(endpoints):
            nursery.start_soon(look, index, endpoint)
    return [(endpoint, outcomes[index]) for index, endpoint in enumerate(endpoints)]
