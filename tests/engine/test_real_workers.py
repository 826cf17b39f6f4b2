"""Every preset's shop on real workers: pages, cursors, links, POST, GraphQL and access tokens."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import trio
from helpers.discovering import ENVIRONMENT

import pipeline
from mockapi.faults import Fault
from mockapi.personas import POSTED
from mockapi.personas import path as path_of
from mockapi.serve import serving
from mockapi.settings import Settings
from mockapi.shops import SHOPS
from pipeline.config.presets import preset_names

# `ENGINES=processes:1,dask:local:8` tries others.
ENGINES = os.environ.get("ENGINES", "processes:4,dask:local:2").split(",")
NAMES = sorted(set(preset_names()) & {**SHOPS, **POSTED}.keys())
# The token URL of the preset is not on this machine.
OTHER = {"commercetools": {"auth": {"bearer": "${SALEOR_TOKEN}"}}}
FAULTS = [Fault(name, 2, 2, "status", 503, times=1) for name in NAMES]


def catalogue(output: Path) -> tuple[list[Any], dict[str, Any]]:
    document = json.loads(output.read_bytes())
    products = [{**product, "processed_at": None} for product in document["products"]]
    return products, {source["name"]: (source["status"], source["pages_fetched"]) for source in document["sources"]}


@pytest.mark.parametrize("engine", ENGINES)
async def test_every_preset_reads_the_same_on_workers(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a failure at each shop, the products are those of one process.

    Workers take credentials from their own environment.
    """
    for name, value in {**ENVIRONMENT, "SALEOR_TOKEN": "mock-token"}.items():
        monkeypatch.setenv(name, value)
    settings = Settings(personas=tuple(NAMES), ports=(0,) * len(NAMES), pages=4, per_page=11, faults=FAULTS)
    catalogues = []
    for chosen in (None, engine):
        output = tmp_path / f"{chosen or 'alone'}.json".replace(":", "-")
        async with serving(settings) as urls:
            endpoints = [
                {"name": name, "preset": name, "url": urls[name] + path_of(name), **OTHER.get(name, {})}
                for name in NAMES
            ]
            raw = {"output": str(output), "endpoints": endpoints, "engine": chosen, "retry": {"base_delay": 0.05}}
            with trio.fail_after(60):
                await pipeline.run(pipeline.load_config(raw))
        catalogues.append(catalogue(output))
    assert catalogues[0] == catalogues[1]
    assert {name: status for name, (status, _) in catalogues[0][1].items()} == dict.fromkeys(NAMES, "complete")
