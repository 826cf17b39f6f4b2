"""The engine of a run, as it is written: ``processes:4``, ``dask:local`` or ``dask://HOST:PORT``."""

import re

_NUMBER = r"[1-9][0-9]{0,3}"
_PROCESSES = re.compile(rf"processes(?::({_NUMBER}))?")
_DASK_LOCAL = re.compile(rf"dask:local(?::({_NUMBER}))?")
_DASK = re.compile(r"dask://([^/@\s]+:[0-9]{1,5})/?")


def engine_error(text: str) -> str | None:
    """Return why a text does not name an engine, None if it does."""
    if any(pattern.fullmatch(text) for pattern in (_PROCESSES, _DASK_LOCAL, _DASK)):
        return None
    return f"{text!r} is not an engine; expected processes, processes:N, dask:local, dask:local:N or dask://HOST:PORT"


def processes_of(text: str) -> tuple[bool, int | None]:
    """Return True if an engine consists of processes alone, and their number; None for one for each core."""
    found = _PROCESSES.fullmatch(text)
    return found is not None, _number(found)


def dask_address(text: str) -> str | None:
    """Return the ``HOST:PORT`` of a Dask scheduler, None for a cluster on this machine."""
    found = _DASK.fullmatch(text)
    return found[1] if found else None


def local_workers(text: str) -> int | None:
    """Return the number of workers of a Dask cluster on this machine, None for one for each core."""
    return _number(_DASK_LOCAL.fullmatch(text))


def _number(found: re.Match[str] | None) -> int | None:
    return int(found[1]) if found and found[1] else None
