"""The report: one HTML file with all its charts in it, that needs no network and no script.

Makes the report of a run.
"""

from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec

import msgspec
from loguru import logger

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Config
from pipeline.errors import ConfigError, Problem
from pipeline.html_report import charts
from pipeline.html_report import formatting as words
from pipeline.html_report.configuration import shown_configuration
from pipeline.html_report.facts import MOST_CATEGORIES, MOST_LISTED, Facts, Histogram, Source, gather
from pipeline.model.metrics import Activity, Outcome
from pipeline.model.summary import FetchResult, Totals, page_ranges
from pipeline.output.aggregator import Aggregator, Catalogue


class Figure(msgspec.Struct, frozen=True):
    """A chart as SVG, drawn for wide and for ``narrow`` screens; the same for both where that is empty."""

    svg: str
    narrow: str = ""


class Figures(msgspec.Struct, frozen=True):
    """All charts of a report, each with what it is of; None where there is nothing to be drawn."""

    time: Figure | None
    timelines: Sequence[tuple[Source, Figure | None]]
    latencies: Sequence[tuple[Source, Figure]]
    prices: Sequence[tuple[Histogram, Figure | None]]
    categories: Figure | None


def report_page(facts: Facts, *, checkpoint: Callable[[], None] = lambda: None) -> bytes:
    """The report as HTML. ``checkpoint`` is called before each chart.

    All of it is text but for the charts, in which the library has escaped what it was given.
    """
    import jinja2  # noqa: PLC0415 - optional, and only needed here

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.html_report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(words.FILTERS)
    page = environment.get_template("report.html.j2").render(
        facts=facts,
        figures=_figures(facts, checkpoint),
        words=words,
        page_ranges=page_ranges,
        activities=[(a, label) for a, label in charts.TIME_LABELS.items() if _is_spent_on(facts, a)],
        outcomes=[(o, label) for o, label in charts.OUTCOME_LABELS.items() if _is_met(facts, o)],
        most_categories=MOST_CATEGORIES,
        most_listed=MOST_LISTED,
    )
    return page.encode(errors="replace")


def _figures(facts: Facts, checkpoint: Callable[[], None]) -> Figures:
    def draw(label: str, chart: Callable[[int], charts.Spec], *widths: int) -> Figure:
        checkpoint()
        return Figure(*(charts.draw(chart(width), label) for width in widths))

    both = (charts.WIDE, charts.NARROW)
    took_time = any(source.report.time.wall for source in facts.drawn)
    longest = max((source.lasted for source in facts.drawn), default=0.0)
    shown = facts.categories[:MOST_CATEGORIES]

    def timeline(source: Source) -> Figure | None:
        label = f"Requests to {source.report.name} over time"
        return draw(label, partial(charts.timeline, source, longest), *both) if source.traffic.slots else None

    bounds = [bound for source in facts.drawn for bound in source.traffic.latencies]

    def latencies(source: Source) -> Figure:
        label = f"How long {source.report.name} took to answer"
        return draw(label, partial(charts.latencies, source.traffic, (min(bounds), max(bounds))), charts.SMALL)

    def prices(found: Histogram) -> Figure | None:
        label = f"Prices of {found.source} in {found.currency}"
        vary = found.prices.min < found.prices.max
        return draw(label, partial(charts.prices, found), charts.SMALL) if vary else None

    return Figures(
        time=draw("Where the time went", partial(charts.time_spent, facts.drawn), *both) if took_time else None,
        timelines=[(source, timeline(source)) for source in facts.drawn],
        latencies=[(source, latencies(source)) for source in facts.drawn if source.traffic.latencies],
        prices=[(found, prices(found)) for found in facts.histograms],
        categories=draw("Products by category", partial(charts.categories, shown), charts.MEDIUM, charts.NARROW)
        if shown
        else None,
    )


def _is_spent_on(facts: Facts, activity: Activity) -> bool:
    return any(source.report.time.of(activity) for source in facts.drawn)


def _is_met(facts: Facts, outcome: Outcome) -> bool:
    return any(slot.attempts.get(outcome) for source in facts.drawn for slot in source.traffic.slots)


_LIBRARIES = ("jinja2", "vl_convert")


def check_libraries() -> None:
    """See that there is what a report is made with.

    Raises:
        ConfigError: when there is not.
    """
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        remedy = "pip install 'pipeline[report]', in a clone `uv sync --extra report`"
        raise ConfigError([Problem("report", f"needs {' and '.join(missing)}: {remedy}")])


def make_report(
    totals: Totals,
    catalogue: Catalogue,
    walks: Sequence[FetchResult],
    aggregator: Aggregator,
    *,
    config: Config,
    endpoints: Sequence[ResolvedEndpoint],
    checkpoint: Callable[[], None] = lambda: None,
) -> bytes | None:
    """The report in HTML; None where it cannot be made after all, which is logged: it is not worth a catalogue.

    ``checkpoint`` is called again and again, and may raise to end that.
    """
    try:
        shown = shown_configuration(config, {endpoint.name: endpoint.secrets for endpoint in endpoints})
        facts = gather(totals, catalogue, walks, aggregator, endpoints=endpoints, configuration=shown)
        return report_page(facts, checkpoint=checkpoint)
    except Exception as error:  # noqa: BLE001 - whatever it is, the summary must be written
        logger.error("the report could not be made: {!r}; the summary has all that it would have shown", error)
        return None
