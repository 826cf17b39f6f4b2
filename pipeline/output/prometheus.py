"""The numbers of a run in the text format of Prometheus, for its node exporter or a file scraper.

The format is version 0.0.4 of the exposition format (https://prometheus.io/docs/instrumenting/exposition_formats/).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from pipeline.model.metrics import Activity
from pipeline.model.summary import SourceReport, Summary


class RunMetrics(msgspec.Struct, frozen=True):
    """The end of a run: its exit code, its start in seconds since 1970, its duration, and its summary, if any."""

    exit_code: int
    started_at: float
    seconds: float
    summary: Summary | None = None


_Samples = Sequence[tuple[Mapping[str, str], float]]


class Metric(msgspec.Struct, frozen=True):
    """A metric: its name, its meaning, and the function that returns its samples."""

    name: str
    meaning: str
    samples: Callable[[RunMetrics], _Samples]


def _each(number: Callable[[SourceReport], float]) -> Callable[[RunMetrics], _Samples]:
    return lambda run: [({"source": source.name}, number(source)) for source in _sources(run)]


def _sources(run: RunMetrics) -> Sequence[SourceReport]:
    return run.summary.sources if run.summary else ()


def _statuses(run: RunMetrics) -> _Samples:
    return [
        ({"source": source.name, "status": status}, source.status == status)
        for source in _sources(run)
        for status in ("complete", "partial", "failed")
    ]


def _times(run: RunMetrics) -> _Samples:
    return [
        ({"source": source.name, "activity": activity.value}, source.time.of(activity))
        for source in _sources(run)
        for activity in Activity
    ]


def _info(run: RunMetrics) -> _Samples:
    if run.summary is None:
        return []
    totals = run.summary.summary
    return [({"run": totals.run, "version": totals.version, "status": totals.status}, 1)]


METRICS = (
    Metric("pipeline_run_exit_code", "exit code of the run", lambda run: [({}, run.exit_code)]),
    Metric("pipeline_run_start_timestamp_seconds", "start of the run", lambda run: [({}, run.started_at)]),
    Metric("pipeline_run_end_timestamp_seconds", "end of the run", lambda run: [({}, run.started_at + run.seconds)]),
    Metric("pipeline_run_duration_seconds", "time that the run took", lambda run: [({}, run.seconds)]),
    Metric("pipeline_run_info", "id, version and status of the run; always 1", _info),
    Metric("pipeline_source_status", "1 for the status of the source, 0 for the others", _statuses),
    Metric("pipeline_source_products", "products", _each(lambda source: source.products)),
    Metric("pipeline_source_priced", "products that have a price", _each(lambda source: source.priced)),
    Metric("pipeline_source_duplicates", "records whose id is that of a product", _each(lambda s: s.duplicates)),
    Metric("pipeline_source_rejected", "records that are not products", _each(lambda source: source.rejected)),
    Metric("pipeline_source_unmet", "expectations that are not met", _each(lambda source: len(source.unmet))),
    Metric("pipeline_source_pages_fetched", "pages that arrived", _each(lambda source: source.pages_fetched)),
    Metric(
        "pipeline_source_pages_missing",
        "pages that are known to be missing",
        _each(lambda source: len(source.pages_missing)),
    ),
    Metric("pipeline_source_requests", "requests sent", _each(lambda source: source.requests)),
    Metric("pipeline_source_retries", "requests that were not the first for their page", _each(lambda s: s.retries)),
    Metric("pipeline_source_refused", "requests that the API refused (HTTP 429)", _each(lambda s: s.refused)),
    Metric("pipeline_source_errors", "failures that are not retries", _each(lambda source: source.errors)),
    Metric("pipeline_source_seconds", "time of the source by activity", _times),
)


def exposition(run: RunMetrics) -> bytes:
    """Return all metrics as text; those that have no sample are left out."""
    return "".join(line for metric in METRICS for line in _lines(metric, run)).encode()


def _lines(metric: Metric, run: RunMetrics) -> Iterator[str]:
    samples = metric.samples(run)
    if samples:
        yield f"# HELP {metric.name} {metric.meaning}\n# TYPE {metric.name} gauge\n"
    for labels, number in samples:
        shown = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
        yield f"{metric.name}{f'{{{shown}}}' if shown else ''} {float(number):.15g}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
