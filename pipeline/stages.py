"""The stages of a run between the APIs and its journal: walks, channel, consumer and aggregator."""

from collections.abc import Mapping, Sequence
from random import Random

import trio

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Config
from pipeline.engine.workers import Engine
from pipeline.errors import OutputError
from pipeline.fetch.http.client import Connect
from pipeline.journal.journal import Journal
from pipeline.model.pages import LostPage, NormalizedPage, Page
from pipeline.model.status import EndpointStatus
from pipeline.model.summary import FetchResult, RunStatistics
from pipeline.normalize.consumer import Consumer, Dispatch, Normalized
from pipeline.normalize.normalizer import normalize_separately, reader_for
from pipeline.output.aggregator import Aggregator, Catalogue
from pipeline.output.previous import PreviousSummary
from pipeline.selection import Selection
from pipeline.shutdown import Shutdown
from pipeline.walks import Walks


class Stages:
    """The stages of one run over the endpoints of a ``selection``, which write into its ``journal``.

    ``definitions`` has a digest of each endpoint. ``previous`` is the summary that the run replaces. ``rng`` decides
    the jitter. ``connect`` and ``dispatch`` are the network and the worker threads.
    """

    def __init__(
        self,
        config: Config,
        endpoints: Sequence[ResolvedEndpoint],
        selection: Selection,
        journal: Journal,
        previous: PreviousSummary,
        *,
        definitions: Mapping[str, str],
        connect: Connect,
        rng: Random,
        engine: Engine | None,
        dispatch: Dispatch | None,
    ) -> None:
        self._queue_size = config.queue.size
        self._selection = selection
        self._peak_pages_waiting = 0
        self._aggregator = Aggregator(
            journal,
            secrets={endpoint.name: endpoint.secrets for endpoint in endpoints},
            definitions=definitions,
            uncountable={each.name for each in endpoints if each.explode is not None or each.transform},
            checkpoint=trio.from_thread.check_cancelled,
            previous=previous,
        )
        self._readers = {
            endpoint.name: reader_for(endpoint.fields, endpoint.explode, endpoint.transform, endpoint.full_list)
            for endpoint in endpoints
        }
        self._walks = Walks(
            config,
            selection.fetched,
            {name: reader.identify for name, reader in self._readers.items()},
            journal,
            connect=connect,
            rng=rng,
            present=lambda name: previous.feed(name, definitions[name]),
            engine=engine,
            deliver=self._write_page,
        )
        self._consumer = Consumer(
            self._write_page,
            lose=self._walks.page_lost,
            normalize=self._normalize,
            workers=config.worker_pool.size,
            batch_size=config.worker_pool.batch_size,
            dispatch=dispatch,
        )

    async def run(self, shutdown: Shutdown) -> None:
        """Run all fetchers until they or their time end, and the consumer until it has processed what they sent.

        After a cancellation the journal has what was written.
        """
        send, receive = trio.open_memory_channel[Page](self._queue_size)
        async with trio.open_nursery() as consuming:
            consuming.start_soon(self._consumer.run, receive)
            with shutdown.fetching:
                await self._walks.run(send)
            shutdown.fetching_ended()
        self._peak_pages_waiting = send.statistics().peak_buffer_used

    def close(self, shutdown: Shutdown) -> Sequence[FetchResult]:
        """Close the account of each walk, and return all in the order of the configuration.

        Those that were cut off get the reason.
        """
        action, reason = shutdown.cause()
        if self._walks.interrupt(action, reason):
            shutdown.cut_off = True
        return self._selection.completed(self._walks.results())

    def statuses(self) -> Sequence[EndpointStatus]:
        """Return a snapshot of each walk, in the order of the endpoints."""
        return self._walks.statuses()

    def catalogue(self, results: Sequence[FetchResult]) -> Catalogue:
        """Combine all pages into a catalogue; call it in a worker thread. A cancellation ends it at the next page."""
        return self._aggregator.finish(results)

    def statistics(self) -> RunStatistics:
        """Return the peaks of the channel and of the worker threads."""
        consumer = self._consumer.statistics()
        return RunStatistics(
            peak_pages_waiting=self._peak_pages_waiting,
            peak_dispatches_in_flight=consumer.peak_in_flight,
            dispatches=consumer.dispatches,
        )

    def _normalize(self, pages: Sequence[Page]) -> Normalized:
        return normalize_separately(pages, self._readers)

    def _write_page(self, page: NormalizedPage) -> None:
        try:
            self._aggregator.add(page)
        except OutputError:
            raise
        except Exception as error:  # noqa: BLE001 - a mistake in this program must not affect the other pages
            self._walks.page_lost(LostPage(page.source, page.number, page.trace, error))
        else:
            self._walks.page_written(page.source)
