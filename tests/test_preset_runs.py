"""Every preset against its API over real sockets: with the preset alone, all of it comes, exactly as it is."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mockapi.serve import serving
from mockapi.settings import Settings
from mockapi.shops import SHOPS
from mockapi.truth import Truth
from pipeline.config.load import load_config
from pipeline.config.presets import preset_names
from pipeline.config.settings import Config
from pipeline.model.summary import Summary
from pipeline.runner import run

ENVIRONMENT = {
    "SHOPIFY_ACCESS_TOKEN": "mock-token",
    "BIGCOMMERCE_ACCESS_TOKEN": "mock-token",
    "MAGENTO_ACCESS_TOKEN": "mock-token",
    "STRIPE_SECRET_KEY": "mock-token",
    "WOOCOMMERCE_CONSUMER_KEY": "ck_mock",
    "WOOCOMMERCE_CONSUMER_SECRET": "cs_mock",
    "EBAY_CLIENT_ID": "mock-client",
    "EBAY_CLIENT_SECRET": "mock-secret",
}


def config(tmp_path: Path, **endpoint: Any) -> Config:
    file = tmp_path / "config.yaml"
    document = {"output": str(tmp_path / "summary.json"), "endpoints": [{"name": "shop", **endpoint}]}
    file.write_text(json.dumps(document))
    return load_config(file, environ=ENVIRONMENT)


async def run_on(name: str, tmp_path: Path, settings: Settings, **keys: Any) -> Summary:
    async with serving(settings) as urls:
        endpoint = {"url": urls[name] + SHOPS[name].path, **keys}
        return await run(config(tmp_path, **endpoint), environ=ENVIRONMENT)


def products(tmp_path: Path) -> list[Truth]:
    document = json.loads((tmp_path / "summary.json").read_text(), parse_float=str, parse_int=str)
    return [
        Truth(
            id=product["id"].removeprefix("shop:"),
            title=product["title"],
            price=product["price"],
            currency=product["currency"],
            category=product["category"],
        )
        for product in document["products"]
    ]


def assert_same(found: list[Truth], expected: list[Truth]) -> None:
    """The same products in the same order, their prices equal as numbers."""
    assert [product.id for product in found] == [product.id for product in expected]
    for one, other in zip(found, expected, strict=True):
        assert (one.price is None) == (other.price is None), other
        assert one.price is None or Decimal(one.price) == Decimal(other.price or 0), other
        assert (one.title, one.currency, one.category) == (other.title, other.currency, other.category)


@pytest.mark.parametrize("name", preset_names())
async def test_a_preset_alone_reads_its_api_completely(name: str, tmp_path: Path) -> None:
    """Ids, titles, exact prices, currencies and categories, with the limits that the API has."""
    settings = Settings(personas=(name,), ports=(0,), pages=4, per_page=11)
    summary = await run_on(name, tmp_path, settings, preset=name)
    assert summary.summary.status == "complete"
    (source,) = summary.sources
    assert (source.rejected, source.duplicates, source.errors) == (0, 0, 0)
    assert summary.errors == []
    assert_same(products(tmp_path), SHOPS[name].truth(settings.seed, settings.records))
