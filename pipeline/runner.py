"""What ends a run before its time: the deadline, and signals.

One run: the nursery, the channel, and what becomes of what came through it.
"""

import hashlib
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random

import msgspec
import trio
from loguru import logger

from pipeline.config.resolve import ResolvedEndpoint, resolve
from pipeline.config.settings import Config
from pipeline.errors import AbortedError, OutputError
from pipeline.fetch.fetcher import Fetcher
from pipeline.fetch.http.client import Connect, connector
from pipeline.html_report.render import check_libraries, make_report
from pipeline.model.pages import NormalizedPage, Page, utc_timestamp
from pipeline.model.status import RunStatus, Watch
from pipeline.model.summary import FetchResult, RunStatistics, Summary, Totals
from pipeline.normalize.consumer import Consumer, Dispatch
from pipeline.normalize.normalizer import normalize_batch, reader_for
from pipeline.output.aggregator import Aggregator, Catalogue
from pipeline.output.files import Outputs
from pipeline.output.journal import Journal

# `just`, `uv run` and a terminal may each pass the same signal on: so soon, a second one is the first one's echo.
ECHO_SECONDS = 1.0


class Shutdown:
    """What ends the fetching before its time: the deadline (on Trio's clock) or a signal.

    ``cut_by`` is the signal that did, None for one that came when the fetching was over anyway.
    """

    def __init__(self, *, deadline: float) -> None:
        self.fetching = trio.CancelScope(deadline=deadline)
        self._signal: signal.Signals | None = None
        self._cut_off = False
        self.last_signal = 0
        self._over = False

    async def watch(
        self,
        signals: Sequence[signal.Signals],
        everything: trio.CancelScope,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Wait for signals: the first ends the fetching, one that is no echo of it cancels ``everything``.

        A cancellation restores the signals' usual handling.
        """
        if not signals:
            task_status.started()
            return
        first_at: float | None = None
        with trio.open_signal_receiver(*signals) as arrivals:
            task_status.started()
            async for number in arrivals:
                now = trio.current_time()
                self.last_signal = number
                if first_at is None:
                    first_at = now
                    self._first(signal.Signals(number))
                elif now - first_at > ECHO_SECONDS:
                    everything.cancel()
                    return

    def fetching_is_over(self) -> None:
        """No signal can cut anything off any more."""
        self._over = True

    @property
    def is_fetching(self) -> bool:
        """Whether the fetching still goes on."""
        return not (self._over or self.fetching.cancel_called)

    def account_of(self, fetcher: Fetcher, timeout: float) -> FetchResult:
        """The account of a fetcher that has ended, closed with the reason where it was cut off."""
        if self._signal is not None:
            self._cut_off |= fetcher.interrupt("stopped", f"stopped by {self._signal.name}")
        else:
            fetcher.interrupt("deadline", f"the run's timeout of {timeout:g} s is over; raise `timeout` (-t)")
        return fetcher.statistics()

    @property
    def cut_by(self) -> signal.Signals | None:
        """The signal that cut something off, None for one that came when all walks had ended."""
        return self._signal if self._cut_off else None

    def _first(self, number: signal.Signals) -> None:
        if self.is_fetching:
            logger.warning("{}: fetching ends, what arrived is kept", number.name)
            self._signal = number
            self.fetching.cancel()
        else:
            logger.warning("{}: fetching is over, the rest is being written", number.name)


async def run(
    config: Config,
    *,
    resume: bool = False,
    signals: Iterable[signal.Signals] = (),
    watch: Watch | None = None,
    on_written: Callable[[], None] = lambda: None,
    environ: Mapping[str, str] | None = None,
    rng: Random | None = None,
    connect: Connect | None = None,
    dispatch: Dispatch | None = None,
) -> Summary:
    """Fetch all endpoints, normalize what arrives, write the summary to ``config.output`` and return its account.

    With ``config.products`` the products also go to that file, which changes together with the summary; with
    ``config.report`` so does the report.

    What is normalized goes to a journal beside the output at once. It stays there when something is missing in the
    end, and ``resume`` goes on with it: only the pages that are missing are fetched.

    The first of ``signals`` ends the fetching, as the deadline does: what has arrived is written all the same. Another
    one, more than a second later, ends the run at once. ``watch`` is started with the run and given what tells its
    status, to be asked as often as it likes; it is cancelled in the end. ``on_written`` is called when all is written,
    and signals change nothing any more. Credentials come from ``environ``, by default the process's own environment.
    ``rng`` decides the jitter; ``connect`` and ``hop`` replace network and worker threads in tests.

    A cancellation ends the run within the time of one batch, also while the summary is being written. An existing
    summary stays as it was then, and the journal can be resumed.

    Raises:
        ConfigError: when no endpoint is configured, the output is no place to write to, another run is writing to it,
            its journal is of other endpoints, or the file for the products or the report cannot be made.
        OutputError: when journal or summary cannot be written in the end.
        AbortedError: when a second signal came.
    """
    started, started_at, cpu_started = trio.current_time(), utc_timestamp(), time.process_time()
    endpoints = resolve(config, environ)
    outputs = Outputs.of(config)
    if config.report:
        check_libraries()
    await trio.to_thread.run_sync(outputs.prepare)
    connect = connect or connector()
    rng = rng or Random()
    stop = Shutdown(deadline=started + config.timeout)
    unwritable: OutputError | None = None
    written = False

    with await trio.to_thread.run_sync(partial(_open_journal, outputs, endpoints, resume=resume)) as journal:
        aggregator = Aggregator(
            journal,
            secrets={endpoint.name: endpoint.secrets for endpoint in endpoints},
            limits={endpoint.name: endpoint.rate_limit for endpoint in endpoints},
            checkpoint=trio.from_thread.check_cancelled,
        )
        pool = config.worker_pool
        readers = {endpoint.name: reader_for(endpoint.fields, endpoint.explode) for endpoint in endpoints}
        fetchers = {
            endpoint.name: Fetcher(
                endpoint,
                connect(endpoint),
                rng=rng,
                identify=readers[endpoint.name].identify,
                resumed=journal.progress(endpoint.name),
                on_end=partial(journal.append_end, endpoint.name),
                on_profile=partial(journal.append_profile, endpoint.name),
            )
            for endpoint in endpoints
        }
        consumer = Consumer(
            partial(_deliver, aggregator, fetchers),
            normalize=partial(normalize_batch, readers=readers),
            workers=pool.size,
            batch_size=pool.batch_size,
            dispatch=dispatch,
        )
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(stop.watch, tuple(signals), nursery.cancel_scope)
                if watch:
                    nursery.start_soon(watch, partial(_status, fetchers.values(), stop, started, config.timeout))
                peak_waiting = await _fetch_all(fetchers.values(), consumer, config.queue.size, stop)
                walks = [stop.account_of(fetcher, config.timeout) for fetcher in fetchers.values()]
                seconds = trio.current_time() - started
                busy = (time.process_time() - cpu_started) / seconds if seconds else 0.0
                draw = partial(make_report, config=config, endpoints=endpoints) if config.report else None
                compose = partial(_compose, draw, started_at=started_at, seconds=seconds, busy=busy)
                totals, catalogue, report = await trio.to_thread.run_sync(compose, outputs, aggregator, walks)
                # From here on nothing waits: a second signal comes too late to undo what is written.
                written = True
                on_written()
                finished = totals.status == "complete" or journal.is_empty
                if finished:
                    journal.remove()
                nursery.cancel_scope.cancel()
        except* OutputError as group:
            unwritable = next(_leaves(group))

    if unwritable:
        raise unwritable
    if not written:
        raise AbortedError(stop.last_signal)
    dispatches = consumer.statistics()
    return Summary(
        summary=totals,
        sources=catalogue.sources,
        errors=catalogue.errors,
        output=outputs.summary,
        statistics=RunStatistics(
            peak_pages_waiting=peak_waiting,
            peak_dispatches_in_flight=dispatches.peak_in_flight,
            dispatches=dispatches.dispatches,
        ),
        stopped_by=stop.cut_by,
        journal=None if finished else outputs.journal,
        rejects=outputs.rejects if any(source.rejected for source in catalogue.sources) else None,
        products=outputs.products.path if outputs.products else None,
        report=report,
    )


def _open_journal(outputs: Outputs, endpoints: Sequence[ResolvedEndpoint], *, resume: bool) -> Journal:
    # What decides what is on a page; a digest, since a URL may hold what is nobody's business.
    definitions = {endpoint.name: msgspec.json.encode(endpoint.definition) for endpoint in endpoints}
    digests = {name: hashlib.sha256(definition).hexdigest()[:16] for name, definition in definitions.items()}
    journal = Journal.open(outputs.journal, digests, resume=resume)
    outputs.remove_leftovers()
    return journal


def _status(fetchers: Iterable[Fetcher], stop: Shutdown, started: float, timeout: float) -> RunStatus:
    endpoints = [fetcher.status() for fetcher in fetchers]
    return RunStatus(endpoints, trio.current_time() - started, timeout, fetching=stop.is_fetching)


def _compose(
    draw: Callable[..., bytes | None] | None,
    outputs: Outputs,
    aggregator: Aggregator,
    walks: Sequence[FetchResult],
    *,
    started_at: str,
    seconds: float,
    busy: float,
) -> tuple[Totals, Catalogue, Path | None]:
    """Add up and write the summary, and a report where there is something to ``draw`` it.

    In a worker thread, so that the event loop goes on listening to signals.

    A cancellation ends it at the next page; the old summary is there then.
    """
    catalogue = aggregator.finish(walks, busy=busy)
    totals = Totals(
        status=catalogue.status,
        total_products=catalogue.total_products,
        processing_time_seconds=round(seconds, 3),
        success_rate=catalogue.success_rate,
        sources=[walk.source for walk in walks],
        categories=catalogue.categories,
        started_at=started_at,
    )
    report = draw(totals, catalogue, walks, aggregator, checkpoint=trio.from_thread.check_cancelled) if draw else None
    outputs.write(totals, catalogue, aggregator, report=report)
    return totals, catalogue, outputs.report if report else None


def _deliver(aggregator: Aggregator, fetchers: Mapping[str, Fetcher], page: NormalizedPage) -> None:
    aggregator.add(page)
    fetchers[page.source].delivered()


def _leaves(group: BaseExceptionGroup[OutputError]) -> Iterator[OutputError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


async def _fetch_all(fetchers: Iterable[Fetcher], consumer: Consumer, queue_size: int, stop: Shutdown) -> int:
    """Run all fetchers until they or their time end, and the consumer until it has worked off what they sent.

    Returns the most pages that ever waited in the channel.
    """
    send, receive = trio.open_memory_channel[Page](queue_size)
    async with trio.open_nursery() as consuming:
        consuming.start_soon(consumer.run, receive)
        with stop.fetching:
            async with trio.open_nursery() as fetching:
                with send:
                    for fetcher in fetchers:
                        fetching.start_soon(fetcher.run, send.clone())
        stop.fetching_is_over()
    return send.statistics().peak_buffer_used
