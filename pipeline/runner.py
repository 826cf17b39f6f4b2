"""One run: the nursery, the channel, and the end by deadline, signal or completion."""

import hashlib
import signal
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from random import Random

import msgspec
import trio
from loguru import logger

from pipeline.config.resolve import ResolvedEndpoint, resolve
from pipeline.config.settings import Config
from pipeline.config.store import resolve_store
from pipeline.distribution import VERSION
from pipeline.engine.opening import open_engine
from pipeline.engine.workers import Engine
from pipeline.errors import AbortedError, ConfigError, OutputError, first_leaf
from pipeline.fetch.http.client import Connect, connector
from pipeline.fetch.paging.select import usable
from pipeline.html_report.configuration import shown_configuration
from pipeline.html_report.drawing import Draw, check_libraries, draw
from pipeline.html_report.facts import Facts, gather
from pipeline.html_report.origin import Origin
from pipeline.journal.journal import Journal
from pipeline.model.pages import utc_timestamp
from pipeline.model.status import RunStatus, Watch
from pipeline.model.summary import FetchResult, Summary, Totals
from pipeline.normalize.consumer import Dispatch
from pipeline.output.aggregator import Catalogue
from pipeline.output.dated_names import new_run
from pipeline.output.files import OutputFiles
from pipeline.output.judgement import judged
from pipeline.output.previous import PreviousSummary
from pipeline.publishing import Store, add_report, add_to_store, announce, unstored
from pipeline.selection import Selection
from pipeline.shutdown import Shutdown
from pipeline.stages import Stages
from pipeline.store.opening import open_store


async def run(
    config: Config,
    *,
    resume: bool = False,
    only: Collection[str] = (),
    signals: Iterable[signal.Signals] = (),
    watch: Watch | None = None,
    environ: Mapping[str, str] | None = None,
) -> Summary:
    """Fetch all endpoints, normalize their records, write the summary to ``config.output`` and return its account.

    With ``config.products`` the products are also written to that file, together with the summary. With
    ``config.report`` the report is drawn afterwards; if that fails, the returned summary names none. Credentials come
    from ``environ``, by default the process's environment; the workers of an engine take them from their own.

    Pages go to a journal beside the output as soon as they are normalized. The journal remains if pages are missing at
    the end; with ``resume``, only those are fetched.

    With ``only``, the endpoints of these names are fetched. The products and the account of the others are taken over
    from the present summary. A resumed run fetches the same endpoints as the run that it continues.

    With ``config.store`` the catalogue is stored after the summary is written, unless the run failed. If the store
    fails, the returned summary has the reason, and the journal remains: a resumed run stores it without fetching.

    The first of ``signals`` ends the fetching, as the deadline does: what has arrived is written. A second one, more
    than a second later, ends the run at once. ``watch`` is a task that runs beside the fetchers; it is given a
    function that returns the current status.

    A cancellation takes effect within the time of one batch, also while the summary is being written. The summary of an
    earlier run then remains, and the journal can be resumed. While the report is drawn, a cancellation or a second
    signal costs only the report.

    Example::

        config = pipeline.load_config({"endpoints": [{"name": "shop", "url": "https://shop.example/products"}]})
        summary = trio.run(pipeline.run, config)
        print(summary.summary.status, summary.output)

    Raises:
        ConfigError: no endpoint is configured, a credential is missing, the output cannot be written, another run uses
            it, or its journal belongs to other endpoints. With ``only``: a name is not that of an endpoint, a journal
            is unfinished, or the present summary failed or does not have all products of the others.
        OutputError: the journal or the summary cannot be written after all.
        AbortedError: a second signal arrived.
    """
    place = resolve_store(config.store, environ)
    return await Run(
        config,
        resolve(config, environ),
        store=open_store(place) if place else None,
        engine=open_engine(config.engine) if config.engine else None,
        resume=resume,
        only=only,
        signals=signals,
        watch=watch,
    ).execute()


