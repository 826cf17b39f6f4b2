"""Group the endpoints that share a rate limit."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random

from pipeline.config.http_syntax import host_and_port
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.fetch.policy.throttle import Throttle

# Of more endpoints that share a host, some are named.
_MOST_NAMED = 5


def make_throttle(members: Sequence[ResolvedEndpoint], rng: Random) -> Throttle:
    """Return the throttle of an endpoint, or of all members of a group, which have the same rate limit."""
    limit = members[0].rate_limit
    return Throttle(
        limit.rps,
        limit.burst,
        limit.concurrency,
        base_delay=max(member.retry.base_delay for member in members),
        jitter=max(member.retry.jitter for member in members),
        rng=rng,
    )


def make_throttles(endpoints: Sequence[ResolvedEndpoint], rng: Random) -> Mapping[str, Throttle]:
    """Return the throttle of each endpoint by its name; the members of a group share one."""
    groups: dict[tuple[str, bool], list[ResolvedEndpoint]] = {}
    for endpoint in endpoints:
        group = endpoint.rate_limit.group
        groups.setdefault((endpoint.name if group is None else group, group is None), []).append(endpoint)
    shared = {key: make_throttle(members, rng) for key, members in groups.items()}
    return {member.name: shared[key] for key, members in groups.items() for member in members}


def neighbours(endpoints: Sequence[ResolvedEndpoint]) -> Iterator[str]:
    """Yield a sentence for each host and port of several endpoints of which some are in no group."""
    by_host: dict[str, list[ResolvedEndpoint]] = {}
    for endpoint in endpoints:
        if endpoint.url.startswith("file:"):
            continue
        by_host.setdefault(host_and_port(endpoint.url), []).append(endpoint)
    for host, members in by_host.items():
        loose = [member.name for member in members if member.rate_limit.group is None]
        if loose and len(members) > 1:
            named = (
                loose if len(loose) <= _MOST_NAMED + 1 else [*loose[:_MOST_NAMED], f"{len(loose) - _MOST_NAMED} more"]
            )
            yield (
                f"{', '.join(named)}: {len(members)} endpoints use {host}; if they share a rate limit there, give them"
                " the same `rate_limit.group`"
            )
