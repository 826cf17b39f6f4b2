"""Render the report of a run as one HTML file, with inline charts and without scripts or network access."""

from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec

import msgspec
from loguru import logger

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Config
from pipeline.distribution import install_extra
from pipeline.errors import ConfigError, Problem
from pipeline.html_report import charts, page_text
from pipeline.html_report.configuration import shown_configuration
from pipeline.html_report.facts import MOST_CATEGORIES, MOST_LISTED, Facts, Histogram, Source, gather
from pipeline.model.metrics import Activity, Outcome
from pipeline.model.summary import FetchResult, Totals, page_ranges
from pipeline.output.aggregator import Catalogue


class Figure(msgspec.Struct, frozen=True):
    """A chart as SVG for wide screens, and for ``narrow`` ones if that is not empty."""

    svg: str
    narrow: str = ""


class Figures(msgspec.Struct, frozen=True):
    """All charts of a report, each with its subject; None if there is nothing to draw."""

    time: Figure | None
    timelines: Sequence[tuple[Source, Figure | None]]
    latencies: Sequence[tuple[Source, Figure]]
    prices: Sequence[tuple[Histogram, Figure | None]]
    categories: Figure | None


def report_page(facts: Facts, *, checkpoint: Callable[[], None] = lambda: None) -> bytes:
    """Return the report as HTML; ``checkpoint`` is called before each chart and may raise.

    Everything is escaped except the charts, whose texts vl-convert has escaped.
    """
    import jinja2  # noqa: PLC0415 - optional, and only needed here

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.html_report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(page_text.FILTERS)
    page = environment.get_template("report.html.j2").render(
        facts=facts,
        figures=_figures(facts, checkpoint),
        page_text=page_text,
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
        label = f"Response times of {source.report.name}"
        return draw(label, partial(charts.latencies, source.traffic, (min(bounds), max(bounds))), charts.SMALL)

    def prices(found: Histogram) -> Figure | None:
        label = f"Prices of {found.source} in {found.currency}"
        vary = found.prices.min < found.prices.max
        return draw(label, partial(charts.prices, found), charts.SMALL) if vary else None

    return Figures(
        time=draw("Time spent", partial(charts.time_spent, facts.drawn), *both) if took_time else None,
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
    """Check that the libraries of the ``report`` extra are installed.

    Raises:
        ConfigError: if a library is missing.
    """
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        raise ConfigError([Problem("report", f"needs {' and '.join(missing)}; {install_extra('report')}")])


def make_report(
    totals: Totals,
    catalogue: Catalogue,
    results: Sequence[FetchResult],
    *,
    config: Config,
    endpoints: Sequence[ResolvedEndpoint],
    checkpoint: Callable[[], None] = lambda: None,
) -> bytes | None:
    """Return the report of a run as HTML, or None if that fails.

    A failure is logged and never raised: the summary matters more than the report. ``checkpoint`` is called before
    each chart; what it raises ends the rendering.
    """
    try:
        shown = shown_configuration(config, {endpoint.name: endpoint.secrets for endpoint in endpoints})
        facts = gather(totals, catalogue, results, endpoints=endpoints, configuration=shown)
        return report_page(facts, checkpoint=checkpoint)
    except Exception as error:  # noqa: BLE001 - whatever the error, the summary must be written
        logger.error("the report could not be made: {!r}; the summary contains the same facts", error)
        return None
