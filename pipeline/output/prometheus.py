"""The numbers of a run in the text format of Prometheus, for its node exporter or a file scraper.

The format is version 0.0.4 of the exposition format (https://prometheus.io/docs/instrumenting/exposition_formats/).
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from pipeline.model.metrics import Activity
from pipeline.model.summary import SourceReport, Summary


class RunMetrics(msgspec.Struct, frozen=True):
    """The end of a run: its exit code, its start in seconds since 1970, its duration, and its summary, if any."""

    exit_code: int
    started_at: float
    seconds: float
    summary: Summary | None = None


# The values of the labels, and the number.
_Samples = Sequence[tuple[Sequence[str], float]]


class Metric(msgspec.Struct, frozen=True):
    """A metric: its name, its labels, its meaning, and the function that returns its samples."""

    name: str
    labels: Sequence[str]
    meaning: str
    samples: Callable[[RunMetrics], _Samples]


def _of_run(name: str, meaning: str, number: Callable[[RunMetrics], float]) -> Metric:
    return Metric(f"pipeline_run_{name}", (), meaning, lambda run: [((), number(run))])


def _of_source(name: str, meaning: str, number: Callable[[SourceReport], float]) -> Metric:
    return Metric(
        f"pipeline_source_{name}",
        ("source",),
        meaning,
        lambda run: [((source.name,), number(source)) for source in _sources(run)],
    )


def _sources(run: RunMetrics) -> Sequence[SourceReport]:
    return run.summary.sources if run.summary else ()


def _info(run: RunMetrics) -> _Samples:
    if run.summary is None:
        return []
    totals = run.summary.summary
    return [((totals.run, totals.version, totals.status), 1)]


def _statuses(run: RunMetrics) -> _Samples:
    return [
        ((source.name, status), source.status == status)
        for source in _sources(run)
        for status in ("complete", "partial", "failed")
    ]


def _times(run: RunMetrics) -> _Samples:
    return [
        ((source.name, activity.value), source.time.of(activity)) for source in _sources(run) for activity in Activity
    ]


METRICS = (
    _of_run("exit_code", "exit code", lambda run: run.exit_code),
    _of_run("start_timestamp_seconds", "start, in seconds since 1970", lambda run: run.started_at),
    _of_run("end_timestamp_seconds", "end, in seconds since 1970", lambda run: run.started_at + run.seconds),
    _of_run("duration_seconds", "time from start to end", lambda run: run.seconds),
    Metric("pipeline_run_info", ("run", "version", "status"), "always 1; only if there is a summary", _info),
    Metric(
        "pipeline_source_status", ("source", "status"), "1 for the status of the source, 0 for the others", _statuses
    ),
    _of_source("products", "products", lambda source: source.products),
    _of_source("priced", "products that have a price", lambda source: source.priced),
    _of_source("duplicates", "records whose id is that of a product", lambda source: source.duplicates),
    _of_source("rejected", "records that are not products", lambda source: source.rejected),
    _of_source("unmet", "expectations that are not met", lambda source: len(source.unmet)),
    _of_source("pages_fetched", "pages that arrived", lambda source: source.pages_fetched),
    _of_source("pages_missing", "pages that are known to be missing", lambda source: len(source.pages_missing)),
    _of_source("requests", "requests sent", lambda source: source.requests),
    _of_source("retries", "requests that were not the first for their page", lambda source: source.retries),
    _of_source("refused", "requests that the API refused (HTTP 429)", lambda source: source.refused),
    _of_source("errors", "failures that are not retries", lambda source: source.errors),
    Metric("pipeline_source_seconds", ("source", "activity"), "time by activity", _times),
)


def exposition(run: RunMetrics) -> bytes:
    """Return all metrics as text; those that have no sample are left out."""
    return "".join(line for metric in METRICS for line in _lines(metric, run)).encode()


def _lines(metric: Metric, run: RunMetrics) -> Iterator[str]:
    samples = metric.samples(run)
    if samples:
        yield f"# HELP {metric.name} {metric.meaning}\n# TYPE {metric.name} gauge\n"
    for values, number in samples:
        shown = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(metric.labels, values, strict=True))
        yield f"{metric.name}{f'{{{shown}}}' if shown else ''} {float(number):.15g}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
