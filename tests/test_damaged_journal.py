"""Runs that are resumed from a damaged journal, under a virtual clock."""

import json
import os
from pathlib import Path
from random import Random

import pytest
from helpers.running import run_pipeline
from helpers.support import NO_LIMIT, NO_TLS, FakeApi, config, dispatch_inline, forever, ok, records, reply

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.fetch.http.client import Client

pytestmark = pytest.mark.virtual_time

FLIPPED_BITS = int(os.environ.get("FLIPPED_BITS", "200"))  # `just torture` takes 1,000
ZEROED_BLOCKS = int(os.environ.get("ZEROED_BLOCKS", "20"))  # `just torture` takes 100


async def run(output: Path, *, broken: bool = False, resume: bool = False) -> list[dict[str, object]]:
    """Run over two sources, and return the products."""
    rejected = [ok([*records(2), {"name": "no id"}])]
    apis = {
        "a": FakeApi(pages=3, script={3: forever(lambda: reply(404))} if broken else {}),
        "b": FakeApi(pages=3, script={2: rejected}),
    }

    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=apis[endpoint.name])

    chosen = config(output, *apis, rate_limit=NO_LIMIT)
    summary = await run_pipeline(chosen, connect=connect, dispatch=dispatch_inline, rng=Random(7), resume=resume)
    assert summary.summary.status == "partial" if broken else summary.journal is None
    document = json.loads(output.read_bytes())
    assert document["summary"]["total_products"] == len(document["products"])
    assert (output.with_name("s.rejects.jsonl")).read_bytes().count(b"\n") == 1
    return [{**product, "processed_at": None} for product in document["products"]]


@pytest.fixture
async def whole(tmp_path: Path) -> list[dict[str, object]]:
    """The products of an undisturbed run."""
    (tmp_path / "whole").mkdir()
    return await run(tmp_path / "whole" / "s.json")


@pytest.fixture
async def journal(tmp_path: Path) -> bytes:
    """The journal of a run that lacks one page."""
    await run(tmp_path / "s.json", broken=True)
    return (tmp_path / "s.journal" / "pages").read_bytes()


async def resume_from(journal: bytes | bytearray, folder: Path) -> list[dict[str, object]]:
    (folder / "s.journal").mkdir(exist_ok=True)
    (folder / "s.journal" / "pages").write_bytes(journal)
    return await run(folder / "s.json", resume=True)


async def test_a_flipped_bit_is_never_a_wrong_product(
    tmp_path: Path, journal: bytes, whole: list[dict[str, object]]
) -> None:
    """Whichever bit of the journal is flipped, the resumed run has the products of an undisturbed one."""
    rng = Random(14)
    for _ in range(FLIPPED_BITS):
        damaged = bytearray(journal)
        bit = rng.randrange(8 * len(journal))
        damaged[bit // 8] ^= 1 << bit % 8
        assert await resume_from(damaged, tmp_path) == whole, f"bit {bit}"


async def test_a_zeroed_block_is_never_a_wrong_product(
    tmp_path: Path, journal: bytes, whole: list[dict[str, object]]
) -> None:
    """Whichever block of the journal is zeroed, as by a power failure, the products are those of an undisturbed run."""
    rng = Random(14)
    for _ in range(ZEROED_BLOCKS):
        size = rng.choice([1, 16, 64, 512, 4096])
        start = rng.randrange(len(journal))
        block = journal[start : start + size]
        damaged = journal[:start] + bytes(len(block)) + journal[start + len(block) :]
        assert await resume_from(damaged, tmp_path) == whole, f"{size} bytes from {start}"
