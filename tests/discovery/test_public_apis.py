"""`init` on product APIs in the shape of public ones, each from its URL alone, and a run of its draft."""

import json
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from discovery.public_apis import PUBLIC_APIS
from discovery.public_apis.serving import PublicApi, PublicApiTransport
from helpers.running import run_pipeline
from helpers.support import NO_TLS

from mockapi.truth import Truth
from pipeline.config.load import load_config
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.discovery.init import draft_config
from pipeline.fetch.http.client import Client

pytestmark = pytest.mark.virtual_time

# APIs whose drafts are not all right; the reason is in the draft or in the summary of the run.
REPORTED = {
    "kroger": "the parameter `filter.start` is not in the response",
    "paddle": "amounts in cents, without a price in another form",
    "sylius": "amounts in cents, without a price in another form",
    "webflow": "amounts in cents, without a price in another form",
}


class Outcome(msgspec.Struct, frozen=True):
    """The differences from the truth, the status of the run, and the doubts of the draft."""

    wrong: dict[str, str]
    status: str
    doubts: str
    text: str

    @property
    def is_right(self) -> bool:
        return not self.wrong and self.status == "complete"

    @property
    def is_reported(self) -> bool:
        """True if each difference is named by a doubt, or its value is null, or the run is not complete."""
        missing = "records" in self.wrong and self.status == "complete" and "paging" not in self.doubts
        silent = [
            field
            for field, found in self.wrong.items()
            if field != "records" and found != "None" and f"`{field}`" not in self.doubts
        ]
        return not missing and not silent


async def outcome_of(api: PublicApi, folder: Path) -> Outcome:
    def connect(endpoint: ResolvedEndpoint) -> Client:
        query = {"headers": endpoint.headers, "request": endpoint.request, "ssl_context": NO_TLS}
        return Client(endpoint.url, endpoint.http, transport=PublicApiTransport(api), **query)

    config = folder / "shops.yaml"
    drafted = await draft_config([api.url], {}, config, connect=connect)
    config.write_text(drafted.text)
    loaded = load_config(config, flags={"output": str(folder / "summary.json")}, environ={})
    summary = await run_pipeline(loaded, connect=connect)
    document = json.loads((folder / "summary.json").read_text(), parse_float=str, parse_int=str)
    name = drafted.drafts[0].name
    found = {product["id"].removeprefix(f"{name}:"): product for product in document["products"]}
    wrong: dict[str, str] = {}
    truth = {product.id: product for product in api.truth}
    if found.keys() != truth.keys():
        wrong["records" if found.keys() <= truth.keys() else "id"] = f"{len(found)} of {len(truth)}"
    for identity, product in found.items():
        if identity in truth:
            wrong |= differences(product, truth[identity])
    return Outcome(wrong, summary.summary.status, "; ".join(drafted.drafts[0].doubts), drafted.text)


def differences(product: dict[str, str | None], expected: Truth) -> dict[str, str]:
    wrong = {}
    for field in ("title", "price", "currency", "category"):
        value, wanted = product[field], getattr(expected, field)
        if field == "price" and value is not None and wanted is not None:
            value, wanted = Decimal(value), Decimal(wanted)
        if value != wanted:
            wrong[field] = str(value)
    return wrong


async def test_most_apis_are_described_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the URL alone all products are right; an API that needs a hand is listed, and its draft or run says so."""
    outcomes = {}
    for name, api in PUBLIC_APIS.items():
        (tmp_path / name).mkdir()
        outcomes[name] = await outcome_of(api, tmp_path / name)
    right = {name for name, outcome in outcomes.items() if outcome.is_right}
    with capsys.disabled():
        sys.stdout.write(f"\ninit describes {len(right)} of {len(PUBLIC_APIS)} public APIs right from the URL alone\n")
    wrong = {name: outcome for name, outcome in outcomes.items() if name not in right}
    assert wrong.keys() == REPORTED.keys(), wrong
    assert [name for name in REPORTED if not outcomes[name].is_reported] == []
