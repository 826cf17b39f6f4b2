"""Dead letters: rejected records are kept in full, and become products after a fix without fetching."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from click.testing import CliRunner
from helpers.running import run_pipeline
from helpers.support import FakeApi, client, config, dispatch_inline, ok, reply
from hypothesis import given
from hypothesis import strategies as st

import pipeline
from pipeline.cli import main
from pipeline.config.expect import Expect
from pipeline.errors import ConfigError
from pipeline.journal.lock import locked
from pipeline.model.dead_letters import DeadLetter, read_dead_letters, rejects_file
from pipeline.model.pages import NormalizedPage, Page, Reject
from pipeline.normalize.normalizer import normalize_batch
from pipeline.output.files import OutputFiles
from pipeline.output.replay import replay_rejects

NOW = "2026-01-01T00:00:00Z"

# Of each page, one record is a product and two become products only after a fix, or never.
PAGES = {
    1: [{"id": 1, "price": "2.50"}, {"ref": 2, "price": "$3.00", "name": "Päper\u2028 cup"}, [7]],
    2: [{"id": 3}, {"ref": 1, "price": 9}, {"ref": 5, "price": "free", "category": "Gifts"}],
}


def run(output: Path, pages: dict[int, Any], *others: str) -> pipeline.Summary:
    """Run a shop with these pages, and others that have all that is expected."""
    apis = {name: FakeApi(pages=1) for name in others}
    apis["shop"] = FakeApi(pages=0, script={number: [ok(records)] for number, records in pages.items()})
    settings = config(output, "shop", *others, expect=Expect(min_priced=0))
    connect = lambda endpoint: client(apis[endpoint.name])  # noqa: E731
    return trio.run(partial(run_pipeline, settings, connect=connect, dispatch=dispatch_inline))


def mended(pages: Sequence[Page]) -> list[NormalizedPage]:
    """Normalize as a newer version that accepts `ref` as an id."""
    (page,) = pages
    records = [msgspec.Raw(bytes(record).replace(b'"ref"', b'"id"')) for record in page.records]
    return normalize_batch([Page(page.source, page.number, records)])


def document(output: Path) -> Any:
    content = json.loads(output.read_bytes(), parse_float=str)
    for product in content["products"]:
        product["processed_at"] = NOW
    return content


@pytest.fixture
def output(tmp_path: Path) -> Path:
    run(tmp_path / "summary.json", PAGES)
    return tmp_path / "summary.json"


def test_rejected_records_are_kept_whole(output: Path) -> None:
    """Each dead letter has source, page, position, field, reason and the record as it came."""
    letters = [json.loads(line) for line in (output.parent / "rejects.jsonl").read_text("utf-8").split("\n") if line]
    places = [(letter["source"], letter["page"], letter["position"], letter["field"]) for letter in letters]
    assert places == [("shop", 1, 2, "id"), ("shop", 1, 3, "$"), ("shop", 2, 2, "id"), ("shop", 2, 3, "id")]
    assert [letter["record"] for letter in letters] == [PAGES[1][1], [7], PAGES[2][1], PAGES[2][2]]
    assert "no id" in letters[0]["reason"]


def test_a_run_without_rejects_leaves_no_file(output: Path) -> None:
    """A run without rejects removes the dead letters of an older run."""
    summary = run(output, {1: [{"id": 1}]})
    assert summary.rejects is None
    assert not rejects_file(output).exists()


def test_each_output_has_its_own_file() -> None:
    """Outputs in the same folder have separate dead letters."""
    assert rejects_file(Path("out/summary.json")) == Path("out/rejects.jsonl")
    assert rejects_file(Path("out/shops.json")) == Path("out/shops.rejects.jsonl")


def test_after_a_fix_they_are_what_an_undisturbed_run_would_have_made_of_them(output: Path, tmp_path: Path) -> None:
    """After a fix, a replay gives what a run of the fixed program would give, except for the order within a source."""
    replay = replay_rejects(OutputFiles(output), mended)
    assert (replay.letters, replay.products, replay.duplicates, replay.rejected) == (4, 2, 1, 1)
    fixed = {number: json.loads(json.dumps(page).replace('"ref"', '"id"')) for number, page in PAGES.items()}
    run(tmp_path / "fixed.json", fixed)
    after, wanted = document(output), document(tmp_path / "fixed.json")
    assert sorted(p["id"] for p in after["products"]) == ["shop:1", "shop:2", "shop:3", "shop:5"]
    by_id = lambda product: product["id"]  # noqa: E731
    assert sorted(after["products"], key=by_id) == sorted(wanted["products"], key=by_id)
    for source in (*after["sources"], *wanted["sources"]):
        source.pop("time")
        source.pop("fetched_at")
    assert after["sources"] == wanted["sources"]
    for key in ("total_products", "categories", "status"):
        assert after["summary"][key] == wanted["summary"][key]
    assert [(e["page"], e["position"]) for e in after["errors"]] == [(1, 3)]
    assert [letter.position for letter in read_dead_letters(rejects_file(output))] == [3]


def test_a_replay_without_a_fix_changes_nothing(output: Path) -> None:
    """A replay that rejects everything again leaves both files unchanged, byte for byte."""
    before = output.read_bytes(), rejects_file(output).read_bytes()
    replay = replay_rejects(OutputFiles(output), normalize_batch)
    assert (replay.products, replay.rejected) == (0, 4)
    assert (output.read_bytes(), rejects_file(output).read_bytes()) == before


def test_replayed_twice_nothing_counts_twice(output: Path) -> None:
    """If killed between summary and dead letters, the next replay finds duplicates and counts none of them."""
    letters = rejects_file(output).read_bytes()
    replay_rejects(OutputFiles(output), mended)
    after = document(output)
    rejects_file(output).write_bytes(letters)
    replay_rejects(OutputFiles(output), mended)
    assert document(output) == after


def test_a_record_that_is_no_json_is_kept_as_text(tmp_path: Path) -> None:
    """A record that is not valid JSON is kept as text, and rejected again until the user corrects it."""
    broken = {1: reply(200, b'[{"id": 1}, {"id": NaN}, {"id": "caf\xe9"}]')}
    api = FakeApi(pages=0, script={number: [answer] for number, answer in broken.items()})
    output = tmp_path / "s.json"
    trio.run(
        lambda: run_pipeline(config(output, "shop"), connect=lambda endpoint: client(api), dispatch=dispatch_inline)
    )
    letters = list(read_dead_letters(rejects_file(output)))
    assert [letter.text for letter in letters] == ['{"id": NaN}', '{"id": "caf\\xe9"}']
    assert replay_rejects(OutputFiles(output), normalize_batch).rejected == 2


@given(st.binary(min_size=1) | st.recursive(st.none() | st.text(), st.lists).map(msgspec.json.encode))
def test_any_record_is_one_line_and_comes_back(raw: bytes) -> None:
    """The dead letter of any record is one line of JSON, and valid JSON survives the round trip."""
    letter = DeadLetter.of(Page("shop", 1, [msgspec.Raw(raw)]), Reject(1, "$", "why"), NOW)
    line = msgspec.json.encode(letter)
    assert b"\n" not in line
    again = msgspec.json.decode(line, type=DeadLetter)
    assert bytes(again.raw)
    if letter.record is not msgspec.UNSET:
        assert json.loads(bytes(again.raw)) == json.loads(raw)


def test_many_rejects_of_a_page_are_listed_in_part_and_replayed_in_full(tmp_path: Path) -> None:
    """The summary lists the first hundred rejects of a page; the dead letters have all of them."""
    output = tmp_path / "summary.json"
    run(output, {1: [{"id": 0}, *({"ref": n} for n in range(1, 151))]})
    assert len(document(output)["errors"]) == 101
    assert replay_rejects(OutputFiles(output), mended).products == 150
    assert document(output)["errors"] == []
    assert document(output)["sources"][0]["rejected"] == 0


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "rejects.jsonl:1: is not a valid dead letter"),
        ('{"source": "shop"}', "missing required field"),
        ('{"source":"x","page":1,"position":2,"field":"id","reason":"","rejected_at":"","record":1}', "'x'"),
    ],
)
def test_a_file_that_was_mended_badly_is_refused(output: Path, line: str, problem: str) -> None:
    """A line that is not a valid dead letter is reported with its place, and nothing changes."""
    before = output.read_bytes()
    rejects_file(output).write_text(line)
    with pytest.raises(ConfigError, match=problem):
        replay_rejects(OutputFiles(output), mended)
    assert output.read_bytes() == before


def test_there_must_be_a_summary_and_nobody_writing_it(output: Path) -> None:
    """A replay fails if the summary is missing, is not a summary, or is being written by a run."""
    with pytest.raises(ConfigError, match="the summary does not exist"):
        replay_rejects(OutputFiles(output.with_name("other.json")), mended)
    with locked(output.with_suffix(".journal")), pytest.raises(ConfigError, match="another run"):
        replay_rejects(OutputFiles(output), mended)
    output.write_text("{}")
    with pytest.raises(ConfigError, match="not a summary of this version"):
        replay_rejects(OutputFiles(output), mended)


def test_as_a_user_does_it(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that the user corrected in the file becomes a product, and the command reports the result."""
    path = rejects_file(output)
    path.write_text(path.read_text("utf-8").replace('"ref":2', '"id":2'), "utf-8")
    monkeypatch.chdir(output.parent)
    arguments = [
        "replay-rejects",
        "-o",
        str(output),
        "--set",
        "endpoints=[{name: shop, url: 'http://shop.test/?key=${SURELY_NOT_SET}'}]",
    ]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert result.output == f"4 records replayed: 1 new product → {output}, 3 rejected again → {path}\n"
    assert [p["id"] for p in document(output)["products"]] == ["shop:1", "shop:3", "shop:2"]
    assert document(output)["products"][-1]["title"] == PAGES[1][1]["name"]
    path.unlink()
    assert "nothing to replay" in CliRunner().invoke(main, arguments).output
    missing = CliRunner().invoke(main, [*arguments[:2], "none.json", *arguments[3:]])
    assert (missing.exit_code, "the summary does not exist" in missing.stderr) == (2, True)


