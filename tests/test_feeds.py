"""Whole runs on a feed: faults, versions, validators and resumes, under a virtual clock."""

import gzip
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from helpers.feeds import Cut, FeedServer, csv_feed, expected, products, run_feed

from pipeline.config.load import load_config
from pipeline.config.source import Fields
from pipeline.errors import ConfigError

pytestmark = pytest.mark.virtual_time

COUNT = 2_500
FEED = csv_feed(COUNT)


@pytest.mark.parametrize("body", [FEED, gzip.compress(FEED), gzip.compress(gzip.compress(FEED))])
async def test_a_feed_is_one_request_in_virtual_pages(tmp_path: Path, body: bytes) -> None:
    """A described feed costs one request, and its records are products in pages of a thousand."""
    server = FeedServer(body)
    summary = await run_feed(tmp_path / "s.json", server)
    (source,) = summary.sources
    assert (source.status, source.products, source.pages_fetched, source.requests) == ("complete", COUNT, 3, 1)
    assert products(tmp_path / "s.json") == expected(COUNT)
    assert not (tmp_path / "s.journal").exists()


async def test_a_feed_is_found_by_its_response(tmp_path: Path) -> None:
    """Without `format` the response shows that it is a feed, which costs one request more."""
    server = FeedServer(FEED)
    summary = await run_feed(tmp_path / "s.json", server, format=None)
    assert (summary.summary.status, len(server.requests)) == ("complete", 2)
    assert products(tmp_path / "s.json") == expected(COUNT)
    await run_feed(tmp_path / "s.json", server, format=None)
    assert len(server.requests) == 3


@pytest.mark.parametrize("script", [[503, 500], [Cut(40_000)], [Cut(10), Cut(60_000), 429]])
async def test_a_feed_that_fails_is_read_again_from_the_start(tmp_path: Path, script: list[Any]) -> None:
    """A failure before or within the feed is retried, and nothing is missing or doubled."""
    server = FeedServer(FEED, script=script)
    summary = await run_feed(tmp_path / "s.json", server)
    (source,) = summary.sources
    assert (source.status, source.duplicates, source.requests) == ("complete", 0, len(script) + 1)
    assert products(tmp_path / "s.json") == expected(COUNT)


@pytest.mark.parametrize("validators", [True, False])
async def test_a_new_version_replaces_what_came_of_the_old_one(tmp_path: Path, *, validators: bool) -> None:
    """If the retry meets another version, or cannot prove that it is the same, the old pages are dropped."""
    server = FeedServer(FEED, csv_feed(1_200, version=1), script=[Cut(60_000)], validators=validators)
    summary = await run_feed(tmp_path / "s.json", server)
    (source,) = summary.sources
    assert (source.status, source.pages_fetched, source.items_fetched) == ("complete", 2, 1_200)
    assert products(tmp_path / "s.json") == expected(1_200, version=1)


async def test_a_feed_that_always_breaks_off_is_partial(tmp_path: Path) -> None:
    """What came is kept, to the last record, and the rest is missing."""
    body = csv_feed(1_500)
    cut = Cut(body.index(b"\n1234,") + 1)
    summary = await run_feed(tmp_path / "s.json", FeedServer(body, script=[cut] * 9))
    (source,) = summary.sources
    assert (source.status, source.missing_from) == ("partial", 2)
    assert products(tmp_path / "s.json") == expected(1_234)
    server = FeedServer(body)
    resumed = await run_feed(tmp_path / "s.json", server, resume=True)
    assert (resumed.summary.status, resumed.sources[0].items_fetched) == ("complete", 1_500)
    assert products(tmp_path / "s.json") == expected(1_500)


async def test_the_deadline_keeps_what_came(tmp_path: Path) -> None:
    """At the deadline the records that have arrived are products, and a resumed run reads the others."""
    server = FeedServer(FEED, delay=1.0)
    summary = await run_feed(tmp_path / "s.json", server, timeout=12.5)
    assert summary.summary.status == "partial"
    came = len(products(tmp_path / "s.json"))
    assert 1_000 < came < COUNT
    assert products(tmp_path / "s.json") == expected(came)
    assert (await run_feed(tmp_path / "s.json", FeedServer(FEED), resume=True)).summary.status == "complete"
    assert products(tmp_path / "s.json") == expected(COUNT)


