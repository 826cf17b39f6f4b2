"""Name what slowed an endpoint down most, and what would help."""

from collections.abc import Iterable, Mapping

import msgspec

from pipeline.config.endpoint import RateLimit
from pipeline.formatting import counted
from pipeline.model.metrics import Activity, TimeSpent, Traffic
from pipeline.model.summary import FetchResult
from pipeline.output.aggregator import Catalogue

# From this share of the run on, the processor is the bottleneck.
BUSY = 0.85

# A smaller gain, in seconds, is not worth mentioning.
_LEAST_GAIN = 1.0

_HELD_UP = {
    Activity.CIRCUIT: "waiting for its open circuit",
    Activity.RETRY_AFTER: "in pauses that the API requested",
    Activity.CHANNEL: "waiting for room in the channel",
    Activity.TOKENS: "waiting for its own rate limit",
    Activity.BACKOFF: "waiting between retries",
    Activity.NETWORK: "waiting for the API",
    Activity.NORMALIZING: "in local processing",
}


def with_bottlenecks(
    catalogue: Catalogue, results: Iterable[FetchResult], limits: Mapping[str, RateLimit], *, busy: float
) -> Catalogue:
    """Return the catalogue with each source's bottleneck named in its report.

    ``results`` are in the order of ``catalogue.sources``; ``limits`` maps each source to its rate limit. ``busy`` is
    the process's CPU time as a share of the run.
    """
    sources = []
    for report, result in zip(catalogue.sources, results, strict=True):
        if result.taken_over:
            sources.append(report)
            continue
        was_cut_off = any(failure.action in ("deadline", "stopped") for failure in result.failures)
        limit = limits[result.source]
        sentence = bottleneck(result.time, result.traffic, limit, busy=busy, was_cut_off=was_cut_off)
        time = msgspec.structs.replace(report.time, bottleneck=sentence)
        sources.append(msgspec.structs.replace(report, time=time))
    return msgspec.structs.replace(catalogue, sources=sources)


def bottleneck(
    time: TimeSpent, traffic: Traffic, limit: RateLimit, *, busy: float, was_cut_off: bool = False
) -> str | None:
    """Return one sentence on where most of an endpoint's time went; None if it took no time.

    It includes the cause, if that is known: ``90 % waiting for its own rate limit; rps 10 would end 4 s sooner, if the
    API allows it``. ``busy`` is the process's CPU time as a share of the run. A higher rate is suggested only if
    no request was refused and the fetch was not cut off.
    """
    if not time.wall:
        return None
    most = max(Activity, key=time.of)
    text = f"{time.of(most) / time.wall:.0%} {_HELD_UP[most]}".replace("%", " %")
    advice = _advice(most, time, traffic, limit, busy=busy, was_cut_off=was_cut_off)
    return f"{text}; {advice}" if advice else text


def _advice(
    most: Activity, time: TimeSpent, traffic: Traffic, limit: RateLimit, *, busy: float, was_cut_off: bool
) -> str | None:
    if most in (Activity.NETWORK, Activity.NORMALIZING, Activity.CHANNEL) and busy >= BUSY:
        # Overlapping threads can add up to slightly more than the run.
        return f"the processor was busy {min(busy, 1.0):.0%} of the run".replace("%", " %")
    match most:
        case Activity.TOKENS | Activity.RETRY_AFTER if traffic.refused:
            return f"the API refused {counted(traffic.refused, 'request')}"
        case Activity.TOKENS if limit.rps and not was_cut_off:
            return _faster(time.tokens, traffic, limit)
        case Activity.CIRCUIT:
            failed = sum(until - since for since, until in traffic.open_circuit)
            return f"repeated failures kept it open for {failed:.0f} s"
        case Activity.NETWORK if (median := traffic.latency(0.5)) is not None:
            return f"half of its responses took {median:.2f} s or more"
        case _:
            return None


def _faster(waited: float, traffic: Traffic, limit: RateLimit) -> str | None:
    """Advise up to twice the rate, limited by what latency and concurrency allow (Little's law)."""
    median = traffic.latency(0.5)
    most = limit.concurrency / median if median else 2 * limit.rps
    rate = min(2 * limit.rps, most)
    rate = float(int(rate)) if rate >= limit.rps + 1 else rate
    gain = waited * (1 - limit.rps / rate)
    if gain < _LEAST_GAIN:
        return None
    return f"rps {round(rate, 2):g} would end {gain:.0f} s sooner, if the API allows it"
