"""Data for reports: facts for every section, and a run against APIs with all kinds of faults."""

from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
import trio

import pipeline
from helpers.running import run_pipeline
from helpers.support import NO_TLS, FakeApi, config, dispatch_inline, forever, ok, records, reply
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Config
from pipeline.fetch.http.client import Client
from pipeline.html_report.facts import Coverage, Example, Facts, Failures, Rejects, Source
from pipeline.html_report.histogram import Histogram
from pipeline.html_report.origin import Origin
from pipeline.html_report.render import report_page
from pipeline.html_report.transfer import decode_facts, encode_facts
from pipeline.model.changes import Changes, Move, PriceMoves, SourceChanges
from pipeline.model.metrics import Outcome, Slot, SourceTime, Traffic
from pipeline.model.pages import Product
from pipeline.model.summary import Conflict, Failure, Gap, SourceReport, Totals
from pipeline.model.tally import PriceRange

SCRIPT = "<script>alert('boo')</script>"


def a_source(name: str = "shop", **changes: Any) -> SourceReport:
    """Return the report of a complete source with ``changes``."""
    source = SourceReport(
        name=name,
        status="complete",
        items_fetched=20,
        products=20,
        duplicates=0,
        rejected=0,
        pages_fetched=2,
        pages_missing=(),
        missing_from=None,
        pages_wanted=2,
        end_known_by="walked",
        records_announced=None,
        gaps=(),
        requests=3,
        retries=0,
        errors=0,
        avg_price=None,
        prices={},
        coercions={},
        time=SourceTime(4.0, network=1.0, tokens=3.0, bottleneck="75 % waiting for its own rate limit"),
    )
    return msgspec.structs.replace(source, **changes)


def a_traffic() -> Traffic:
    slots = [Slot(0.0, {Outcome.OK: 3, Outcome.THROTTLED: 1}), Slot(2.0, dict.fromkeys(Outcome, 1))]
    return Traffic(0.25, slots, {0.25: 3, 0.5: 1}, 0.4, [(1.0, 2.0)])


def a_histogram(source: str, currency: str, *prices: float) -> Histogram:
    low, high = Decimal(str(min(prices))), Decimal(str(max(prices)))
    histogram = Histogram(source, currency, PriceRange(len(prices), low, high, low))
    for price in prices:
        histogram.add(price)
    return histogram


def facts(text: str = "plain", **changes: Any) -> Facts:
    """Return facts with content for every section; all text that comes from an API is ``text``."""
    gaps = [Gap((2, 3), text), Gap((7,), f"{text} again", onward=True)]
    lame = a_source("lame", status="partial", pages_missing=(2, 3, 7), missing_from=7, pages_wanted=None, gaps=gaps)
    lame = msgspec.structs.replace(
        lame, records_announced=99, records_received=20, rejected=1, conflicting=1, coercions={text: 3}
    )
    whole = Facts(
        totals=Totals("partial", 40, 4.5, 0.5714, ["shop", "lame"], {}, "2026-01-01T10:00:00Z"),
        sources=[a_source(), lame],
        drawn=[Source(a_source(), a_traffic(), 5.0), Source(lame, a_traffic(), 0.0)],
        samples=[Product("shop:1", text, "shop", Decimal("1.50"), "EUR", text, "")],
        histograms=[a_histogram("shop", "EUR", 1.0, 2.0, 5.0), a_histogram("lame", text, 3.0, 3.0)],
        categories=[(text, 30), ("books", 10)],
        rejects=[Rejects("lame", 1, [Example(2, 5, text, f'{{"title": "{text}"}}')])],
        coercions=[(text, {"lame": 3})],
        failures=[Failures(text, 3, ["retry"], {"lame": [2]})],
        last_errors={"lame": text},
        coverage={"shop": Coverage(20, 20, 19, 10, 0), "lame": Coverage()},
        conflicts=[Conflict("shop:1", Decimal("1.50"), "EUR", None, None)],
        origin=Origin(f"pipeline --set note={text}", {"summary": "summary.json"}),
        configuration=f"timeout: 60\nnote: {text}\n",
        changed=Changes(
            [SourceChanges("shop", True, None, 3, 1, 2), SourceChanges("lame", True, text, 0, None, 0)],
            {
                "shop": PriceMoves(
                    0,
                    2,
                    Decimal(-4),
                    [Move(Decimal(5), "shop:1", text, Decimal("10.00"), Decimal("9.50"), text, Decimal("-5.00"))],
                ),
                "lame": PriceMoves(),
            },
        ),
    )
    return msgspec.structs.replace(whole, **changes)


def a_failure(source: str, error: str, page: int = 1, position: int | None = None) -> Failure:
    return Failure(source, page, 503, error, "2026-01-01T10:00:00Z", "retry", position)


async def draw_inline(facts: Facts) -> bytes:
    """Do what the drawing process does, without the process: a virtual clock must not wait for one."""
    await trio.lowlevel.checkpoint()
    return report_page(decode_facts(encode_facts(facts)))


async def run(config: Config, apis: dict[str, httpx.AsyncBaseTransport], **options: Any) -> pipeline.Summary:
    """Run the pipeline against these APIs; needs a virtual clock, unless ``draw`` is the real one."""

    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=apis[endpoint.name])

    return await run_pipeline(
        config, connect=connect, dispatch=dispatch_inline, rng=Random(7), **{"draw": draw_inline, **options}
    )


def trouble() -> dict[str, httpx.AsyncBaseTransport]:
    """Return three APIs: one that throttles, one with an outage and rejected records, one that is unreachable."""
    bad = [*records(3), {"id": "x", "price": "$ 12.50"}, "no record", {"name": SCRIPT}]
    return {
        "busy": FakeApi(pages=20, script={4: [reply(429)] * 2}, latency=0.2),
        "ill": FakeApi(pages=12, script={3: [ok(bad)], 5: [reply(503)] * 3}, latency=0.05),
        "dead": FakeApi(script={1: forever(lambda: httpx.ReadError("the connection broke"))}),
    }


def with_report(folder: Path, *names: str, **changes: Any) -> Config:
    return config(folder / "summary.json", *names, report=True, **changes)
