"""Runs that fetch some endpoints, and take the others over from the present summary."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
import trio
from helpers.running import run_pipeline
from helpers.support import FakeApi, client, config, dispatch_inline, ok, reply

import pipeline
from pipeline.config.settings import Config
from pipeline.config.store import resolve_store
from pipeline.errors import ConfigError
from pipeline.normalize.normalizer import normalize_batch
from pipeline.output.files import OutputFiles
from pipeline.output.replay import replay_rejects
from pipeline.store.opening import open_store
from pipeline.ui.table import closing_table

REJECT = {"name": "no id"}


def page(*ids: int, price: str = "1.00") -> list[Any]:
    return [ok([{"id": each, "name": f"N{each}", "price": price, "category": "c"} for each in ids])]


def run(settings: Config, apis: Mapping[str, FakeApi], **options: Any) -> pipeline.Summary:
    start = partial(
        run_pipeline,
        settings,
        connect=lambda endpoint: client(apis[endpoint.name]),
        dispatch=dispatch_inline,
        **options,
    )
    return trio.run(start)


def document(output: Path) -> Any:
    return json.loads(output.read_bytes())


def ids(output: Path) -> list[tuple[str, str]]:
    return [(product["id"], str(product["price"])) for product in document(output)["products"]]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Return the summary of a run of three shops: the second lacks a page, the third has a reject."""
    output = tmp_path / "s.json"
    apis = {
        "one": FakeApi(pages=0, script={1: page(1, 2)}),
        "two": FakeApi(pages=0, script={1: page(3), 2: [reply(404)] * 2, 3: page(4)}),
        "three": FakeApi(pages=0, script={1: [ok([{"id": 5, "price": 5}, REJECT])]}),
    }
    summary = run(config(output, *apis), apis)
    assert [(source.products, source.status) for source in summary.sources] == [
        (2, "complete"),
        (2, "partial"),
        (1, "complete"),
    ]
    (output.with_suffix(".journal") / "pages").unlink()  # the unfinished run is given up
    return output


def test_the_others_are_as_in_the_summary_before(output: Path) -> None:
    """Products, account, errors and rejects of the others are kept to the byte, and no request is sent to them."""
    before = document(output)
    letters = output.with_name("s.rejects.jsonl").read_bytes()
    apis = {"one": FakeApi(pages=0, script={1: page(1, 6, price="9.00")}), "two": FakeApi(), "three": FakeApi()}
    summary = run(config(output, *apis), apis, only=["one"])
    assert not apis["two"].asked + apis["three"].asked
    after = document(output)
    assert ids(output) == [
        ("one:1", "9.0"),
        ("one:6", "9.0"),
        *((product["id"], str(product["price"])) for product in before["products"][2:]),
    ]
    assert after["products"][2:] == before["products"][2:]
    assert after["sources"][1:] == [{**source, "taken_over": True} for source in before["sources"][1:]]
    assert after["errors"] == before["errors"]
    assert output.with_name("s.rejects.jsonl").read_bytes() == letters
    assert summary.summary.status == "partial"
    assert summary.summary.categories["c"] == 4
    assert "\ntaken over from the summary before: two, three\n" in closing_table(summary)


def test_the_next_run_takes_over_what_was_taken_over(output: Path) -> None:
    """The mark is about one run: a source that was taken over and is fetched again has none."""
    apis = {name: FakeApi(pages=1) for name in ("one", "two", "three")}
    run(config(output, *apis), apis, only=["one"])
    run(config(output, *apis), apis, only=["two"])
    assert [source["taken_over"] for source in document(output)["sources"]] == [True, False, True]
    run(config(output, *apis), apis, only=["one", "two", "three"])
    assert [source["taken_over"] for source in document(output)["sources"]] == [False] * 3


