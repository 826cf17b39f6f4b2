"""The example that loads the products of one night into PostgreSQL with psql."""

import re
import shutil
import subprocess
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
import trio
from helpers.databases import fetch, new_database
from helpers.running import run_pipeline
from helpers.support import FakeApi, client, config, dispatch_inline, ok

from docs.documents import ROOT
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.fetch.http.client import Client

TRICKY = [
    {"id": 1, "name": 'quoted "comma",\nline', "price": "1234.50", "currency": "EUR", "category": "Ä"},
    {"id": 2, "name": "=formula", "price": "0.1"},
    {"id": 3, "name": None, "price": None},
]


def stand_in(api: FakeApi, _: ResolvedEndpoint) -> Client:
    return client(api)


@pytest.mark.skipif(shutil.which("psql") is None, reason="psql is not installed")
def test_psql_replaces_the_table_by_the_products(server: str, tmp_path: Path) -> None:
    """The statements of LOAD.md can be run each night; numbers are exact, and text is whole."""
    (script,) = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "LOAD.md").read_text(), re.DOTALL)
    (tmp_path / "load.sql").write_text(script)
    url = new_database(server)
    for records in (TRICKY[:1], TRICKY):
        api = FakeApi(pages=0, script={1: [ok(records)]})
        settings = config(tmp_path / "s.json", "shop", products=str(tmp_path / "out" / "products.csv"))
        connect = partial(stand_in, api)
        trio.run(partial(run_pipeline, settings, connect=connect, dispatch=dispatch_inline))
        command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", "load.sql", url]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    rows = fetch(url, "SELECT id, title, price, currency, category FROM catalogue ORDER BY id")
    assert rows == [
        ("shop:1", 'quoted "comma",\nline', Decimal("1234.50"), "EUR", "ä"),
        ("shop:2", "'=formula", Decimal("0.1"), None, "uncategorized"),
        ("shop:3", None, None, None, "uncategorized"),
    ]
