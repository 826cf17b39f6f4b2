"""Interrupted and resumed runs, in one process under a virtual clock."""

import json
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from helpers.graphql import EVERYTHING, INCOMPLETE, RELAY, REQUEST, GraphQL
from helpers.running import run_pipeline
from helpers.support import NO_LIMIT, NO_TLS, FakeApi, config, dispatch_inline, forever, ok, records, reply

import pipeline
from pipeline.config.endpoint import Endpoint, Retry
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.errors import ConfigError, OutputError
from pipeline.fetch.http.client import Client
from pipeline.journal.journal import Journal

pytestmark = pytest.mark.virtual_time


async def run(output: Path, apis: dict[str, FakeApi], *, timeout: float = 60, **options: Any) -> pipeline.Summary:
    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=apis[endpoint.name])

    chosen = config(output, *apis, rate_limit=NO_LIMIT, timeout=float(timeout))
    return await run_pipeline(chosen, connect=connect, dispatch=dispatch_inline, rng=Random(7), **options)


def products(output: Path) -> list[dict[str, Any]]:
    return [{**product, "processed_at": None} for product in json.loads(output.read_text())["products"]]


async def whole(folder: Path, *names: str) -> list[dict[str, Any]]:
    await run(folder / "whole.json", {name: FakeApi(pages=6) for name in names})
    return products(folder / "whole.json")


async def test_a_run_that_was_cut_off_is_resumed_to_the_whole(tmp_path: Path) -> None:
    """After the deadline, --resume fetches only the missing pages, and the products are those of a single run."""
    output = tmp_path / "s.json"
    cut = await run(output, {"a": FakeApi(pages=6, latency=1), "b": FakeApi(pages=6)}, timeout=3.5)
    assert cut.summary.status == "partial"
    assert cut.journal == tmp_path / "s.journal"
    assert cut.journal.is_dir()

    apis = {"a": FakeApi(pages=6), "b": FakeApi(pages=6)}
    resumed = await run(output, apis, resume=True)
    assert resumed.summary.status == "complete"
    assert [page for _, page in apis["a"].asked] == [4, 5, 6, 7]
    assert apis["b"].asked == []
    assert products(output) == await whole(tmp_path, "a", "b")
    assert resumed.journal is None
    assert not (tmp_path / "s.journal").exists()
    for source in resumed.sources:
        assert source.items_fetched == source.products == 18
        assert source.pages_fetched == 6


async def test_missing_pages_are_fetched_and_the_end_is_not_asked_for_again(tmp_path: Path) -> None:
    """A resumed run fetches only the skipped page if the first run reached the end."""
    output = tmp_path / "s.json"
    first = await run(output, {"a": FakeApi(pages=6, script={3: forever(lambda: reply(404))})})
    assert first.sources[0].pages_missing == (3,)
    apis = {"a": FakeApi(pages=6)}
    assert (await run(output, apis, resume=True)).summary.status == "complete"
    assert [page for _, page in apis["a"].asked] == [3]
    assert products(output) == await whole(tmp_path, "a")


async def test_a_dead_endpoint_is_resumed_from_its_first_page(tmp_path: Path) -> None:
    """When a dead endpoint recovers, the pages of the other endpoints are not fetched again."""
    output = tmp_path / "s.json"
    dead = FakeApi(script={1: forever(lambda: httpx.ConnectError("no"))})
    await run(output, {"a": FakeApi(pages=6), "b": dead})
    apis = {"a": FakeApi(pages=6), "b": FakeApi(pages=6)}
    assert (await run(output, apis, resume=True)).summary.status == "complete"
    assert apis["a"].asked == []
    assert products(output) == await whole(tmp_path, "a", "b")


async def test_the_first_of_equal_ids_wins_also_across_runs(tmp_path: Path) -> None:
    """A page fetched by the resumed run precedes later pages, so its records are the products."""
    output = tmp_path / "s.json"
    doubled = [ok([*records(3), {"id": 200, "name": "late twin"}])]
    late = FakeApi(pages=3, script={2: forever(lambda: reply(404)), 3: doubled})
    await run(output, {"a": late})
    assert "late twin" in output.read_text()
    summary = await run(output, {"a": FakeApi(pages=3)}, resume=True)
    assert "late twin" not in output.read_text()
    assert (summary.sources[0].products, summary.sources[0].duplicates) == (9, 1)


async def test_without_resume_everything_is_fetched_anew(tmp_path: Path) -> None:
    """A run without --resume fetches everything, and moves the earlier journal aside."""
    output = tmp_path / "s.json"
    await run(output, {"a": FakeApi(pages=6, script={3: forever(lambda: reply(404))})})
    apis = {"a": FakeApi(pages=6)}
    await run(output, apis)
    assert [page for _, page in apis["a"].asked] == [1, 2, 3, 4, 5, 6, 7]
    assert (tmp_path / "s.journal.old" / "pages").exists()


