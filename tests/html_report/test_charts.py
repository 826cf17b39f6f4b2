"""Charts of the report: their numbers are those of the run."""

import pytest
from helpers.reports import a_histogram, a_source, a_traffic

from pipeline.html_report import charts
from pipeline.html_report.facts import Source
from pipeline.html_report.page_text import missing_pages
from pipeline.model.metrics import Activity, Outcome, Slot, SourceTime, Traffic


def rectangles(spec: charts.Spec, layer: int = 0) -> list[dict[str, object]]:
    values: list[dict[str, object]] = spec["layer"][layer]["data"]["values"]
    return values


def test_the_parts_of_a_bar_are_the_parts_of_the_time() -> None:
    """The parts follow each other without gaps, from 0 to the wall time."""
    time = SourceTime(10.0, network=1.0, tokens=3.0, circuit=6.0)
    parts = rectangles(charts.time_spent([Source(a_source(time=time), a_traffic(), 5.0)], 900))
    ends = {part["color"]: (part["x"], part["x2"]) for part in parts if part["x"] != part["x2"]}
    assert ends == {"var(--c-network)": (0, 1), "var(--c-tokens)": (1, 4), "var(--c-circuit)": (4, 10)}
    assert set(charts.TIME_LABELS) == set(Activity)


def test_attempts_are_stacked_by_outcome() -> None:
    """Each bar begins at the end of the one below it, and its height is the number of attempts."""
    spec = charts.timeline(Source(a_source(), a_traffic(), 5.0), 4.0, 900)
    bars = [bar for bar in rectangles(spec, 1) if 0 < float(str(bar["x"])) < 0.25]
    assert [(bar["y"], bar["y2"], bar["color"]) for bar in bars] == [
        (0, 3, "var(--c-ok)"),
        (3, 4, "var(--c-throttled)"),
    ]
    assert set(charts.OUTCOME_LABELS) == set(Outcome)


@pytest.mark.parametrize(("longest", "last"), [(9.0, "9"), (600.0, "10"), (3 * 3600.0, "3")])
def test_a_long_run_is_shown_in_longer_spans_and_units(longest: float, last: str) -> None:
    """The axis has seconds, minutes or hours, and the number of bars is limited."""
    slots = [Slot(at / 4, {Outcome.OK: 1}) for at in range(int(longest * 4))]
    spec = charts.timeline(Source(a_source(), Traffic(0.25, slots), 0.0), longest, 900)
    bars = rectangles(spec, 1)
    assert 20 <= len(bars) <= 40
    assert sum(int(str(bar["y2"])) for bar in bars) == len(slots)
    assert float(str(bars[-1]["x2"])) == pytest.approx(float(last), rel=0.1)


@pytest.mark.parametrize(("rps", "has_line"), [(0.0, False), (5.0, True), (1000.0, False)])
def test_the_rate_limit_is_a_line_where_it_is_near(rps: float, has_line: bool) -> None:
    """A limit far above the bars is not drawn, because it would flatten them."""
    spec = charts.timeline(Source(a_source(), a_traffic(), rps), 4.0, 900)
    assert (
        any(isinstance(layer["mark"], dict) and layer["mark"]["type"] == "rule" for layer in spec["layer"]) is has_line
    )


@pytest.mark.parametrize("prices", [(1.0, 2.0), (0.01, 1e12), (0.0, 1.0), (1e-30, 1.0), (19_000.0, 25_000.0)])
def test_any_range_of_prices_can_be_drawn(prices: tuple[float, ...]) -> None:
    """Narrow and wide ranges are drawn, on linear and on logarithmic axes."""
    assert charts.draw(charts.prices(a_histogram("a", "EUR", *prices), 280), "x").startswith('<svg role="img"')


def test_missing_pages_are_named() -> None:
    """The text names one page, several pages, or all pages after one."""
    assert missing_pages(a_source()) == ""
    assert missing_pages(a_source(pages_missing=(4,))) == "page 4"
    assert missing_pages(a_source(pages_missing=(4, 5, 9), missing_from=9)) == "pages 4-5, 9 and all after it"


@pytest.mark.parametrize("width", [290, 440])
@pytest.mark.parametrize("name", ["🧀" * 100, "a" * 30 + "🧀" * 70, "a🧀" * 50, "字" * 100, ""])
def test_a_long_name_is_cut_between_characters(name: str, width: int) -> None:
    """Names of any characters are cut to the width; half an emoji would end the drawing."""
    svg = charts.draw(charts.categories([(name, 3)], width), "x")
    assert not name or "…" in svg


def test_names_with_emoji_are_whole_if_they_are_short() -> None:
    """A short name is drawn as it is, in both charts that have names."""
    assert "🧀 Käse" in charts.draw(charts.categories([("🧀 Käse", 3)], 290), "x")
    source = Source(a_source("🧀 Käse"), a_traffic(), 5.0)
    assert "🧀 Käse" in charts.draw(charts.time_spent([source], 290), "x")
