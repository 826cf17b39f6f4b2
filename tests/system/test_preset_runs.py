"""Every preset against its API over real sockets: the preset alone reads the catalogue completely and exactly."""

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.discovering import ENVIRONMENT, assert_same, products

from mockapi.serve import serving
from mockapi.settings import Settings
from mockapi.shops import SHOPS
from pipeline.config.load import load_config
from pipeline.config.presets import preset_names
from pipeline.config.settings import Config
from pipeline.model.summary import Summary
from pipeline.runner import run


def config(tmp_path: Path, **endpoint: Any) -> Config:
    file = tmp_path / "config.yaml"
    document = {"output": str(tmp_path / "summary.json"), "endpoints": [{"name": "shop", **endpoint}]}
    file.write_text(json.dumps(document))
    return load_config(file, environ=ENVIRONMENT)


async def run_on(name: str, tmp_path: Path, settings: Settings, **keys: Any) -> Summary:
    async with serving(settings) as urls:
        endpoint = {"url": urls[name] + SHOPS[name].path, **keys}
        return await run(config(tmp_path, **endpoint), environ=ENVIRONMENT)


# The presets of GraphQL and of feeds are tested with their faults, in test_posted_and_feeds.py.
@pytest.mark.parametrize("name", sorted(set(preset_names()) & SHOPS.keys()))
async def test_a_preset_alone_reads_its_api_completely(name: str, tmp_path: Path) -> None:
    """Ids, titles, exact prices, currencies and categories are read under the API's own limits."""
    settings = Settings(personas=(name,), ports=(0,), pages=4, per_page=11)
    summary = await run_on(name, tmp_path, settings, preset=name)
    assert summary.summary.status == "complete"
    (source,) = summary.sources
    assert (source.rejected, source.duplicates, source.errors) == (0, 0, 0)
    assert summary.errors == []
    assert_same(products(tmp_path), SHOPS[name].truth(settings.seed, settings.records))
