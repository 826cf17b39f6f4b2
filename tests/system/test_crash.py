"""Runs killed at random instants and resumed: nothing is lost, and no page is fetched twice."""

import json
import os
import random
from collections.abc import Mapping
from pathlib import Path

import trio
from helpers.processes import products, run_whole, start

from mockapi.probe import fetch_stats
from mockapi.serve import serving
from mockapi.settings import Settings
from pipeline.journal.journal import Journal

# Number of kills; CI uses fewer on all but its first Python.
INSTANTS = int(os.environ.get("CRASH_INSTANTS", "50"))
AT_ONCE = 4
MOCKS = Settings(ports=(0, 0, 0), pages=10, latency=0.04)


async def kill_and_resume(urls: Mapping[str, str], folder: Path, delay: float, undisturbed: list[bytes]) -> str:
    """Kill a run ``delay`` seconds after its first request and resume it; return the state in which it was killed."""
    output = folder / "summary.json"
    process = await start(urls, output)
    await trio.sleep(delay)
    process.kill()
    await process.wait()

    if output.exists():
        assert products(output) == undisturbed
    if process.returncode == 0:
        return "finished"
    journal_folder = folder / "summary.journal"
    have = {}
    if journal_folder.exists():
        with (journal_folder / "pages").open("rb") as file:
            before = file.read()
        digests = json.loads(before.partition(b"\n")[0][9:] or b'{"endpoints": {}}')["endpoints"]
        with Journal.open(journal_folder, digests, resume=True) as journal:
            have = {name: journal.progress(name) for name in urls}
    seen = {name: (await fetch_stats(url)).requests for name, url in urls.items()}
    assert await run_whole(urls, output, "--resume") == undisturbed
    assert [path.name for path in folder.iterdir()] == ["summary.json"]
    for name, url in urls.items():
        asked = {request.page for request in (await fetch_stats(url)).log[seen[name] :]}
        if name in have:
            again = asked & have[name].have
            is_begun_anew = have[name].profile is None  # the style was not certain yet
            assert again <= ({1} if is_begun_anew else set()), f"{name}: pages of the journal were requested again"
    return "with pages" if any(progress.have for progress in have.values()) else "without pages"


async def test_killed_at_any_instant_and_resumed_nothing_is_lost(tmp_path: Path) -> None:
    """After SIGKILL at any instant, the resumed run ends with the same products and requests no page twice.

    Only page 1 is requested again if the style was not certain yet.
    """
    rng = random.Random(2026)
    delays = iter([rng.uniform(0, 0.6) for _ in range(INSTANTS)])
    states: list[str] = []

    async def worker(number: int, undisturbed: list[bytes]) -> None:
        async with serving(MOCKS) as urls:
            for index, delay in enumerate(delays):
                folder = tmp_path / f"{number}-{index}"
                folder.mkdir()
                states.append(await kill_and_resume(urls, folder, delay, undisturbed))

    async with serving(MOCKS) as urls:
        undisturbed = await run_whole(urls, tmp_path / "undisturbed.json")
    assert len(undisturbed) == 3 * 10 * 20
    async with trio.open_nursery() as nursery:
        for number in range(AT_ONCE):
            nursery.start_soon(worker, number, undisturbed)
    assert len(states) == INSTANTS
    assert states.count("with pages") > INSTANTS // 5, states
