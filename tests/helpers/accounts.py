"""Factories of normalized pages and fetch results."""

import msgspec

from pipeline.model.pages import NormalizedPage, Page
from pipeline.model.summary import FetchResult, Gap
from pipeline.normalize.normalizer import normalize_page


def normalized(source: str, number: int, *records: object) -> NormalizedPage:
    raw = [msgspec.Raw(msgspec.json.encode(record)) for record in records]
    return normalize_page(Page(source, number, raw), "2026-01-01T00:00:00Z")


def a_walk(source: str, fetched: int, *, missing: tuple[int, ...] = (), **changes: object) -> FetchResult:
    gaps = [Gap(missing, "HTTP 404 Not Found")] if missing else []
    walk = FetchResult(source, fetched + 1, 0, fetched, gaps, (), ended=True)
    return msgspec.structs.replace(walk, **changes)
