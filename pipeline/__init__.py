"""One clean product catalogue from several slow, rate-limited, unreliable HTTP APIs.

A library as well as a program::

    config = pipeline.load_config("config/config.yaml")
    summary = trio.run(pipeline.run, config)
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from loguru import logger

from pipeline.config.load import load_config
from pipeline.config.settings import Config
from pipeline.model.pages import Product
from pipeline.model.status import EndpointStatus, RunStatus
from pipeline.model.summary import Failure, SourceReport, Summary, Totals
from pipeline.model.tally import PriceRange

if TYPE_CHECKING:
    from pipeline.runner import run  # noqa: TC004 - the package has it as an attribute

__all__ = [
    "Config",
    "EndpointStatus",
    "Failure",
    "PriceRange",
    "Product",
    "RunStatus",
    "SourceReport",
    "Summary",
    "Totals",
    "load_config",
    "run",
]

# As a library the program is silent, until its user says logger.enable("pipeline").
logger.disable("pipeline")


class _Package(ModuleType):
    """The package itself. It loads ``run`` when it is asked for it, since half of the start is what that needs.

    The command line does without it to complete words, show help and find mistakes.
    """

    @property
    def run(self) -> Any:
        from pipeline.runner import run  # noqa: PLC0415

        return run

    @run.setter
    def run(self, module: ModuleType) -> None:
        """Python sets a package's modules as they are loaded; the one of this name would hide the function."""


sys.modules[__name__].__class__ = _Package
