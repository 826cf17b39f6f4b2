"""The walks of a run: in this process, or on the workers of an engine."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

import trio
from loguru import logger

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Config
from pipeline.engine.coordinator import Coordinator, RemoteSource
from pipeline.engine.frozen import Group
from pipeline.engine.workers import Engine
from pipeline.fetch.bulkhead import Bulkhead
from pipeline.fetch.capacity import walk_all, walks_at_once
from pipeline.fetch.factory import FetcherFactory, WalkLog
from pipeline.fetch.groups import make_throttles, neighbours
from pipeline.fetch.http.client import Connect
from pipeline.fetch.paging.loop_detector import Identify
from pipeline.model.pages import FeedVersion, LostPage, NormalizedPage, Page
from pipeline.model.status import EndpointStatus
from pipeline.model.summary import Action, FetchResult


class Walks:
    """The walks of all endpoints, with the account of each.

    ``identify`` maps each endpoint to the function for the identity of its records. All walks write to ``log``.
    ``present`` returns the version of a feed whose products the present summary has. With ``engine``, workers walk all
    groups without a feed. ``deliver`` is called with each page that they return, on the event loop.
    """

    def __init__(
        self,
        config: Config,
        endpoints: Sequence[ResolvedEndpoint],
        identify: Mapping[str, Identify],
        log: WalkLog,
        *,
        connect: Connect,
        rng: Random,
        present: Callable[[str], FeedVersion | None],
        engine: Engine | None,
        deliver: Callable[[NormalizedPage], None],
    ) -> None:
        throttles = make_throttles(endpoints, rng)
        for sentence in neighbours(endpoints):
            logger.info("{}", sentence)
        factory = FetcherFactory(endpoints, identify, log, connect=connect, rng=rng, present=present)
        self._at_once = config.max_endpoints or walks_at_once(endpoints)
        self._coordinator: Coordinator | None = None
        if engine:
            self._coordinator = Coordinator(
                engine,
                config,
                factory,
                throttles,
                deliver=deliver,
                walk_here=self._walk_here,
                is_feed=lambda name: present(name) is not None,
            )
        remote = self._coordinator.sources if self._coordinator else {}
        self._sources: dict[str, Bulkhead | RemoteSource] = {
            endpoint.name: remote.get(endpoint.name) or factory.bulkhead(endpoint.name, throttles[endpoint.name])
            for endpoint in endpoints
        }

    async def run(self, send: trio.MemorySendChannel[Page]) -> None:
        """Walk all endpoints to their ends; closes ``send``.

        If cancelled, the pages that have arrived are sent, and those that workers have are delivered.
        """
        here = [source for source in self._sources.values() if isinstance(source, Bulkhead)]
        with send:
            self._send = send
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._walk, here)
                if self._coordinator:
                    nursery.start_soon(self._coordinator.run)

    def page_written(self, source: str) -> None:
        """Account for a page that has been normalized and journaled."""
        self._sources[source].page_written()

    def page_lost(self, page: LostPage) -> None:
        """Account for a page that could not be normalized or journaled."""
        self._sources[page.source].page_lost(page)

    def statuses(self) -> Sequence[EndpointStatus]:
        """Return a snapshot of each walk, in the order of the endpoints."""
        return [source.status() for source in self._sources.values()]

    def interrupt(self, action: Action, reason: str) -> bool:
        """Close the accounts of the walks that were cut short; return True if there are any."""
        interrupted = [source.interrupt(action, reason) for source in self._sources.values()]
        return any(interrupted)

    def results(self) -> Sequence[FetchResult]:
        """Return the account of each walk, in the order of the endpoints."""
        return [source.result() for source in self._sources.values()]

    async def _walk_here(self, group: Group) -> None:
        """Walk a group that a worker could not walk to its end."""
        self._sources |= group
        await self._walk(list(group.values()))

    async def _walk(self, sources: Sequence[Bulkhead]) -> None:
        if self._at_once < len(sources):
            logger.info("{:,} endpoints, {:,} at once (max_endpoints)", len(sources), self._at_once)
        await walk_all(sources, self._send.clone(), at_once=self._at_once)
