"""Make the fetchers of a run, and name what they share with it."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from random import Random
from typing import Protocol

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.fetch.bulkhead import Bulkhead
from pipeline.fetch.fetcher import Fetcher
from pipeline.fetch.http.client import Connect
from pipeline.fetch.page_walk import NO_REST, Rest
from pipeline.fetch.paging.loop_detector import Identify
from pipeline.fetch.policy.throttle import Throttle
from pipeline.model.pages import EndpointProfile, FeedVersion, Progress


class WalkLog(Protocol):
    """The record of the walks that a later run can continue: the journal, or what becomes a part of it."""

    def progress(self, source: str) -> Progress:
        """Return the progress of earlier runs with a source."""

    def append_end(self, source: str, number: int) -> None:
        """Record that a source ends before page ``number``."""

    def append_profile(self, source: str, profile: EndpointProfile) -> None:
        """Record the profile that a source's first page revealed."""

    def append_restart(self, source: str) -> None:
        """Drop the pages of a source, which are of another version of a feed."""


class FetcherFactory:
    """A factory of fetchers, which all write to one log.

    ``identify`` maps each endpoint to the function for the identity of its records. ``present`` returns the version of
    a feed whose products the present summary has. ``rest`` decides when the walks rest.
    """

    def __init__(
        self,
        endpoints: Iterable[ResolvedEndpoint],
        identify: Mapping[str, Identify],
        log: WalkLog,
        *,
        connect: Connect,
        rng: Random,
        present: Callable[[str], FeedVersion | None] = lambda name: None,
        rest: Rest = NO_REST,
    ) -> None:
        self.endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self.identify = identify
        self.log = log
        self.connect = connect
        self.rng = rng
        self.rest = rest
        self._present = present

    def bulkhead(self, name: str, throttle: Throttle) -> Bulkhead:
        """Return the bulkhead of an endpoint, around a fetcher that is made when it is needed."""
        pages = len(self.log.progress(name).have)
        return Bulkhead(self.endpoints[name], partial(self._make, name), throttle, pages=pages)

    def _make(self, name: str, throttle: Throttle) -> Fetcher:
        endpoint = self.endpoints[name]
        return Fetcher(
            endpoint,
            self.connect(endpoint),
            rng=self.rng,
            identify=self.identify[name],
            throttle=throttle,
            resumed=self.log.progress(name),
            on_end=partial(self.log.append_end, name),
            on_profile=partial(self.log.append_profile, name),
            on_restart=partial(self.log.append_restart, name),
            present=self._present(name),
            rest=self.rest,
        )
