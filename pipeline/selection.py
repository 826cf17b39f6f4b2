"""The endpoints that a run fetches; what the others had is taken over from the summary before."""

from collections.abc import Collection, Sequence

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.errors import ConfigError, Problem
from pipeline.model.summary import FetchResult


class Selection:
    """A selection of ``endpoints`` by their names; all of them if ``only`` is empty.

    Raises:
        ConfigError: if a name is not that of an endpoint.
    """

    def __init__(self, endpoints: Sequence[ResolvedEndpoint], only: Collection[str] = ()) -> None:
        known = [endpoint.name for endpoint in endpoints]
        if unknown := [name for name in only if name not in known]:
            there_are = f"; there are: {', '.join(known)}"
            raise ConfigError([Problem("--only", f"{name!r} is not an endpoint{there_are}") for name in unknown])
        self._names = known
        self.fetched = [endpoint for endpoint in endpoints if not only or endpoint.name in only]

    @property
    def only(self) -> Sequence[str]:
        """The names of the endpoints that are fetched; none if these are all."""
        return [] if len(self.fetched) == len(self._names) else [endpoint.name for endpoint in self.fetched]

    @property
    def others(self) -> Sequence[str]:
        """The names of the endpoints that are not fetched."""
        fetched = {endpoint.name for endpoint in self.fetched}
        return [name for name in self._names if name not in fetched]

    def completed(self, results: Sequence[FetchResult]) -> Sequence[FetchResult]:
        """Return the results of the fetched endpoints with those of the others, in the order of the configuration."""
        by_name = {result.source: result for result in results}
        return [by_name.get(name) or _taken_over(name) for name in self._names]


def _taken_over(source: str) -> FetchResult:
    return FetchResult(source, 0, 0, 0, (), (), ended=True, taken_over=True)
