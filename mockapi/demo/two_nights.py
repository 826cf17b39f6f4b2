"""Two nights of a shop whose catalogue moves: the changes that the pipeline finds, and those of the seed."""

import json
import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import trio

from mockapi.catalog import page_of, pages_of
from mockapi.command import run_command
from mockapi.demo.evidence import Evidence
from mockapi.serve import serving
from mockapi.settings import Settings

NAME = "nights"
TITLE = "Two nights, and what changed"
_PERSONA, _NIGHTS = "api3", (4, 5)
_SETTINGS = Settings(personas=[_PERSONA], ports=[0])

OUTPUT, CHANGES, STORE = Path("out/nights.json"), Path("out/nights.changes.jsonl"), Path("out/nights.db")


class Counts(msgspec.Struct, frozen=True):
    """The numbers of products that came, went, and have another price, and of the prices of both nights."""

    added: int
    removed: int
    changed: int
    prices: int


def moved() -> Counts:
    """Return the counts of the seed."""
    before, after = (_prices(night) for night in _NIGHTS)
    changed = sum(before[identity] != after[identity] for identity in before.keys() & after.keys())
    added = len(after.keys() - before.keys())
    return Counts(added, len(before.keys() - after.keys()), changed, len(before) + added + changed)


def found() -> Counts | None:
    """Return the counts in the files that the pipeline has written, None if there are none."""
    if not (CHANGES.exists() and STORE.exists()):
        return None
    source = json.loads(CHANGES.read_bytes().partition(b"\n")[0])
    with closing(sqlite3.connect(STORE)) as connection:
        (prices,) = connection.execute("SELECT count(*) FROM prices").fetchone()
    return Counts(source["added"], source["removed"], source["changed"], prices)


def gather(wanted: Counts, seen: Counts | None) -> Iterator[Evidence]:
    """Yield the evidence: the changes and the history are those of the seed."""
    text = "nothing was written"
    if seen:
        text = f"{seen.added} added, {seen.removed} removed, {seen.changed} with another price"
    expected = f"the seed has {wanted.added} new products, {wanted.removed} that left, {wanted.changed} new prices"
    same = seen is not None and msgspec.structs.replace(seen, prices=0) == msgspec.structs.replace(wanted, prices=0)
    yield Evidence(NAME, expected, text, same)
    rows = seen.prices if seen else 0
    yield Evidence(NAME, "the store has each price of both nights once", f"{rows} prices", rows == wanted.prices)


# The seconds between the nights: the times of the store are whole seconds.
_DAY = 1.0


async def play(environment: Mapping[str, str]) -> Sequence[str]:
    """Run the pipeline in both nights, and return what it prints in the second one.

    If cancelled, the pipeline is killed and the mock is closed.
    """
    for leftover in (OUTPUT, CHANGES, *STORE.parent.glob(f"{STORE.name}*")):
        leftover.unlink(missing_ok=True)
    lines: list[str] = []
    port = 0
    for night in _NIGHTS:
        if night != _NIGHTS[0]:
            await trio.sleep(_DAY)
        async with serving(msgspec.structs.replace(_SETTINGS, ports=[port], night=night)) as urls:
            lines.clear()
            url = urls[_PERSONA]
            # The port stays, since another URL is another definition, with which nothing is compared.
            port = int(url.rpartition(":")[2])
            await run_command(_command(url), environment, on_output=lines.append, on_error=lambda line: None)
    return lines


def _command(url: str) -> list[str]:
    endpoints = json.dumps([{"name": NAME, "url": f"{url}/products", "rate_limit": {"rps": 0}}])
    options = [f"--set=endpoints={endpoints}", f"--output={OUTPUT}", "--changes", f"--store=sqlite:///{STORE}"]
    return [sys.executable, "-m", "pipeline", "--config", os.devnull, "--no-progress", *options]


def _prices(night: int) -> Mapping[int, str]:
    setup = _SETTINGS
    size = {"pages": setup.pages, "per_page": setup.per_page, "night": night}
    pages = range(1, pages_of(_PERSONA, setup.seed, **size) + 1)
    records = (record for page in pages for record in page_of(_PERSONA, setup.seed, page, **size))
    return {record["item_id"]: record["price"]["amount"] for record in records}