async def test_a_resumed_run_that_meets_another_version_begins_again(tmp_path: Path) -> None:
    """The journaled pages of the old version are dropped."""
    await run_feed(tmp_path / "s.json", FeedServer(FEED, delay=1.0), timeout=12.5)
    summary = await run_feed(tmp_path / "s.json", FeedServer(csv_feed(700, version=1)), resume=True)
    assert summary.summary.status == "complete"
    assert products(tmp_path / "s.json") == expected(700, version=1)


async def test_another_header_is_another_version(tmp_path: Path) -> None:
    """The same validator over other columns does not prove anything."""

    class Liar(FeedServer):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            response.headers["ETag"] = '"same"'
            return response

    server = Liar(FEED, csv_feed(1_100, 1, columns=("id", "name", "price")), script=[Cut(60_000)])
    assert (await run_feed(tmp_path / "s.json", server)).summary.status == "complete"
    assert products(tmp_path / "s.json") == expected(1_100, version=1)


async def test_an_unchanged_feed_costs_one_request(tmp_path: Path) -> None:
    """A 304 takes over the products, rejects and counts of the present summary."""
    body = csv_feed(1_100) + b"broken,row\n,No id,1.00\n7,Product 7 again,9.50\n"
    output = tmp_path / "s.json"
    server = FeedServer(body)
    first = await run_feed(output, server)
    text, letters = output.read_text(), (tmp_path / "s.rejects.jsonl").read_text()
    second = await run_feed(output, server)
    (before,), (after,) = first.sources, second.sources
    assert (after.status, after.unchanged, after.requests, len(server.requests)) == ("complete", True, 1, 2)
    for field in ("items_fetched", "products", "duplicates", "rejected", "prices", "fetched_at", "pages_fetched"):
        assert getattr(before, field) == getattr(after, field)
    assert (before.rejected, before.duplicates) == (2, 1)
    assert text.partition('"products": [')[2] == output.read_text().partition('"products": [')[2]
    assert (tmp_path / "s.rejects.jsonl").read_text() == letters
    assert second.summary.categories == first.summary.categories
    third = await run_feed(output, server)
    assert (third.sources[0].unchanged, third.sources[0].baseline_products) == (True, 1_100)


@pytest.mark.parametrize("change", ["partial", "definition", "damaged", "no rejects", "gone"])
async def test_validators_are_sent_only_if_the_summary_has_everything(tmp_path: Path, change: str) -> None:
    """A summary that is partial, of another definition, damaged or gone is no reason to ask for changes alone."""
    output, rejects = tmp_path / "s.json", tmp_path / "s.rejects.jsonl"
    body = csv_feed(1_100) + b"broken,row\n"
    await run_feed(output, FeedServer(body))
    keys: dict[str, Any] = {}
    match change:
        case "partial":
            output.write_text(output.read_text().replace('"status":"complete"', '"status":"partial"'))
        case "definition":
            keys = {"fields": Fields(category="title")}
        case "damaged":
            output.write_text(output.read_text().replace('{"id":"shop:7",', '{"id":"other:7",'))
        case "no rejects":
            rejects.unlink()
        case "gone":
            output.unlink()
    server = FeedServer(body)
    summary = await run_feed(output, server, **keys)
    assert "if-none-match" not in server.requests[0]
    assert (summary.sources[0].unchanged, summary.sources[0].products) == (False, 1_100)


async def test_a_304_that_was_not_asked_for_is_an_error(tmp_path: Path) -> None:
    """A server that answers 304 to an unconditional request has no feed."""
    summary = await run_feed(tmp_path / "s.json", FeedServer(FEED, script=[304] * 9))
    assert summary.summary.status == "failed"
    assert "HTTP 304" in summary.errors[0].error