async def test_a_run_that_brought_nothing_leaves_no_journal(tmp_path: Path) -> None:
    """A run that fetched no page keeps no journal."""
    dead = FakeApi(script={1: forever(lambda: httpx.ConnectError("no"))})
    assert (await run(tmp_path / "s.json", {"a": dead})).summary.status == "failed"
    assert not (tmp_path / "s.journal").exists()


async def test_a_second_run_on_one_output_asks_nobody(tmp_path: Path) -> None:
    """Nothing is fetched while another run holds the journal."""
    apis = {"a": FakeApi()}
    with Journal.open(tmp_path / "s.journal", {}, resume=False), pytest.raises(ConfigError, match="another run"):
        await run(tmp_path / "s.json", apis)
    assert apis["a"].asked == []


async def test_a_disk_that_fills_up_while_fetching_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the journal cannot be written, that error ends the run, which can be resumed later."""
    append = Journal.append

    def full(self: Journal, page: Any) -> None:
        if page.number == 4:
            raise OutputError("no space left; run again with --resume")
        append(self, page)

    monkeypatch.setattr(Journal, "append", full)
    with pytest.raises(OutputError, match="--resume"):
        await run(tmp_path / "s.json", {"a": FakeApi(pages=6)})
    monkeypatch.setattr(Journal, "append", append)
    apis = {"a": FakeApi(pages=6)}
    await run(tmp_path / "s.json", apis, resume=True)
    assert products(tmp_path / "s.json") == await whole(tmp_path, "a")
    assert {page for _, page in apis["a"].asked}.isdisjoint({1, 2, 3})


async def test_what_was_announced_is_known_to_a_resumed_run(tmp_path: Path) -> None:
    """A resumed run knows the announced size from the earlier run."""
    output = tmp_path / "s.json"
    first = FakeApi(pages=6, script={1: [ok({"data": records(1), "total": 18})]}, latency=1)
    assert (await run(output, {"a": first}, timeout=2.5)).sources[0].pages_missing == (3, 4, 5, 6)
    nothing = await run(output, {"a": FakeApi(pages=6, latency=5)}, timeout=2.5, resume=True)
    (source,) = nothing.sources
    assert (source.pages_missing, source.missing_from, source.pages_wanted) == ((3, 4, 5, 6), None, 6)
    assert (source.end_known_by, source.records_announced) == ("announced", 18)


async def test_a_loop_is_the_same_loop_to_a_resumed_run(tmp_path: Path) -> None:
    """A resumed run fetches one more page of a repeating API, and its counts stay the same."""
    output = tmp_path / "s.json"
    accounts = []
    for resume in (False, True, True):
        api = FakeApi(pages=99, script={page: forever(lambda: ok(records(2))) for page in range(4, 99)})
        (source,) = (await run(output, {"a": api}, resume=resume)).sources
        accounts.append((source.pages_fetched, source.pages_missing, source.missing_from, source.duplicates))
        assert len(api.asked) == (1 if resume else 4)
    assert accounts == [(3, (4,), 4, 3)] * 3


async def test_an_end_under_an_unusual_key_is_known_to_a_resumed_run(tmp_path: Path) -> None:
    """A resumed run knows the records' path from the earlier run, so it recognizes the empty last page."""
    output = tmp_path / "s.json"
    pages = {n: [ok({"rows": records(n), "hints": []})] for n in (1, 2)}
    await run(output, {"a": FakeApi(pages=0, script={**pages, 3: [100.0]})}, timeout=5)
    empty = FakeApi(pages=0, script={3: [ok({"rows": [], "hints": []})]})
    assert (await run(output, {"a": empty}, resume=True)).summary.status == "complete"


async def test_the_records_of_an_incomplete_page_are_kept_until_it_comes_whole(tmp_path: Path) -> None:
    """A resumed run requests an incomplete page again; if it fails, the records that had come are still there."""
    output = tmp_path / "s.json"
    lasting = {3: [INCOMPLETE] * 2}
    shop = Endpoint(
        name="shop", url="http://shop.test/graphql", request=REQUEST, paging=RELAY, items="data.products.nodes"
    )
    chosen = config(output, endpoints=(shop,), rate_limit=NO_LIMIT, retry=Retry(max_retries=0))

    async def run_on(api: httpx.AsyncBaseTransport, *, resume: bool = False) -> list[str]:
        def connect(endpoint: ResolvedEndpoint) -> Client:
            return Client(endpoint.url, endpoint.http, request=REQUEST, ssl_context=NO_TLS, transport=api)

        await run_pipeline(chosen, connect=connect, dispatch=dispatch_inline, rng=Random(7), resume=resume)
        return [product["id"] for product in products(output)]

    every = [f"shop:{each}" for each in EVERYTHING]
    kept = [each for each in every if each != f"shop:{records(3, 2)[1]['id']}"]
    assert await run_on(GraphQL(lasting)) == kept
    broken = GraphQL({3: [{"errors": [{"message": "denied"}], "data": None}] * 9})
    assert await run_on(broken, resume=True) == kept[:5]
    assert broken.asked == [3, 3]
    assert await run_on(GraphQL(), resume=True) == every
