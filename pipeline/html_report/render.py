"""Render the report of a run as one HTML file, with inline charts and without scripts or network access."""

from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from pipeline.html_report import charts, page_text
from pipeline.html_report.facts import MOST_LISTED, Facts, Source
from pipeline.html_report.histogram import Histogram
from pipeline.model.metrics import Activity, Outcome
from pipeline.model.summary import page_ranges


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


def report_page(facts: Facts) -> bytes:
    """Return the report as HTML.

    Texts must be clean, as those that ``transfer.py`` decodes are: vl-convert aborts the process at characters that
    XML does not permit. Everything is escaped except the charts, whose texts vl-convert has escaped.
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
        figures=_figures(facts),
        page_text=page_text,
        contents=page_text.contents(facts),
        page_ranges=page_ranges,
        activities=[(a, label) for a, label in charts.TIME_LABELS.items() if _is_spent_on(facts, a)],
        outcomes=[(o, label) for o, label in charts.OUTCOME_LABELS.items() if _is_met(facts, o)],
        most_listed=MOST_LISTED,
    )
    return page.encode(errors="replace")


def _figures(facts: Facts) -> Figures:
    def draw(label: str, chart: Callable[[int], charts.Spec], *widths: int) -> Figure:
        return Figure(*(charts.draw(chart(width), label) for width in widths))

    both = (charts.WIDE, charts.NARROW)
    took_time = any(source.report.time.wall for source in facts.drawn)
    longest = max((source.lasted for source in facts.drawn), default=0.0)

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

    def categories() -> Figure:
        chart = partial(charts.categories, facts.categories)
        return draw("Products by category", chart, charts.MEDIUM, charts.NARROW)

    return Figures(
        time=draw("Time spent", partial(charts.time_spent, facts.drawn), *both) if took_time else None,
        timelines=[(source, timeline(source)) for source in facts.drawn],
        latencies=[(source, latencies(source)) for source in facts.drawn if source.traffic.latencies],
        prices=[(found, prices(found)) for found in facts.histograms],
        categories=categories() if facts.categories else None,
    )


def _is_spent_on(facts: Facts, activity: Activity) -> bool:
    return any(source.report.time.of(activity) for source in facts.drawn)


def _is_met(facts: Facts, outcome: Outcome) -> bool:
    return any(slot.attempts.get(outcome) for source in facts.drawn for slot in source.traffic.slots)
