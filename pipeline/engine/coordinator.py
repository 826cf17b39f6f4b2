"""Hand quota groups to the workers of an engine, a slice of time after the other, and take their results over."""

import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import trio
from loguru import logger

from pipeline.config.request import BodyFormat
from pipeline.config.settings import Config
from pipeline.engine.frozen import Freezer, Group
from pipeline.engine.slices import LogRecord, Slice, SliceEntry, Walked, walk
from pipeline.engine.workers import Engine
from pipeline.errors import WorkerLostError
from pipeline.fetch.bulkhead import Bulkhead
from pipeline.fetch.factory import FetcherFactory
from pipeline.fetch.policy.throttle import Throttle
from pipeline.formatting import counted
from pipeline.journal.entries import EndEntry, ProfileEntry
from pipeline.model.pages import NOTHING_YET, LostPage, NormalizedPage
from pipeline.model.status import EndpointStatus
from pipeline.model.summary import Action, FetchResult

# A group is given up after this many deaths in a row of the worker that had it.
MOST_LOSSES = 8

# The maximum number of groups in one task.
_MOST_GROUPS = 250

# The seconds that the workers have to return what has arrived, when the run stops.
_GRACE = 3.0

# The number of slices of a group that are shorter than what is configured.
_SHORT_SLICES = 10


class RemoteGroup:
    """A quota group that is walked by workers; ``frozen`` is its state after its last slice.

    The clock of that state is ``behind`` seconds late. A task that waits for its worker starts late, and its clock with
    it. If the next task started with the coordinator's time, the bucket would count the wait as time without requests.
    """

    def __init__(self, names: Sequence[str], frozen: bytes, freezer: Freezer) -> None:
        self.names = names
        self.frozen = frozen
        self.statuses: dict[str, EndpointStatus] = {}
        self.behind = 0.0
        self.rounds = 0
        self.losses = 0
        self._freezer = freezer
        self._thawed: Group | None = None

    def thawed(self) -> Group:
        """Return the group itself, which is in this process from now on."""
        if self._thawed is None:
            self._thawed = self._freezer.thaw(self.frozen)
            self.frozen = b""
        return self._thawed

    def start_empty(self) -> None:
        """Let the throttle of the group start with an empty bucket."""
        group = self._freezer.thaw(self.frozen)
        next(iter(group.values())).throttle.start_empty(trio.current_time() - self.behind)
        self.frozen = self._freezer.freeze(group)


class RemoteSource:
    """A source that is walked by workers, with the methods of :class:`~pipeline.fetch.bulkhead.Bulkhead`."""

    def __init__(self, name: str, group: RemoteGroup, status: EndpointStatus) -> None:
        self._name = name
        self._group = group
        self._status = status
        self._lost: list[LostPage] = []

    def interrupt(self, action: Action, reason: str) -> bool:
        """Close the account of a walk that was cut short; return False, without effect, if the walk had ended."""
        return self._bulkhead().interrupt(action, reason)

    def page_written(self) -> None:
        """Ignore the page, for which the worker has accounted."""

    def page_lost(self, page: LostPage) -> None:
        """Account for a page that the worker returned, but that could not be journaled: it is missing."""
        self._lost.append(page)

    def result(self) -> FetchResult:
        """Return the account of the walk so far."""
        return self._bulkhead().result()

    def status(self) -> EndpointStatus:
        """Return the snapshot after the last slice."""
        return self._group.statuses.get(self._name, self._status)

    def _bulkhead(self) -> Bulkhead:
        bulkhead = self._group.thawed()[self._name]
        while self._lost:
            bulkhead.page_lost(self._lost.pop())
        return bulkhead


