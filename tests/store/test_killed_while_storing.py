"""Processes that are killed while they store a run: a reader finds the last run or this one, and nothing between."""

import os
import random
import subprocess
import sys
from collections.abc import Sequence

import trio
from helpers.databases import copy_of, fetch_at_once
from helpers.processes import ENVIRONMENT
from store.nights import Night, Offer, write

# Number of kills in each database; `just torture` takes 100.
INSTANTS = int(os.environ.get("STORE_KILLS", "8"))
AT_ONCE = 2
PRODUCTS = 15_000

OLD = Night({"shop": {str(number): Offer() for number in range(PRODUCTS)}}, 0)
# Some prices change, some products are gone, and some are new.
NEW = Night(
    {"shop": {str(number): Offer(price="1.00" if number % 9 == 0 else "9.90") for number in range(50, PRODUCTS + 50)}},
    1,
)

PROGRAM = """
import os, sys
from store.test_killed_while_storing import NEW, write
os.write(1, b"begins")
write(sys.argv[1], NEW)
"""


def state(url: str) -> Sequence[object]:
    """Return all that a reader can see of the history, in numbers."""
    return fetch_at_once(
        url,
        "SELECT run, products FROM runs ORDER BY run",
        "SELECT removed_at, first_seen, last_seen, count(*) FROM products GROUP BY 1, 2, 3 ORDER BY 2, 3",
        "SELECT run, price, count(*) FROM prices GROUP BY 1, 2 ORDER BY 1, 2",
        "SELECT run, source FROM sources ORDER BY run",
    )


async def store_in_process(url: str, *, kill_after: float = 60) -> float:
    """Store the new run in a process, kill it that many seconds after its begin, and return the time that it took."""
    process = await trio.lowlevel.open_process(
        [sys.executable, "-c", PROGRAM, url],
        stdout=subprocess.PIPE,
        env={**ENVIRONMENT, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    async with process.stdout:
        assert await process.stdout.receive_some() == b"begins"
        started = trio.current_time()
        with trio.move_on_after(kill_after):
            await process.wait()
        process.kill()
        await process.wait()
    return trio.current_time() - started


async def test_killed_at_any_instant_the_store_has_the_last_run_or_this_one(url: str) -> None:
    """After SIGKILL at random instants the store is old or new; when the run is stored again, it is new."""
    write(url, OLD)
    old = state(url)
    undisturbed = copy_of(url)
    seconds = await store_in_process(undisturbed)
    new = state(undisturbed)
    assert new != old
    rng = random.Random(2026)
    delays = iter([rng.uniform(0, 1.1 * seconds) for _ in range(INSTANTS)])
    found: list[bool] = []

    async def worker() -> None:
        for delay in delays:
            copy = copy_of(url)
            await store_in_process(copy, kill_after=delay)
            after = state(copy)
            assert after in (old, new)
            found.append(after == new)
            write(copy, NEW)
            assert state(copy) == new

    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE):
            nursery.start_soon(worker)
    assert len(found) == INSTANTS
    assert found.count(False) >= INSTANTS // 8
