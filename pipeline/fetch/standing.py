"""How an endpoint stands, put together from what its parts say of themselves."""

from collections.abc import Mapping

from pipeline.fetch.breaker import CircuitBreakerStatistics, State
from pipeline.fetch.bucket import TokenBucketStatistics
from pipeline.fetch.ledger import Ledger
from pipeline.status import Circuit, EndpointStatus

_CIRCUITS: Mapping[State, Circuit] = {
    State.CLOSED: "closed",
    State.OPEN: "open",
    State.HALF_OPEN: "half-open",
    State.GIVEN_UP: "given up",
}


def standing(
    ledger: Ledger,
    breaker: CircuitBreakerStatistics,
    bucket: TokenBucketStatistics,
    *,
    end: int | None,
    now: float,
) -> EndpointStatus:
    """The status of an endpoint; ``end`` is the number behind its last page, where the walk knows it.

    ``now`` is a time on Trio's clock, as are those in the statistics.
    """
    account = ledger.counts()
    wanted = account.announced.pages if end is None else end - 1
    return EndpointStatus(
        source=account.source,
        pages=account.pages,
        pages_wanted=None if wanted is None or wanted < account.pages else wanted,
        records=account.records,
        records_announced=None if account.resumed else account.announced.records,
        requests=account.requests,
        retries=account.retries,
        circuit=_CIRCUITS[breaker.state],
        probe_in=None if breaker.probe_at is None else max(0.0, breaker.probe_at - now),
        paused_for=max(0.0, bucket.paused_until - now),
        ended=account.ended,
    )
