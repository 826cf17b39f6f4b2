"""One clean product catalogue from several slow, rate-limited, unreliable HTTP APIs.

A library as well as a program::

    config = pipeline.load_config("config/config.yaml")
    summary = trio.run(pipeline.run, config)
"""

from loguru import logger

from pipeline.config import Config
from pipeline.layers import load_config
from pipeline.model import Failure, Product, SourceReport, Summary, Totals
from pipeline.run import run
from pipeline.tally import PriceRange

__all__ = [
    "Config",
    "Failure",
    "PriceRange",
    "Product",
    "SourceReport",
    "Summary",
    "Totals",
    "load_config",
    "run",
]

# As a library the program is silent, until its user says logger.enable("pipeline").
logger.disable("pipeline")
