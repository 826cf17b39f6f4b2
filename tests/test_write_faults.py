"""Runs in which each operation on the disk fails, or at each of which the process is killed."""

import json
import os
from pathlib import Path
from random import Random

import pytest
from helpers.disk import FAULTS, Disk, KilledError, killed
from helpers.running import run_pipeline
from helpers.support import NO_LIMIT, NO_TLS, FakeApi, config, dispatch_inline, ok, records

import pipeline
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.fetch.http.client import Client

pytestmark = pytest.mark.virtual_time

Document = dict[str, object]

STEP = int(os.environ.get("FAULT_STEP", "3"))  # every third operation, others for each fault; `just torture` takes all


async def run(output: Path, *, resume: bool = False, pages: int = 3) -> None:
    """Run over two sources, one with a rejected record, into a summary and a file of products."""
    rejected = [ok([*records(2), {"name": "no id"}])]
    apis = {"a": FakeApi(pages=pages), "b": FakeApi(pages=pages, script={2: rejected})}

    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=apis[endpoint.name])

    chosen = config(output, *apis, rate_limit=NO_LIMIT, products=str(output.with_suffix(".jsonl")))
    await run_pipeline(chosen, connect=connect, dispatch=dispatch_inline, rng=Random(7), resume=resume)


def products(output: Path) -> list[Document]:
    """The products of the summary, which must be whole."""
    return [{**product, "processed_at": None} for product in json.loads(output.read_bytes())["products"]]


async def fails(output: Path, *, resume: bool = False) -> bool:
    """Run, and return True if it was killed or ended with an error of this program; other errors are raised."""
    failed = False
    try:
        await run(output, resume=resume)
    except* (KilledError, pipeline.PipelineError):
        failed = True
    return failed


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("resumed", [False, True])
async def test_whichever_operation_fails_nothing_is_lost(
    fault: str, resumed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old summary or the new one is there, whole, and --resume ends with the products of an undisturbed run.

    With ``resumed`` the run in which the operation fails continues another one, which was killed.
    """
    (tmp_path / "whole").mkdir()
    await run(tmp_path / "whole" / "s.json")
    new = products(tmp_path / "whole" / "s.json")
    at = list(FAULTS).index(fault) % STEP + 1 - STEP
    while True:
        at += STEP
        folder = tmp_path / str(at)
        folder.mkdir()
        output = folder / "s.json"
        await run(output, pages=1)
        old = products(output)
        assert old != new
        disk = Disk(folder, monkeypatch)
        if resumed:
            (folder / ".s.json.0123.tmp").touch()  # of a run that was killed earlier
            with disk.failing(7, killed):
                assert await fails(output)
        with disk.failing(at, FAULTS[fault]):
            failed = await fails(output, resume=resumed)
        if at > len(disk.operations):
            break
        operation = disk.operations[at - 1]
        assert products(output) in ((old, new) if failed else (new,)), operation
        lines = output.with_suffix(".jsonl").read_bytes().splitlines()
        assert len(lines) in (len(old), len(new)), operation
        await run(output, resume=True)
        assert products(output) == new, operation
        assert len(output.with_suffix(".jsonl").read_bytes().splitlines()) == len(new), operation
        assert {path.name for path in folder.iterdir()} <= {
            "s.json", "s.jsonl", "s.rejects.jsonl", "s.journal.old"
        }, operation  # fmt: skip
    assert not failed
    assert at > 20
