"""Walk quota groups for a slice of time: the work of one task, in whatever process it runs."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from random import Random
from typing import Any

import msgspec
import trio
from loguru import logger

from pipeline.config.resolve import ResolvedEndpoint, resolve
from pipeline.config.settings import Config
from pipeline.distribution import VERSION
from pipeline.engine.clock import ContinuedClock
from pipeline.engine.frozen import Freezer, Group
from pipeline.errors import ConfigError, Problem
from pipeline.fetch.bulkhead import Bulkhead
from pipeline.fetch.capacity import walk_all, walks_at_once
from pipeline.fetch.factory import FetcherFactory
from pipeline.fetch.http.client import Connect, connector
from pipeline.fetch.page_walk import Rest
from pipeline.journal.entries import EndEntry, ProfileEntry
from pipeline.model.pages import NOTHING_YET, EndpointProfile, LostPage, NormalizedPage, Page, Progress
from pipeline.model.status import EndpointStatus
from pipeline.normalize.consumer import Consumer
from pipeline.normalize.normalizer import normalize_separately, reader_for

# A slice ends early when it holds this many bytes of products, so that the memory of both processes stays bounded.
MOST_BYTES = 16 << 20

# The seconds between two looks at whether the whole run has to stop.
_LOOK = 0.2

SliceEntry = NormalizedPage | ProfileEntry | EndEntry

# Returns True once the run has to stop.
IsStopping = Callable[[], bool]


class LogRecord(msgspec.Struct, frozen=True):
    """A log record of a worker, which the coordinator logs: ``extra`` has the bound values."""

    level: str
    message: str
    extra: Mapping[str, Any]


class Slice(msgspec.Struct, frozen=True):
    """A task: groups to walk for ``seconds``, or less if the ``deadline`` is earlier.

    ``config`` has the endpoints of the groups without credentials, and ``transforms`` the source of their transforms by
    path. ``groups`` are frozen. ``progress`` is that of earlier runs. ``now`` is the time with which the clock of the
    worker starts, and ``deadline`` is on that clock. ``version`` is that of the coordinator's program.
    """

    config: Config
    transforms: Mapping[str, bytes]
    groups: Sequence[bytes]
    progress: Mapping[str, Progress]
    now: float
    deadline: float
    seconds: float
    version: str = VERSION


class Walked(msgspec.Struct, frozen=True):
    """The result of a slice: its journal entries, its log records, and its groups in the same order.

    ``ended`` is True for each group of which all walks have ended. ``statuses`` has a snapshot of each endpoint.
    ``feeds`` are the endpoints that only the coordinator may read. ``ended_at`` is the time of the end, on the clock of
    the worker.
    """

    entries: Sequence[SliceEntry]
    records: Sequence[LogRecord]
    groups: Sequence[bytes]
    ended: Sequence[bool]
    statuses: Sequence[EndpointStatus]
    feeds: frozenset[str]
    ended_at: float


class _Outbox:
    """A log of walks that keeps its entries in memory, for the coordinator to write."""

    def __init__(self, progress: Mapping[str, Progress]) -> None:
        self.entries: list[SliceEntry] = []
        self.size = 0
        self._progress = progress

    def progress(self, source: str) -> Progress:
        return self._progress.get(source, NOTHING_YET)

    def append(self, page: NormalizedPage) -> None:
        self.entries.append(page)
        self.size += len(page.lines) + len(page.dead_letters)

    def append_end(self, source: str, number: int) -> None:
        self.entries.append(EndEntry(source, number))

    def append_profile(self, source: str, profile: EndpointProfile) -> None:
        self.entries.append(ProfileEntry(source, profile))

    def append_restart(self, source: str) -> None:
        raise AssertionError(f"{source}: feeds are read by the coordinator")


def walk(task: Slice, is_stopping: IsStopping, *, connect: Connect | None = None) -> Walked:
    """Walk the groups of a task; ``connect`` replaces the network.

    Raises:
        ConfigError: if a credential is missing here, or if this is another version of the program.
    """
    if task.version != VERSION:
        text = f"a worker has version {VERSION} of the program, and this is {task.version}; install the same version"
        raise ConfigError([Problem("engine", text)])
    endpoints = resolve(task.config, transforms=task.transforms)
    with _recording(task.config.log.level.value) as records:
        walker = _Walker(task, endpoints, is_stopping, connect or _connector())
        return trio.run(walker.run, records, clock=ContinuedClock(task.now))


@cache
def _connector() -> Connect:
    return connector()


class _Walker:
    def __init__(
        self, task: Slice, endpoints: Sequence[ResolvedEndpoint], is_stopping: IsStopping, connect: Connect
    ) -> None:
        self._task = task
        self._endpoints = endpoints
        self._is_stopping = is_stopping
        self._outbox = _Outbox(task.progress)
        self._ends_at = math.inf
        self._readers = {
            each.name: reader_for(each.fields, each.explode, each.transform, each.full_list) for each in endpoints
        }
        factory = FetcherFactory(
            endpoints,
            {name: reader.identify for name, reader in self._readers.items()},
            self._outbox,
            connect=connect,
            rng=Random(),
            rest=Rest(self._is_due, reads_feeds=False),
        )
        self._freezer = Freezer(factory)
        self._sources: dict[str, Bulkhead] = {}

    async def run(self, records: Sequence[LogRecord]) -> Walked:
        self._ends_at = trio.current_time() + self._task.seconds
        groups: list[Group] = [self._freezer.thaw(group) for group in self._task.groups]
        for group in groups:
            self._sources |= group
        pool = self._task.config.worker_pool
        consumer = Consumer(
            self._deliver,
            lose=self._lose,
            normalize=partial(normalize_separately, readers=self._readers),
            workers=pool.size,
            batch_size=pool.batch_size,
        )
        send, receive = trio.open_memory_channel[Page](self._task.config.queue.size)
        async with trio.open_nursery() as consuming:
            consuming.start_soon(consumer.run, receive)
            with trio.CancelScope(deadline=self._task.deadline) as walking:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._cut_when_over, walking)
                    at_once = self._task.config.max_endpoints or walks_at_once(self._endpoints)
                    unfinished = [source for source in self._sources.values() if not source.has_ended]
                    await walk_all(unfinished, send, at_once=at_once, is_over=self._is_due)
                    nursery.cancel_scope.cancel()
        return Walked(
            self._outbox.entries,
            records,
            [self._freezer.freeze(group) for group in groups],
            [all(source.has_ended for source in group.values()) for group in groups],
            [source.status() for source in self._sources.values()],
            frozenset(name for name, source in self._sources.items() if source.is_feed),
            trio.current_time(),
        )

    async def _cut_when_over(self, walking: trio.CancelScope) -> None:
        """Cancel the walks that do not come to rest, or all of them at once if the run stops.

        A request that is under way has the time that it may take. Waits for a token, a pause or an open circuit can
        take longer: they go on in the next slice.
        """
        patience = max(endpoint.http.total_timeout for endpoint in self._endpoints)
        while trio.current_time() < self._ends_at + patience:
            await trio.sleep(_LOOK)
            if await trio.to_thread.run_sync(self._is_stopping):
                break
            if self._is_due():
                self._ends_at = min(self._ends_at, trio.current_time())
        walking.cancel()

    def _is_due(self) -> bool:
        return trio.current_time() >= self._ends_at or self._outbox.size >= MOST_BYTES

    def _deliver(self, page: NormalizedPage) -> None:
        self._outbox.append(page)
        self._sources[page.source].page_written()

    def _lose(self, page: LostPage) -> None:
        self._sources[page.source].page_lost(page)


@contextmanager
def _recording(level: str) -> Iterator[Sequence[LogRecord]]:
    """Collect what is logged in the context; other tasks may log in other threads meanwhile."""
    records: list[LogRecord] = []
    mark = object()
    logger.enable("pipeline")  # a library is silent until its user wants to hear it

    def keep(message: Any) -> None:
        record = message.record
        extra = {key: value for key, value in record["extra"].items() if key != "slice"}
        records.append(LogRecord(record["level"].name, record["message"], extra))

    sink = logger.add(keep, level=level, format="{message}", filter=lambda record: record["extra"].get("slice") is mark)
    try:
        with logger.contextualize(slice=mark):
            yield records
    finally:
        logger.remove(sink)
