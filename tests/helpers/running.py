"""Runs with stand-ins for the network, the worker threads and chance."""

from collections.abc import Mapping
from typing import Any

import pipeline
from pipeline.config.resolve import resolve
from pipeline.runner import Run


async def run_pipeline(
    config: pipeline.Config, *, environ: Mapping[str, str] | None = None, **options: Any
) -> pipeline.Summary:
    """Run as :func:`pipeline.run` does, with the options of :class:`pipeline.runner.Run`."""
    return await Run(config, resolve(config, environ), **options).execute()
