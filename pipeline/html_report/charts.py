"""Vega-Lite specifications of the charts, rendered as SVG by vl-convert.

Colours are variables of the page's style sheet, which has a light and a dark scheme. Bars are stacked here, so that the
specifications consist only of positioned rectangles, lines and texts. Widths are in pixels.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from pipeline.formatting import duration
from pipeline.html_report.facts import Source
from pipeline.html_report.histogram import Histogram
from pipeline.model.metrics import Activity, Outcome, Traffic

Spec = dict[str, Any]

WIDE, MEDIUM, NARROW, SMALL = 910, 440, 290, 280

_STYLE: Spec = {
    "aria": False,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "padding": {"left": 0, "right": 8, "top": 4, "bottom": 0},
    "axis": {
        "domainColor": "var(--line)",
        "gridColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelColor": "var(--muted)",
        "labelFontSize": 12,
        "titleColor": "var(--muted)",
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelPadding": 4,
        "labelSeparation": 8,
    },
    "text": {"fontSize": 12},
}
_GAP = 0.12  # between bars, as a fraction of their width
_MOST_BARS = 40
_ROW = 46
_CHARACTER = 6.6  # average width in pixels, at the size of labels
_WIDEST_CHARACTER = 17  # of emoji
_LAST_OF_BMP = "\uffff"
_CLASS = 2**0.25  # ratio of neighbouring latency classes, as in `model/metrics.py`

TIME_LABELS = {
    Activity.NETWORK: "network",
    Activity.TOKENS: "rate limit",
    Activity.RETRY_AFTER: "Retry-After",
    Activity.BACKOFF: "backoff",
    Activity.CIRCUIT: "circuit open",
    Activity.CHANNEL: "queue full",
    Activity.NORMALIZING: "processing",
}
OUTCOME_LABELS = {
    Outcome.OK: "success",
    Outcome.THROTTLED: "refused",
    Outcome.FAILED: "5xx or 408",
    Outcome.NO_ANSWER: "no response",
    Outcome.UNUSABLE: "unusable response",
}


def draw(spec: Spec, label: str) -> str:
    """Return a chart as SVG, with ``label`` as its accessible name; nothing is loaded from the network."""
    import vl_convert  # noqa: PLC0415 - optional, and only needed here

    whole = {"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "background": None, "config": _STYLE, **spec}
    svg = vl_convert.vegalite_to_svg(whole, allowed_base_urls=[])
    return re.sub(
        r'<svg [^>]*?(width="[^"]*" height="[^"]*" viewBox="[^"]*")>',
        lambda tag: f'<svg role="img" aria-label="{escape(label)}" {tag[1]}>',
        svg,
        count=1,
    )


def time_spent(sources: Sequence[Source], width: int) -> Spec:
    """Return a chart with one bar per source, divided by activity, with the name above it."""
    longest = max(source.report.time.wall for source in sources) or 1
    unit, suffix = _unit(longest)
    rows, parts = [], []
    for row, source in enumerate(sources):
        time, begin = source.report.time, 0.0
        rows.append({"y": row + 0.28, **_fitted(source.report.name, width), "wall": 0})
        for activity, label in TIME_LABELS.items():
            seconds = time.of(activity)
            room = seconds / longest * width
            parts.append({
                "x": begin / unit, "x2": (begin + seconds) / unit, "y": row + 0.48, "y2": row + 0.94,
                "middle": (begin + seconds / 2) / unit, "center": row + 0.71,
                "color": _color(activity.value), "text": label if room > len(label) * _CHARACTER + 8 else "",
            })  # fmt: skip
            begin += seconds
    y = _axis("y", None, [0, len(sources)], axis=None, reverse=True)
    return {
        "width": width,
        "height": _ROW * len(sources),
        "layer": [
            _rectangles(parts, _axis("x", suffix, [0, longest / unit], tickCount=width / 70), y),
            _texts([part for part in parts if part["text"]], "middle", "center", "var(--on-color)"),
            _texts(rows, "wall", "y", "var(--ink)", align="left", fontWeight=600, limit=_LIMIT),
        ],
    }


def timeline(source: Source, longest: float, width: int) -> Spec:
    """Return a chart of the attempts at one source by outcome, from 0 to ``longest`` seconds.

    Open circuits are bands, and the rate limit is a line.
    """
    span = _span(source.traffic.span, longest)
    unit, suffix = _unit(longest)
    bars = list(_stacked(source.traffic, span, unit))
    highest = max([bar["y2"] for bar in bars] or [1])
    limit = source.rps * span
    shows_limit = 0 < limit <= 3 * highest
    top = max(highest, limit if shows_limit else 0) * 1.08
    x = _axis("x", suffix, [0, math.ceil(longest / span) * span / unit], grid=False, tickCount=width / 70)
    at = top * (0.8 if shows_limit and abs(limit / top - 0.5) < 0.2 else 0.5)
    title = f"in {duration(span)}" if span != 1 else "per second"
    y = _axis("y", None, [0, top], title=title, tickMinStep=1, tickCount=3, format="d", domain=False, ticks=False)
    bands = [
        {"x": since / unit, "x2": until / unit, "y": 0, "y2": top, "color": "var(--c-band)",
         "middle": (since + until) / 2 / unit, "at": at,
         "text": "circuit open" if (until - since) / longest * width > 84 else ""}
        for since, until in source.traffic.open_circuit
    ]  # fmt: skip
    layers = [
        _rectangles(bands, x, y),
        _rectangles(bars, x, y),
        _texts([band for band in bands if band["text"]], "middle", "at", "var(--muted)"),
    ]
    if shows_limit:
        rule = {"type": "rule", "color": "var(--c-limit)", "strokeDash": [5, 3], "strokeWidth": 1.5}
        layers.append({"data": {"values": [{"y": limit}]}, "mark": rule, "encoding": {"y": _at("y")}})
    return {"width": width, "height": 84, "layer": layers}


def latencies(traffic: Traffic, bounds: tuple[float, float], width: int) -> Spec:
    """Return a histogram of response times; ``bounds`` are the lowest and highest class of all charts, in seconds."""
    bars = [
        {"x": bound / _CLASS * 1000, "x2": bound * 1000, "y": 0, "y2": traffic.latencies[bound], "color": _color("ok")}
        for bound in sorted(traffic.latencies)
    ]
    low, high = bounds[0] / _CLASS * 1000, bounds[1] * 1000
    low, high = (low / 1.5, high * 1.5) if high < 4 * low else (low, high)
    milliseconds = "datum.value >= 1000 ? datum.value / 1000 + ' s' : datum.value + ' ms'"
    x = _axis("x", None, [low, high], log=True, labelExpr=milliseconds, values=_round_steps(low, high), grid=False)
    return _bars(bars, x, width)


def prices(histogram: Histogram, width: int) -> Spec:
    """Return a chart of a histogram of prices."""
    bars: list[dict[str, Any]] = [
        {"x": low, "x2": high, "y": 0, "y2": count, "color": _color("price")}
        for (low, high), count in zip(pairwise(histogram.edges), histogram.counts, strict=True)
    ]
    low, high = bars[0]["x"], bars[-1]["x2"]
    if histogram.is_log:
        x = _axis("x", None, [low, high], log=True, grid=False, values=_round_steps(low, high), format="~s")
    else:
        x = _axis("x", None, [low, high], grid=False, tickCount=5, format="~s" if high >= 10_000 else "~r")
    return _bars(bars, x, width)


def categories(counts: Sequence[tuple[str, int]], width: int) -> Spec:
    """Return a chart with one bar per category, with its name and count above it."""
    highest = counts[0][1]
    rows = [
        {"x": 0, "x2": count, "y": row + 0.56, "y2": row + 0.86, "color": _color("price"), "at": row + 0.34,
         **_fitted(name, width - 90), "count": f"{count:,}", "end": highest}
        for row, (name, count) in enumerate(counts)
    ]  # fmt: skip
    y = _axis("y", None, [0, len(rows)], axis=None, reverse=True)
    return {
        "width": width,
        "height": 34 * len(rows),
        "layer": [
            _rectangles(rows, _axis("x", None, [0, highest], axis=None), y),
            _texts(rows, "x", "at", "var(--ink)", align="left", limit=_LIMIT),
            _texts(rows, "end", "at", "var(--muted)", "count", align="right"),
        ],
    }


def _stacked(traffic: Traffic, span: float, unit: float) -> Iterator[Mapping[str, Any]]:
    """Yield stacked bars of attempts, merged into spans of ``span`` seconds."""
    spans: dict[int, dict[Outcome, int]] = {}
    for slot in traffic.slots:
        counts = spans.setdefault(int(slot.at / span), dict.fromkeys(Outcome, 0))
        for outcome, count in slot.attempts.items():
            counts[outcome] += count
    for number, counts in sorted(spans.items()):
        height = 0
        for outcome in (outcome for outcome in Outcome if counts[outcome]):
            begin, end = (number + _GAP / 2) * span / unit, (number + 1 - _GAP / 2) * span / unit
            color = _color(outcome.name.lower())
            yield {"x": begin, "x2": end, "y": height, "y2": height + counts[outcome], "color": color}
            height += counts[outcome]


def _bars(bars: Sequence[Mapping[str, Any]], x: Spec, width: int) -> Spec:
    highest = max(bar["y2"] for bar in bars)
    y = _axis("y", None, [0, highest], tickCount=min(3, highest), format="~s", domain=False, ticks=False)
    return {"width": width, "height": 110, "layer": [_rectangles(bars, x, y, stroke="var(--paper)")]}


def _rectangles(values: Iterable[Mapping[str, Any]], x: Spec, y: Spec, **mark: Any) -> Spec:
    color = {"field": "color", "type": "nominal", "scale": None}
    encoding = {"x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"}, "color": color}
    return {"data": {"values": list(values)}, "mark": {"type": "rect", **mark}, "encoding": encoding}


def _texts(values: Sequence[Mapping[str, Any]], x: str, y: str, color: str, text: str = "text", **mark: Any) -> Spec:
    return {
        "data": {"values": list(values)},
        "mark": {"type": "text", "color": color, **mark},
        "encoding": {"x": _at(x), "y": _at(y), "text": {"field": text}},
    }


_LIMIT: Spec = {"expr": "datum.limit"}


def _fitted(text: str, width: int) -> Spec:
    """Return a text and the width in pixels to which Vega cuts it; 0 if it is cut here.

    Vega cuts between any two UTF-16 code units, and vl-convert fails at half of a character outside the BMP.
    """
    if max(text, default="") <= _LAST_OF_BMP:
        return {"text": text, "limit": width}
    most = width // _WIDEST_CHARACTER
    return {"text": text if len(text) <= most else f"{text[: most - 1]}…", "limit": 0}


def _at(field: str) -> Spec:
    return {"field": field, "type": "quantitative"}


def _axis(
    field: str, suffix: str | None, span: Sequence[float], *, reverse: bool = False, log: bool = False, **axis: Any
) -> Spec:
    """Return an encoding with an axis over ``span`` whose labels have a suffix; ``axis=None`` hides the axis."""
    shown = {"title": None, **axis}
    if suffix:
        shown["labelExpr"] = f"datum.label + ' {suffix}'"
    scaling = {
        "domain": list(span),
        "nice": False,
        "zero": False,
        "reverse": reverse,
        "type": "log" if log else "linear",
    }
    return {"field": field, "type": "quantitative", "scale": scaling, "axis": axis.get("axis", shown)}


def _color(name: str) -> str:
    return f"var(--c-{name.replace('_', '-')})"


def _span(recorded: float, longest: float) -> float:
    """Double the recorded span until there are at most ``_MOST_BARS`` bars."""
    return recorded * 2.0 ** max(0, math.ceil(math.log2(longest / recorded / _MOST_BARS)))


def _unit(longest: float) -> tuple[float, str]:
    return (3600, "h") if longest >= 2 * 3600 else (60, "min") if longest >= 5 * 60 else (1, "s")


def _round_steps(low: float, high: float) -> list[float]:
    """Return ticks of a logarithmic axis: powers of ten, or their 1, 2 and 5 fold if those are too few."""
    powers = [10.0**power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    inside = [power for power in powers if low <= power <= high]
    if len(inside) >= 4:
        return inside
    return [step for power in powers for step in (power, 2 * power, 5 * power) if low <= step <= high]
