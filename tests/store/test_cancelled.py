"""A run that is cancelled while it is stored, under the real clock, since a thread works meanwhile."""

from collections.abc import Callable
from pathlib import Path

import trio
from helpers.databases import fetch
from helpers.running import run_pipeline
from helpers.support import NO_LIMIT, NO_TLS, FakeApi, config
from store.nights import store

import pipeline
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.fetch.http.client import Client
from pipeline.model.stored import Stored
from pipeline.model.summary import Totals
from pipeline.output.snapshots import Snapshot
from pipeline.publishing import Store


class Watched:
    """A store that calls a function when a run begins to be written."""

    def __init__(self, url: str, on_write: Callable[[], object]) -> None:
        self._store = store(url)
        self._on_write = on_write
        self.place = self._store.place

    def prepare(self) -> None:
        self._store.prepare()

    def write(self, totals: Totals, snapshot: Snapshot, checkpoint: Callable[[], None]) -> Stored:
        trio.from_thread.run_sync(self._on_write)
        return self._store.write(totals, snapshot, checkpoint)


async def run(folder: Path, kept: Store, *, resume: bool = False) -> pipeline.Summary:
    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=FakeApi(pages=2))

    chosen = config(folder / "s.json", "a", rate_limit=NO_LIMIT)
    return await run_pipeline(chosen, connect=connect, store=kept, resume=resume)


async def test_a_cancellation_while_storing_keeps_the_journal(url: str, tmp_path: Path) -> None:
    """The store is unchanged, and --resume stores the run."""
    with trio.CancelScope() as scope:
        await run(tmp_path, Watched(url, scope.cancel))
    assert scope.cancelled_caught
    assert fetch(url, "SELECT * FROM runs") == []
    resumed = await run(tmp_path, store(url), resume=True)
    assert resumed.stored is not None
    assert resumed.stored.new == 6