async def test_a_described_column_that_is_gone_makes_the_source_partial(tmp_path: Path) -> None:
    """If the header lacks a column that `fields` names, the records are kept, and the reason names both."""
    summary = await run_feed(tmp_path / "s.json", FeedServer(FEED), fields=Fields(title="name"))
    (source,) = summary.sources
    assert (source.status, source.products) == ("partial", COUNT)
    assert source.gaps[0].reason == (
        "the header lacks the columns of `fields.title: name`; it has id, title, price; correct `fields`"
    )


@pytest.mark.parametrize(
    ("body", "found"),
    [(b'{"error": "the key has expired"}', "JSON"), (b"<!DOCTYPE html><html>Sign in</html>", "HTML")],
)
async def test_a_page_in_place_of_a_feed_is_an_error(tmp_path: Path, body: bytes, found: str) -> None:
    """A response with status 200 that is JSON or HTML is not read as rows."""
    summary = await run_feed(tmp_path / "s.json", FeedServer(body))
    assert summary.summary.status == "failed"
    assert summary.errors[0].error == (
        f"the response is {found}, and `format` is csv; check `url`, and the access that it needs"
    )


async def test_an_end_that_nothing_proves_is_not_complete(tmp_path: Path) -> None:
    """Without a length, a feed whose last row has no line end may be cut off within a number."""
    body = csv_feed(10)[:-3]
    assert body.endswith(b".5")
    complete = await run_feed(tmp_path / "a.json", FeedServer(body))
    assert complete.summary.status == "complete"
    cut = await run_feed(tmp_path / "b.json", FeedServer(body, length=False))
    assert (cut.summary.status, len(products(tmp_path / "b.json"))) == ("partial", 10)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"format": "csv", "paging": "page"}, "paging: cannot be used with `format: csv`, which is one response"),
        ({"format": "xml", "delimiter": ";"}, "delimiter: belongs to `format: csv` and `format: tsv`"),
        ({"format": "csv", "items": "a.b"}, "items: belongs to `format: json` and `format: xml`"),
        ({"format": "csv", "fields": {"title": "$body.a"}}, "fields: has $body.a, which belongs to `format: json`"),
        ({"url": "file:///data/a.json"}, "which can only be read as a feed; set `format` to csv, tsv, xml or jsonl"),
        ({"url": "file://host/a.csv", "format": "csv"}, "is not the URL of a file on this machine"),
    ],
)
def test_contradictions_are_configuration_errors(keys: dict[str, Any], problem: str) -> None:
    """A feed has no paging, only rows have delimiters, and files can only be feeds."""
    with pytest.raises(ConfigError) as raised:
        load_config({"endpoints": [{"name": "a", "url": "http://a.test", **keys}]}, environ={})
    assert problem in str(raised.value)


@pytest.mark.parametrize("seed", range(12))
async def test_versions_are_never_mixed(tmp_path: Path, seed: int) -> None:
    """Under random cuts, failures and new versions, through resumes: all rows of one version, or not complete."""
    rng = Random(seed)
    counts = [rng.randrange(1, 3_000) for _ in range(4)]
    bodies = [csv_feed(count, version) for version, count in enumerate(counts)]
    served = [bodies[0]]
    for _ in range(20):
        served.append(rng.choice([*bodies, *[served[-1]] * 6]))

    def step(body: bytes) -> int | Cut | None:
        kind = rng.random()
        if kind < 0.2:
            return rng.choice([500, 429, 404])
        return Cut(rng.randrange(len(body))) if kind < 0.6 else None

    script = [step(body) for body in served]
    output, asked = tmp_path / "s.json", 0
    for attempt in range(12):
        server = FeedServer(*served[asked:], script=script[asked:], validators=seed % 3 > 0)
        summary = await run_feed(output, server, resume=attempt > 0, timeout=rng.choice([0.05, 5.0, 500.0]))
        asked = min(asked + len(server.requests), len(served) - 1)
        found = products(output)
        versions = {title.rpartition("v")[2] for _, title in found}
        assert len(versions) <= 1
        (source,) = summary.sources
        assert source.items_fetched == source.products == len(found)
        if versions:
            version = int(versions.pop())
            assert found == expected(counts[version], version)[: len(found)]
            if source.status == "complete":
                assert len(found) == counts[version]
                return
    assert asked
