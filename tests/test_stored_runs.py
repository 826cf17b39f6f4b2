"""Runs with a store: what is stored, and what remains if the store fails."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from helpers.databases import fetch
from helpers.running import run_pipeline
from helpers.support import NO_LIMIT, NO_TLS, FakeApi, config, dispatch_inline, forever, reply

import pipeline
from pipeline.cli.exit_codes import ExitCode
from pipeline.cli.run import exit_code
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.store import resolve_store
from pipeline.errors import ConfigError, StoreError
from pipeline.fetch.http.client import Client
from pipeline.model.stored import Stored
from pipeline.model.summary import Totals
from pipeline.output.snapshots import Snapshot
from pipeline.store.catalogue_store import CatalogueStore
from pipeline.ui.table import closing_table

pytestmark = pytest.mark.virtual_time


class FailingStore:
    """A store whose database is lost during the run."""

    place = "postgresql://***@db/shop"

    def prepare(self) -> None:
        pass

    def write(self, totals: Totals, snapshot: Snapshot, checkpoint: Callable[[], None]) -> Stored:
        raise StoreError(f"{self.place}: the connection is lost")


def sqlite(folder: Path) -> CatalogueStore:
    place = resolve_store(f"sqlite:///{folder}/catalogue.db", {})
    assert place is not None
    return CatalogueStore(place)


async def run(folder: Path, api: FakeApi, **options: Any) -> pipeline.Summary:
    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=api)

    chosen = config(folder / "s.json", "a", rate_limit=NO_LIMIT)
    return await run_pipeline(chosen, connect=connect, dispatch=dispatch_inline, rng=Random(7), **options)


async def test_a_run_is_stored_after_the_summary_is_written(tmp_path: Path) -> None:
    """The store has the products and the run, and the summary of the run has the numbers."""
    summary = await run(tmp_path, FakeApi(pages=2), store=sqlite(tmp_path))
    assert summary.stored == Stored(products=6, new=6, repriced=0, removed=0)
    assert summary.store == f"sqlite:///{tmp_path}/catalogue.db"
    assert (summary.unstored, summary.journal) == (None, None)
    url = summary.store
    assert fetch(url, "SELECT run, status, products FROM runs") == [(summary.summary.run, "complete", 6)]
    assert fetch(url, "SELECT source, status, products, rejected FROM sources") == [("a", "complete", 6, 0)]
    assert "6 new, 0 with another price, 0 removed → sqlite://" in closing_table(summary)


async def test_a_store_that_fails_keeps_the_journal_and_resume_stores_without_fetching(tmp_path: Path) -> None:
    """The summary is written, the exit code is 1, and --resume stores the same run without a request."""
    failed = await run(tmp_path, FakeApi(pages=2), store=FailingStore())
    assert failed.summary.status == "complete"
    assert failed.output.exists()
    assert failed.unstored == "postgresql://***@db/shop: the connection is lost"
    assert exit_code(failed, allow_partial=True) is ExitCode.FAILED
    table = closing_table(failed)
    assert "not stored: postgresql://***@db/shop: the connection is lost" in table
    assert table.endswith("Run again with --resume to store it; nothing is fetched again.")

    api = FakeApi(pages=2)
    resumed = await run(tmp_path, api, store=sqlite(tmp_path), resume=True)
    assert api.asked == []
    assert resumed.stored is not None
    assert resumed.stored.new == 6
    assert resumed.summary.run == failed.summary.run
    assert exit_code(resumed, allow_partial=False) is ExitCode.COMPLETE
    assert not (tmp_path / "s.journal").exists()


async def test_a_partial_run_is_stored_and_its_resumption_completes_it(tmp_path: Path) -> None:
    """Both are one run in the store; nothing is removed by the part that was missing."""
    await run(tmp_path, FakeApi(pages=3), store=sqlite(tmp_path))
    partial = await run(tmp_path, FakeApi(pages=3, script={2: forever(lambda: reply(404))}), store=sqlite(tmp_path))
    assert partial.stored is not None
    assert (partial.stored.products, partial.stored.removed) == (6, 0)
    resumed = await run(tmp_path, FakeApi(pages=3), store=sqlite(tmp_path), resume=True)
    assert resumed.stored is not None
    assert (resumed.stored.new, resumed.stored.removed) == (0, 0)
    url = f"sqlite:///{tmp_path}/catalogue.db"
    assert fetch(url, "SELECT status, products FROM runs ORDER BY started_at, run")[-1] == ("complete", 9)
    assert len(fetch(url, "SELECT run FROM runs")) == 2


async def test_a_run_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    """If no page of any source arrives, the store is not written, and the summary says nothing of it."""
    await run(tmp_path, FakeApi(pages=2), store=sqlite(tmp_path))
    url = f"sqlite:///{tmp_path}/catalogue.db"
    before = fetch(url, "SELECT * FROM products"), fetch(url, "SELECT * FROM runs")
    failed = await run(
        tmp_path, FakeApi(script={page: forever(lambda: reply(404)) for page in range(1, 9)}), store=sqlite(tmp_path)
    )
    assert failed.summary.status == "failed"
    assert (failed.stored, failed.unstored) == (None, None)
    assert (fetch(url, "SELECT * FROM products"), fetch(url, "SELECT * FROM runs")) == before


async def test_a_store_that_cannot_be_used_is_an_error_before_anything_is_fetched(tmp_path: Path) -> None:
    """The run does not begin if the database is of no use."""
    (tmp_path / "catalogue.db").write_text("not a database, " * 100)
    api = FakeApi(pages=2)
    with pytest.raises(ConfigError, match="--no-store"):
        await run(tmp_path, api, store=sqlite(tmp_path))
    assert api.asked == []
    assert not (tmp_path / "s.json").exists()