def test_a_resumed_run_fetches_the_same_endpoints(output: Path) -> None:
    """A partial run of one endpoint is resumed for that endpoint, and the others are taken over again."""
    apis = {
        "one": FakeApi(pages=0, script={1: page(1), 2: [reply(404)] * 2, 3: page(7)}),
        "two": FakeApi(),
        "three": FakeApi(),
    }
    partial_run = run(config(output, *apis), apis, only=["one"])
    assert partial_run.journal
    apis["one"] = FakeApi(pages=0, script={2: page(6)})
    summary = run(config(output, *apis), apis, resume=True)
    assert [number for _, number in apis["one"].asked] == [2]
    assert not apis["two"].asked + apis["three"].asked
    assert [each for each, _ in ids(output)] == ["one:1", "one:6", "one:7", "two:3", "two:4", "three:5"]
    assert summary.journal is None


def test_an_unfinished_run_must_be_ended_first(output: Path) -> None:
    """Its journal has pages of all endpoints, so a run of one of them is refused, and the journal stays."""
    apis = {"one": FakeApi(pages=0, script={1: page(1), 2: [reply(404)] * 2, 3: page(7)})}
    run(config(output, *apis), apis)
    journal = output.with_suffix(".journal") / "pages"
    pages = journal.read_bytes()
    for resume in (False, True):
        with pytest.raises(ConfigError, match=r"an unfinished run is in .*; end it with --resume"):
            run(config(output, "one", "two"), apis, only=["one"], resume=resume)
    assert journal.read_bytes() == pages


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: None, "is not a summary from which the other endpoints can be taken over \\(No such file"),
        (lambda text: "{}", "is not a summary from which"),
        (lambda text: text.replace('"status":"partial"', '"status":"failed"', 1), "of a run that failed"),
        (lambda text: text.replace('{"id":"two:3"', '{"id":"one:3"', 1), "do not have all records of two"),
        (lambda text: text.replace('"two', '"former'), "does not have two, so it cannot be taken over; add --only two"),
    ],
    ids=["missing", "other", "failed", "changed", "renamed"],
)
def test_what_cannot_be_taken_over_is_refused(output: Path, damage: Any, message: str) -> None:
    """Nothing is fetched and no file is changed if the present summary does not have all of the others."""
    text = damage(output.read_text())
    output.unlink() if text is None else output.write_text(text)
    before = {path: path.read_bytes() for path in output.parent.iterdir() if path.is_file()}
    apis = {name: FakeApi(pages=1) for name in ("one", "two", "three")}
    with pytest.raises(ConfigError, match=message):
        run(config(output, *apis), apis, only=["one"])
    assert not any(api.asked for api in apis.values())
    assert {path: path.read_bytes() for path in output.parent.iterdir() if path.is_file()} == before


def test_a_name_that_is_not_an_endpoint_is_an_error(output: Path) -> None:
    """The error lists the names that there are."""
    with pytest.raises(ConfigError, match="--only: 'four' is not an endpoint; there are: one, two"):
        run(config(output, "one", "two"), {}, only=["four"])


def test_the_store_has_what_was_fetched(output: Path, tmp_path: Path) -> None:
    """Products that were taken over were not seen again: their times in the store stay."""
    database = f"sqlite:///{tmp_path / 'history.db'}"
    place = resolve_store(database)
    assert place
    apis = {name: FakeApi(pages=1) for name in ("one", "two")}
    run(config(output, *apis), apis, store=open_store(place))
    engine = sqlalchemy.create_engine(database)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE products SET last_seen = '2000-01-01 00:00:00.000000'"))
    summary = run(config(output, *apis), apis, only=["one"], store=open_store(place))
    with engine.connect() as connection:
        seen = {row.source: str(row.last_seen) for row in connection.execute(sqlalchemy.text("SELECT * FROM products"))}
    engine.dispose()
    assert summary.stored
    assert summary.stored.products == summary.sources[0].products
    assert seen["two"].startswith("2000") > seen["one"].startswith("2000")


def test_a_replay_works_after_a_run_of_one_endpoint(output: Path) -> None:
    """The rejected records of a source that was taken over can still be replayed."""
    apis = {name: FakeApi(pages=1) for name in ("one", "two", "three")}
    run(config(output, *apis), apis, only=["one"])
    replay = replay_rejects(OutputFiles(output), normalize_batch)
    assert (replay.letters, replay.rejected) == (1, 1)
