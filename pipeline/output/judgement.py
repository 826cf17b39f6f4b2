"""Judge a catalogue: what slowed its sources down, and whether their data is as expected."""

from collections.abc import Mapping, Sequence

from loguru import logger

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Config
from pipeline.model.summary import FetchResult
from pipeline.output.aggregator import Catalogue
from pipeline.output.bottleneck import with_bottlenecks
from pipeline.output.expectations import expectations_of, full_list_in, problems_of, with_verdicts


def judged(
    catalogue: Catalogue,
    results: Sequence[FetchResult],
    config: Config,
    endpoints: Sequence[ResolvedEndpoint],
    *,
    baselines: Mapping[str, int],
    busy: float,
) -> Catalogue:
    """Return the catalogue with bottlenecks, verdicts and baselines, and log what is not as expected.

    ``baselines`` has the products of the last complete run of each source. ``busy`` is the process's CPU time as a
    share of the run.
    """
    limits = {endpoint.name: endpoint.rate_limit for endpoint in endpoints}
    catalogue = with_bottlenecks(catalogue, results, limits, busy=busy)
    catalogue = with_verdicts(catalogue, expectations_of(config), baselines)
    full_lists = {endpoint.name: endpoint.full_list for endpoint in endpoints}
    for source in catalogue.sources:
        complaint = full_list_in(source, full_lists.get(source.name))
        for text in [*problems_of(source), *([complaint] if complaint else [])]:
            logger.bind(endpoint=source.name).warning("{}", text)
    return catalogue
