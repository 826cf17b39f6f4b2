"""Makes the report of a run."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec

from loguru import logger

from pipeline.config import Config
from pipeline.errors import ConfigError, Problem
from pipeline.model import Totals, Walk
from pipeline.report.aggregator import Aggregator, Catalogue
from pipeline.resolved import ResolvedEndpoint
from pipeline.visual.configuration import shown_configuration
from pipeline.visual.facts import gather
from pipeline.visual.page import report_page

_LIBRARIES = ("jinja2", "vl_convert")


def check_libraries() -> None:
    """See that there is what a report is made with.

    Raises:
        ConfigError: when there is not.
    """
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        remedy = "pip install 'pipeline[report]', in a clone `uv sync --extra report`"
        raise ConfigError([Problem("report", f"needs {' and '.join(missing)}: {remedy}")])


def make_report(
    totals: Totals,
    catalogue: Catalogue,
    walks: Sequence[Walk],
    aggregator: Aggregator,
    *,
    config: Config,
    endpoints: Sequence[ResolvedEndpoint],
    checkpoint: Callable[[], None] = lambda: None,
) -> bytes | None:
    """The report in HTML; None where it cannot be made after all, which is logged: it is not worth a catalogue.

    ``checkpoint`` is called again and again, and may raise to end that.
    """
    try:
        shown = shown_configuration(config, {endpoint.name: endpoint.secrets for endpoint in endpoints})
        facts = gather(totals, catalogue, walks, aggregator, endpoints=endpoints, configuration=shown)
        return report_page(facts, checkpoint=checkpoint)
    except Exception as error:  # noqa: BLE001 - whatever it is, the summary must be written
        logger.error("the report could not be made: {!r}; the summary has all that it would have shown", error)
        return None
