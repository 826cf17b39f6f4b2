"""One clean product catalogue from several slow, rate-limited, unreliable HTTP APIs.

The package is a library as well as a program::

    config = pipeline.load_config("config/config.yaml")
    summary = trio.run(pipeline.run, config)
"""

from typing import TYPE_CHECKING, Any

from loguru import logger

from pipeline.config.endpoint import Endpoint, RateLimit
from pipeline.config.load import load_config
from pipeline.config.settings import Config
from pipeline.config.source import Fields, Paging, PagingStyle
from pipeline.errors import AbortedError, ConfigError, OutputError, PipelineError, Problem
from pipeline.model.pages import Product
from pipeline.model.status import EndpointStatus, RunStatus
from pipeline.model.summary import Failure, SourceReport, Summary, Totals
from pipeline.model.tally import PriceRange

if TYPE_CHECKING:
    from pipeline.runner import run

__all__ = [
    "AbortedError",
    "Config",
    "ConfigError",
    "Endpoint",
    "EndpointStatus",
    "Failure",
    "Fields",
    "OutputError",
    "Paging",
    "PagingStyle",
    "PipelineError",
    "PriceRange",
    "Problem",
    "Product",
    "RateLimit",
    "RunStatus",
    "SourceReport",
    "Summary",
    "Totals",
    "load_config",
    "run",
]

# A library does not log unless its user calls logger.enable("pipeline").
logger.disable("pipeline")


def __getattr__(name: str) -> Any:
    """Load ``run`` on first use (PEP 562): Trio and httpx are half of the start-up time.

    The command line completes words, shows help and reports mistakes without them.
    """
    if name == "run":
        from pipeline.runner import run  # noqa: PLC0415 - see above

        globals()["run"] = run
        return run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
