"""Open the engine of a configuration; its libraries are imported only if there is one."""

import os
from importlib.util import find_spec

from pipeline.config.engine import dask_address, local_workers, processes_of
from pipeline.distribution import install_extra
from pipeline.engine.workers import Engine
from pipeline.errors import ConfigError, Problem


def open_engine(text: str) -> Engine:
    """Return the engine that a text names; nothing is started yet.

    Raises:
        ConfigError: if the library of the ``dask`` extra is not installed.
    """
    uses_processes, number = processes_of(text)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if uses_processes:
        from pipeline.engine.processes import Processes  # noqa: PLC0415 - a run without an engine starts faster

        return Processes(number or cores)
    if find_spec("distributed") is None:
        raise ConfigError([Problem("engine", f"needs distributed; {install_extra('dask')}")])
    from pipeline.engine.dask import Dask  # noqa: PLC0415 - the library may be missing

    return Dask(dask_address(text), workers=local_workers(text) or cores)