class Run:
    """One run over ``endpoints``; see :func:`run` for the parameters.

    ``on_written`` is called once everything is written: from then on signals have no effect. ``rng`` decides the
    jitter. ``connect``, ``dispatch`` and ``draw`` replace the network, the worker threads and the drawing process in
    tests. ``command`` is the command line as the report shows it.
    """

    def __init__(
        self,
        config: Config,
        endpoints: Sequence[ResolvedEndpoint],
        *,
        store: Store | None = None,
        engine: Engine | None = None,
        resume: bool = False,
        only: Collection[str] = (),
        signals: Iterable[signal.Signals] = (),
        watch: Watch | None = None,
        on_written: Callable[[], None] = lambda: None,
        rng: Random | None = None,
        connect: Connect | None = None,
        dispatch: Dispatch | None = None,
        draw: Draw = draw,
        command: str = "",
    ) -> None:
        self._config = config
        self._endpoints = endpoints
        self._store = store
        self._engine = engine
        self._resume = resume
        self._selection = Selection(endpoints, only)
        self._signals = tuple(signals)
        self._watch = watch
        self._on_written = on_written
        self._rng = rng or Random()
        self._connect = connect
        self._dispatch = dispatch
        self._draw = draw
        self._command = command
        # The id of the run, once its journal is open.
        self.id: str | None = None
        # A digest, since the definition may contain URLs that should not be shown.
        definitions = {endpoint.name: msgspec.json.encode(endpoint.definition) for endpoint in endpoints}
        self._digests = {name: hashlib.sha256(definition).hexdigest()[:16] for name, definition in definitions.items()}

    async def execute(self) -> Summary:
        """Run to the end; call it once.

        Raises:
            ConfigError, OutputError, AbortedError: as :func:`run` does.
        """
        self._started, self._started_at, self._cpu_started = trio.current_time(), utc_timestamp(), time.process_time()
        run = new_run(self._started_at)
        self._outputs = await trio.to_thread.run_sync(OutputFiles.of, self._config, run)
        if self._config.report:
            check_libraries()
        await trio.to_thread.run_sync(self._outputs.prepare)
        if self._store:
            await trio.to_thread.run_sync(self._store.prepare)
        connect = self._connect or connector()
        self._shutdown = Shutdown(timeout=self._config.timeout)
        summary: Summary | None = None
        unusable: ConfigError | OutputError | None = None
        with (
            await trio.to_thread.run_sync(self._open_journal, run) as journal,
            logger.contextualize(run=journal.run),
        ):
            self.id = journal.run
            self._journal = journal
            self._stages = Stages(
                self._config,
                self._endpoints,
                self._selection,
                journal,
                self._previous,
                definitions=self._digests,
                connect=connect,
                rng=self._rng,
                engine=self._engine,
                dispatch=self._dispatch,
            )
            self._log_start(resumed=journal.resumed is not None)
            try:
                async with trio.open_nursery() as nursery:
                    await nursery.start(self._shutdown.watch, self._signals, nursery.cancel_scope)
                    if self._watch:
                        nursery.start_soon(self._watch, self._status)
                    await self._stages.run(self._shutdown)
                    results = self._stages.close(self._shutdown)
                    seconds = trio.current_time() - self._started
                    written, catalogue = await trio.to_thread.run_sync(self._write_outputs, results, seconds)
                    summary = written
                    announce(written.files)
                    if self._store and written.summary.status != "failed":
                        summary = unstored(written, self._outputs, "it was ended by a signal")
                        written = summary = await add_to_store(self._store, self._outputs, written, catalogue)
                        announce(written.files, "store")
                    # From here on a second signal comes too late to undo what is written. It may end the drawing.
                    self._on_written()
                    try:
                        if self._config.report:
                            gather = partial(self._gather_facts, written, catalogue, results)
                            summary = await add_report(self._draw, self._outputs, written, gather)
                            announce(summary.files, "report")
                    finally:
                        # The report needs the products in the journal, and its lock.
                        if written.journal is None:
                            journal.remove()
                    nursery.cancel_scope.cancel()
            except* (ConfigError, OutputError) as group:
                unusable = first_leaf(group)
        if unusable:
            raise unusable
        if summary is None:
            raise AbortedError(self._shutdown.last_signal)
        return summary

    def _log_start(self, *, resumed: bool) -> None:
        fields = {
            "version": VERSION,
            "endpoints": len(self._selection.fetched),
            "timeout": self._config.timeout,
            "output": str(self._outputs.summary),
            "resumed": resumed,
            "engine": self._config.engine,
        }
        logger.bind(event="run_started", **fields).info("run {} begins", self.id)

    def _open_journal(self, run: str) -> Journal:
        paging = {endpoint.name: endpoint.paging for endpoint in self._endpoints}
        with ExitStack() as stack:
            journal = stack.enter_context(
                Journal.open(
                    self._outputs.journal,
                    self._digests,
                    run=run,
                    only=self._selection.only,
                    resume=self._resume,
                    max_age=self._config.resume_max_age,
                    usable=lambda source, progress: usable(progress, paging[source]),
                )
            )
            self._outputs = OutputFiles.of(self._config, journal.run)
            self._outputs.remove_leftovers()
            self._previous = PreviousSummary.read(self._outputs.compared)
            self._selection = Selection(self._endpoints, journal.only)
            if others := self._selection.others:
                try:
                    self._previous.check_sources(others)
                except ConfigError:
                    if journal.is_empty:
                        journal.remove()
                    raise
            stack.pop_all()
        return journal

    def _status(self) -> RunStatus:
        return RunStatus(
            self._stages.statuses(),
            trio.current_time() - self._started,
            self._config.timeout,
            fetching=self._shutdown.is_fetching,
        )

    def _write_outputs(self, results: Sequence[FetchResult], seconds: float) -> tuple[Summary, Catalogue]:
        """Aggregate and write the files except the report.

        It runs in a worker thread, so that the event loop still receives signals. A cancellation takes effect at the
        next page and leaves the old files in place.
        """
        busy = (time.process_time() - self._cpu_started) / seconds if seconds else 0.0
        catalogue = judged(
            self._stages.catalogue(results),
            results,
            self._config,
            self._endpoints,
            baselines=self._previous.baselines,
            busy=busy,
        )
        totals = Totals(
            status=catalogue.status,
            total_products=catalogue.total_products,
            processing_time_seconds=round(seconds, 3),
            success_rate=catalogue.success_rate,
            sources=[result.source for result in results],
            categories=catalogue.categories,
            started_at=self._started_at,
            run=self._journal.run,
            version=VERSION,
            resumed=self._journal.resumed,
        )
        changed = self._outputs.write(totals, catalogue)
        finished = self._journal.is_empty or not any(result.gaps for result in results)
        is_failed = totals.status == "failed"
        summary = Summary(
            summary=totals,
            sources=catalogue.sources,
            errors=catalogue.errors,
            output=self._outputs.summary,
            statistics=self._stages.statistics(),
            stopped_by=self._shutdown.stopped_by,
            journal=None if finished else self._outputs.journal,
            rejects=self._outputs.rejects if any(source.rejected for source in catalogue.sources) else None,
            products=None if is_failed else self._outputs.products,
            products_kept=self._outputs.products if is_failed else None,
            changes=self._outputs.changes,
            changed=changed,
        )
        return summary, catalogue

    def _gather_facts(self, summary: Summary, catalogue: Catalogue, results: Sequence[FetchResult]) -> Facts:
        assert self._outputs.report is not None
        shown = shown_configuration(self._config, {endpoint.name: endpoint.secrets for endpoint in self._endpoints})
        return gather(
            summary.summary,
            catalogue,
            results,
            endpoints=self._endpoints,
            configuration=shown,
            changed=summary.changed,
            origin=Origin.of(summary, self._outputs.report, self._command),
        )