def test_a_replay_judges_the_new_numbers(tmp_path: Path) -> None:
    """A source whose records were all rejected is failed; after a fix it is complete, with prices and a baseline."""
    output, exported = tmp_path / "s.json", tmp_path / "p.jsonl"
    run(output, {1: [{"ref": 1, "price": 5}, {"ref": 2, "price": 6}]}, "other")
    before, other = document(output)["sources"]
    assert (before["status"], before["priced"], before["baseline_products"]) == ("failed", 0, None)
    replay_rejects(OutputFiles(output, products=exported), mended, lambda _: Expect(min_priced=0))
    after = document(output)
    source, _ = after["sources"]
    assert (after["summary"]["status"], source["status"], source["unmet"]) == ("complete", "complete", [])
    assert (source["priced"], source["baseline_products"], source["records_received"]) == (2, 2, 2)
    assert len(exported.read_text().splitlines()) == 2 + other["products"]


def test_a_replay_of_a_failed_run_is_refused(tmp_path: Path) -> None:
    """The summary of a run without a product stays, with its rejected records, and so does the file of products."""
    output, exported = tmp_path / "s.json", tmp_path / "p.jsonl"
    exported.write_text("those of the night before")
    run(output, {1: [{"ref": 1, "price": 5}]})
    before = {path: path.read_bytes() for path in (output, rejects_file(output), exported)}
    with pytest.raises(ConfigError, match="is the summary of a run that failed; correct the configuration"):
        replay_rejects(OutputFiles(output, products=exported), mended)
    assert {path: path.read_bytes() for path in before} == before


def test_a_replay_compares_the_prices_of_new_duplicates(tmp_path: Path) -> None:
    """A replayed duplicate with another price than the product is conflicting, and counts once if replayed twice."""
    output = tmp_path / "s.json"
    run(output, {1: [{"id": 1, "price": 5}, {"id": 1, "price": 6}, {"ref": 1, "price": 5}, {"ref": 1, "price": 7}]})
    letters = rejects_file(output).read_bytes()
    for _ in range(2):
        rejects_file(output).write_bytes(letters)
        replay_rejects(OutputFiles(output), mended)
    (source,) = document(output)["sources"]
    assert (source["products"], source["duplicates"], source["conflicting"]) == (1, 3, 2)


def test_a_replay_uses_the_expectations_of_the_configuration(output: Path) -> None:
    """The expectations are those of the configuration at the time of the replay."""
    replay_rejects(OutputFiles(output), mended, lambda _: Expect(min_products=50))
    content = document(output)
    assert (content["summary"]["status"], content["sources"][0]["status"]) == ("partial", "partial")
    assert content["sources"][0]["unmet"] == [{"expectation": "min_products", "wanted": 50, "got": 4}]
