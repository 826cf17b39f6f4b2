"""What a run makes of data that came completely and is useless, and what it leaves of earlier runs."""

import json
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

import pytest
from helpers.running import run_pipeline
from helpers.support import FakeApi, client, config, dispatch_inline, forever, ok, records, reply

import pipeline
from pipeline.config.endpoint import Endpoint
from pipeline.config.expect import Expect
from pipeline.config.settings import Config
from pipeline.ui.table import closing_table

pytestmark = pytest.mark.virtual_time


async def run(configuration: Config, api: FakeApi, **options: Any) -> pipeline.Summary:
    return await run_pipeline(
        configuration, connect=lambda endpoint: client(api), dispatch=dispatch_inline, rng=Random(7), **options
    )


def one(folder: Path, **changes: Any) -> Config:
    return config(folder / "s.json", "shop", products=str(folder / "p.jsonl"), **changes)


def pages_of(*pages: list[dict[str, Any]]) -> FakeApi:
    return FakeApi(pages=len(pages), script={number: [ok(page)] * 9 for number, page in enumerate(pages, 1)})


def source_in(folder: Path) -> dict[str, Any]:
    (source,) = json.loads((folder / "s.json").read_text())["sources"]
    return dict(source)


async def test_a_run_of_rejects_is_failed_and_leaves_the_products(tmp_path: Path) -> None:
    """If all records are rejected the run is failed, and the products of the last run stay and are said to."""
    await run(one(tmp_path), FakeApi(pages=2))
    before = (tmp_path / "p.jsonl").read_bytes()
    summary = await run(one(tmp_path), pages_of([{"name": "no id"}] * 3))
    assert summary.summary.status == "failed"
    assert (summary.products, summary.products_kept) == (None, tmp_path / "p.jsonl")
    assert (tmp_path / "p.jsonl").read_bytes() == before
    table = closing_table(summary)
    assert "p.jsonl is left as it was, because the run failed" in table
    assert "products →" not in table
    assert "none of 3 records became a product" in table


async def test_a_dead_api_leaves_the_products(tmp_path: Path) -> None:
    """If no page comes, the products of the last run stay; without a last run no file is made."""
    dead = FakeApi(script={page: forever(lambda: reply(404)) for page in range(1, 9)})
    summary = await run(one(tmp_path), dead)
    assert summary.summary.status == "failed"
    assert not (tmp_path / "p.jsonl").exists()
    assert "p.jsonl is not written, because the run failed" in closing_table(summary)
    await run(one(tmp_path), FakeApi(pages=2))
    before = (tmp_path / "p.jsonl").read_bytes()
    await run(one(tmp_path), dead)
    assert (tmp_path / "p.jsonl").read_bytes() == before


async def test_unmet_expectations_keep_no_journal_and_suggest_no_resume(tmp_path: Path) -> None:
    """A run whose data is not as expected has nothing to resume: its journal is removed, and no command suggests it."""
    summary = await run(one(tmp_path), pages_of([{"id": 1}, {"id": 2}]))
    assert (summary.summary.status, summary.journal) == ("partial", None)
    assert not (tmp_path / "s.journal").exists()
    assert "--resume" not in closing_table(summary)
    assert source_in(tmp_path)["unmet"] == [{"expectation": "min_priced", "wanted": 0.01, "got": 0.0}]


async def test_an_empty_source_is_complete_only_if_that_is_expected(tmp_path: Path) -> None:
    """A source that answers and has no records is partial, or complete if `min_products` is 0."""
    assert (await run(one(tmp_path), FakeApi(pages=0))).summary.status == "partial"
    empty = one(tmp_path, expect=Expect(min_products=0))
    assert (await run(empty, FakeApi(pages=0))).summary.status == "complete"


async def test_a_drop_is_measured_against_the_last_complete_run(tmp_path: Path) -> None:
    """The baseline is carried forward through runs that fail or fall short, until a complete run replaces it."""
    strict = one(tmp_path, expect=Expect(max_drop=0.2))
    dead = FakeApi(script={page: forever(lambda: reply(404)) for page in range(1, 9)})
    seen = []
    for api in (FakeApi(pages=10), dead, FakeApi(pages=7), FakeApi(pages=8), FakeApi(pages=7), FakeApi(pages=6)):
        summary = await run(strict, api)
        source = source_in(tmp_path)
        seen.append((summary.summary.status, source["products"], source["baseline_products"]))
    assert seen == [
        ("complete", 30, 30),
        ("failed", 0, 30),
        ("partial", 21, 30),
        ("complete", 24, 24),
        ("complete", 21, 21),
        ("complete", 18, 18),
    ]
    (tmp_path / "s.json").write_text("not a summary")
    assert (await run(strict, FakeApi(pages=1))).summary.status == "complete"


async def test_a_summary_names_run_version_and_definition(tmp_path: Path) -> None:
    """Each run has an id of its own; the definition changes only with what determines the content of a page."""
    ids, definitions = [], []
    for url in ("http://a.test/x", "http://a.test/x", "http://a.test/y"):
        endpoints = (Endpoint(name="shop", url=url),)
        summary = await run(one(tmp_path, endpoints=endpoints), FakeApi(pages=1))
        document = json.loads((tmp_path / "s.json").read_text())["summary"]
        assert (document["schema_version"], document["version"]) == (1, version("catalogue-pipeline"))
        assert document["resumed"] is None
        ids.append(document["run"])
        definitions.append(summary.sources[0].definition)
    assert len(set(ids)) == 3
    assert definitions[0] == definitions[1] != definitions[2]
    assert source_in(tmp_path)["fetched_at"].endswith("Z")


async def test_a_resumed_run_says_what_it_takes_over(tmp_path: Path) -> None:
    """A resumed run reports the number and the age of the records that an earlier run fetched."""
    cut = await run(one(tmp_path, timeout=2.5), FakeApi(pages=6, latency=1))
    resumed = await run(one(tmp_path), FakeApi(pages=6), resume=True)
    assert cut.summary.resumed is None
    assert resumed.summary.resumed is not None
    assert resumed.summary.resumed.records == cut.summary.total_products == 6
    assert "6 records taken over from an earlier run, " in closing_table(resumed)


async def test_a_run_that_the_deadline_cut_off_names_a_sufficient_one(tmp_path: Path) -> None:
    """The closing line names a deadline, and a run with it is complete."""
    api = FakeApi(pages=40, latency=1, script={1: [ok({"items": records(1), "total": 120})] * 9})
    cut = await run(one(tmp_path, timeout=8.0), api)
    (line,) = [line for line in closing_table(cut).splitlines() if "--resume" in line]
    assert line == "Run again with --resume -t 60 to fetch the missing pages."
    assert (await run(one(tmp_path, timeout=60.0), api)).summary.status == "complete"


async def test_other_missing_pages_need_no_other_deadline(tmp_path: Path) -> None:
    """If the deadline is not the reason for what is missing, the closing line names none."""
    summary = await run(one(tmp_path), FakeApi(pages=3, script={2: [reply(404)] * 2}))
    assert "Run again with --resume to fetch the missing pages." in closing_table(summary)