class Coordinator:
    """The part of a run that an engine does.

    ``throttles`` has the throttle of each endpoint. Groups with a feed are left to this process: ``sources`` has the
    others. ``is_feed`` returns True for a source that the present summary knows as one. ``deliver`` is called with each
    page, on the event loop. ``walk_here`` walks a group that turns out to have a feed.
    """

    def __init__(
        self,
        engine: Engine,
        config: Config,
        factory: FetcherFactory,
        throttles: Mapping[str, Throttle],
        *,
        deliver: Callable[[NormalizedPage], None],
        walk_here: Callable[[Group], Awaitable[None]],
        is_feed: Callable[[str], bool],
    ) -> None:
        self._engine = engine
        self._config = config
        self._endpoints = {endpoint.name: endpoint for endpoint in config.endpoints}
        self._log = factory.log
        self._deliver = deliver
        self._walk_here = walk_here
        self._transforms = {
            path: Path(path).read_bytes()
            for path in {each.transform.path for each in factory.endpoints.values() if each.transform}
        }
        freezer = Freezer(factory)
        members: dict[int, list[str]] = {}
        for name, throttle in throttles.items():
            members.setdefault(id(throttle), []).append(name)
        self._waiting: deque[RemoteGroup] = deque()
        self.sources: dict[str, RemoteSource] = {}
        for names in members.values():
            if any(_is_feed(factory, name) or is_feed(name) for name in names):
                continue
            bulkheads = {name: factory.bulkhead(name, throttles[name]) for name in names}
            group = RemoteGroup(names, freezer.freeze(bulkheads), freezer)
            self._waiting.append(group)
            self.sources |= {name: RemoteSource(name, group, each.status()) for name, each in bulkheads.items()}
        self._busy = 0
        self._stopping = self._has_ended = False
        self._changed = trio.Event()

    async def run(self) -> None:
        """Walk all groups to their ends.

        After a cancellation the workers have three seconds to return the pages that have arrived, which are delivered.
        """
        self._deadline = trio.current_effective_deadline()
        async with trio.open_nursery() as nursery:
            finishing = trio.CancelScope(shield=True)
            nursery.start_soon(self._stop_when_cancelled, finishing)
            with finishing:
                async with self._engine, trio.open_nursery() as working:
                    logger.info("engine: {}", counted(self._engine.workers, "worker"))
                    for _ in range(self._engine.workers):
                        working.start_soon(self._work, nursery)
                self._has_ended = True
            nursery.cancel_scope.cancel()

    async def _stop_when_cancelled(self, finishing: trio.CancelScope) -> None:
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            if not self._has_ended:
                self._stopping = True
                finishing.deadline = trio.current_time() + _GRACE
                self._wake()
                with trio.CancelScope(shield=True, deadline=finishing.deadline):
                    await self._engine.stop()
            raise

    async def _work(self, here: trio.Nursery) -> None:
        """Give one batch after the other to a worker."""
        while batch := await self._next_batch():
            try:
                walked = await self._engine.call(walk, self._slice_of(batch))
            except WorkerLostError as error:
                self._lost(batch, error)
            else:
                self._take(batch, walked, here)
            finally:
                self._busy -= 1
                self._wake()

    async def _next_batch(self) -> Sequence[RemoteGroup]:
        """Wait for groups to walk; return none once all have ended, or the run stops."""
        while not self._stopping and (self._waiting or self._busy):
            if self._waiting:
                self._busy += 1
                # A group whose worker has died goes alone, since it may be the cause.
                share = math.ceil(len(self._waiting) / max(1, self._engine.workers - self._busy + 1))
                batch = [self._waiting.popleft()]
                while len(batch) < min(share, _MOST_GROUPS) and not (batch[0].losses or self._waiting[0].losses):
                    batch.append(self._waiting.popleft())
                return batch
            await self._changed.wait()
        return []

    def _slice_of(self, batch: Sequence[RemoteGroup]) -> Slice:
        names = [name for group in batch for name in group.names]
        fresh = [name for group in batch if not group.rounds for name in group.names]
        progress = {name: self._log.progress(name) for name in fresh}
        # For the other groups of the batch waits become longer, and never shorter.
        behind = max(group.behind for group in batch)
        return Slice(
            config=msgspec.structs.replace(
                self._config, endpoints=tuple(self._endpoints[name] for name in names), store=None, ping=None
            ),
            transforms={path: source for path, source in self._transforms.items() if self._uses(names, path)},
            groups=[group.frozen for group in batch],
            progress={name: each for name, each in progress.items() if each != NOTHING_YET},
            now=trio.current_time() - behind,
            deadline=self._deadline - behind,
            seconds=slice_time(min(group.rounds for group in batch), self._config.engine_slice),
        )

    def _uses(self, names: Sequence[str], path: str) -> bool:
        return any((self._endpoints[name].transform or "").rpartition(":")[0] == path for name in names)

    def _take(self, batch: Sequence[RemoteGroup], walked: Walked, here: trio.Nursery) -> None:
        for entry in walked.entries:
            self._write(entry)
        for record in walked.records:
            _log(record)
        statuses = {status.source: status for status in walked.statuses}
        for group, frozen, has_ended in zip(batch, walked.groups, walked.ended, strict=True):
            group.frozen, group.losses = frozen, 0
            group.behind = trio.current_time() - walked.ended_at
            group.rounds += 1
            group.statuses = {name: statuses[name] for name in group.names}
            if walked.feeds.intersection(group.names):
                self._busy += 1
                here.start_soon(self._leave, group)
            elif not has_ended:
                self._waiting.append(group)

    def _write(self, entry: SliceEntry) -> None:
        match entry:
            case NormalizedPage():
                self._deliver(entry)
            case ProfileEntry():
                self._log.append_profile(entry.source, entry.profile)
            case EndEntry():
                self._log.append_end(entry.source, entry.number)

    def _lost(self, batch: Sequence[RemoteGroup], error: WorkerLostError) -> None:
        names = [name for group in batch for name in group.names]
        logger.warning("{}; resuming {} from the state before", error, counted(len(names), "endpoint"))
        for group in batch:
            group.losses += 1
            if group.losses < MOST_LOSSES:
                group.start_empty()
                self._waiting.append(group)
                continue
            for bulkhead in group.thawed().values():
                bulkhead.interrupt("skip", f"{error}, {MOST_LOSSES} times in a row; run again without `engine`")

    async def _leave(self, group: RemoteGroup) -> None:
        """Walk a group here, since its feed is a stream that is read at one go."""
        group.start_empty()  # the clock of its state is behind
        try:
            await self._walk_here(group.thawed())
        finally:
            self._busy -= 1
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


def slice_time(rounds: int, most: float) -> float:
    """Return the seconds of the next slice after ``rounds``: 1, 2, 4 …, so that the view has something soon."""
    return min(most, 2.0**rounds) if rounds < _SHORT_SLICES else most


def _is_feed(factory: FetcherFactory, name: str) -> bool:
    """True if an endpoint is known to be a feed, from its configuration or from an earlier run."""
    endpoint, profile = factory.endpoints[name], factory.log.progress(name).profile
    is_described = endpoint.format not in (None, BodyFormat.JSON)
    return is_described or endpoint.url.startswith("file:") or (profile is not None and profile.version is not None)


def _log(record: LogRecord) -> None:
    logger.bind(**record.extra).log(record.level, "{}", record.message)
