"""Walks through the fake shops under a virtual clock."""

from random import Random
from typing import Any

import msgspec
import trio

from helpers.shops import (
    HOME,
    Shop,
)
from helpers.support import NO_LIMIT, NO_TLS, endpoint
from pipeline.config.endpoint import RateLimit
from pipeline.config.source import Paging
from pipeline.fetch.fetcher import Fetcher
from pipeline.fetch.http.client import Client
from pipeline.model.pages import NOTHING_YET, EndpointProfile, Page, Progress
from pipeline.normalize.normalizer import DEFAULT_READER


class Outcome(msgspec.Struct):
    fetcher: Any
    ids: list[str]
    progress: Progress
    pages: dict[int, list[str]]


async def walk(
    shop: Shop,
    paging: Paging,
    *,
    timeout: float = 1e6,
    resumed: Progress = NOTHING_YET,
    rate_limit: RateLimit = NO_LIMIT,
) -> Outcome:
    """Walk a shop, and return its ids, the progress that a journal would hold, and the ids on each new page."""
    found: list[EndpointProfile] = []
    ends: list[int] = []
    fetcher = Fetcher(
        endpoint(url=HOME, paging=paging, rate_limit=rate_limit),
        Client(HOME, endpoint().http, ssl_context=NO_TLS, transport=shop),
        rng=Random(1),
        identify=DEFAULT_READER.identify,
        resumed=resumed,
        on_end=ends.append,
        on_profile=found.append,
    )
    send, receive = trio.open_memory_channel[Page](1_000)
    with trio.move_on_after(timeout):
        await fetcher.run(send)
    fetcher.interrupt("deadline", "time is over")
    with receive:
        pages = [page async for page in receive]
    progress = Progress(
        have=frozenset(page.number for page in pages) | resumed.have,
        end=ends[0] if ends else resumed.end,
        tokens={**resumed.tokens, **{page.number: page.trace.token for page in pages if page.trace.token is not None}},
        fingerprints={**resumed.fingerprints, **{page.number: page.trace.fingerprint or 0 for page in pages}},
        records={**resumed.records, **{page.number: page.trace.records for page in pages}},
        profile=found[-1] if found else resumed.profile,
    )
    in_order = sorted(pages, key=lambda page: page.number)
    found_on = {page.number: [str(DEFAULT_READER.identify(record)) for record in page.records] for page in in_order}
    new = {page.number: found_on[page.number] for page in in_order if not page.trace.repeats}
    return Outcome(fetcher, [one for ids in found_on.values() for one in ids], progress, new)


def expected(count: int) -> list[str]:
    return [str(number) for number in range(1, count + 1)]
