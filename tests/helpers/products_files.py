"""Readers of the products files, and catalogues to write."""

import csv
import io
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
from hypothesis import strategies as st

from pipeline.config.settings import PRODUCT_FORMATS
from pipeline.config.source import Fields
from pipeline.journal.journal import Journal
from pipeline.model.pages import Page
from pipeline.model.summary import FetchResult
from pipeline.normalize.normalizer import normalize_page, reader_for
from pipeline.output.aggregator import Aggregator, Catalogue

FORMATS = tuple(PRODUCT_FORMATS)
EXTRA = ("note", "stock")

# Awkward in some format: signs that begin formulas, quotes, line ends of all kinds, NUL.
texts = st.text() | st.text(st.sampled_from("=+-@＝＋－＠'\",; \t\r\n\0\u00a0\u2028aé灯"), max_size=8)
numbers = st.from_regex(r"(0|[1-9][0-9]{0,18})(\.[0-9]{1,35})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
anything = st.recursive(st.none() | st.booleans() | st.integers() | texts, st.lists, max_leaves=3)
pages = st.lists(st.lists(st.tuples(texts, numbers, anything), max_size=4), max_size=3)


def encoded(place: str, title: str, price: str, note: object) -> msgspec.Raw:
    """Return a record whose price is exactly this text."""
    texts = {"id": place + title, "title": title, "currency": "EUR", "category": title}
    rest = msgspec.json.encode({**texts, "note": note})
    return msgspec.Raw(b'{"price":%s,"stock":-%s,' % (price.encode(), price.encode()) + rest[1:])


def catalogue_of(pages: Sequence[Sequence[tuple[str, str, object]]]) -> tuple[Catalogue, list[bytes]]:
    """Return the catalogue of a run over these pages of records, and its products as JSON Lines."""
    fields = reader_for(Fields(extra={name: name for name in EXTRA}))
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder) / "j", {}, resume=False) as journal:
        aggregator = Aggregator(journal)
        for number, page in enumerate(pages, 1):
            raw = [encoded(f"{number}-{position} ", *record) for position, record in enumerate(page)]
            aggregator.add(normalize_page(Page("shop", number, raw), "2026-01-01T00:00:00Z", fields))
        catalogue = aggregator.finish([FetchResult("shop", len(pages), 0, len(pages), (), (), ended=True)])
        products = list(catalogue.products())
        # The journal is gone after this; the products stay in memory.
        return msgspec.structs.replace(catalogue, products=lambda: products), products


def a_catalogue(*products: bytes) -> Catalogue:
    """A catalogue with these chunks of products and nothing else."""
    return Catalogue([], [], {}, products=lambda: products, dead_letters=lambda: ())


def of_lines(lines: bytes) -> list[dict[str, Any]]:
    """Return products in JSON Lines with exact numbers."""
    return [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in lines.split(b"\n") if line]


def of_csv(content: bytes) -> list[dict[str, str]]:
    """Return the rows of a CSV file by its header."""
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def of_parquet(content: bytes) -> list[dict[str, Any]]:
    """Return the rows of a Parquet file."""
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(content)).to_pylist()
    return rows


# The reader of each of FORMATS; a new format needs one.
READERS: Mapping[str, Callable[[bytes], Sequence[Mapping[str, Any]]]] = {
    "jsonl": of_lines,
    "csv": of_csv,
    "parquet": of_parquet,
}


def ids(path: Path) -> list[str]:
    """Return the ids in a file of any format."""
    return [product["id"] for product in READERS[path.suffix[1:]](path.read_bytes())]
