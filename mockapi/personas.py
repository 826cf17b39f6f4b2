"""All personas by name, in the order of their ports."""

from typing import Final

from mockapi.api import Api
from mockapi.frameworks import FRAMEWORKS
from mockapi.plain import Plain
from mockapi.setup import Setup
from mockapi.shops import SHOPS

# Served by default.
PERSONAS: Final = ("api1", "api2", "api3")

_CATALOGUES = {**SHOPS, **FRAMEWORKS}

NAMES: Final = (*PERSONAS, *_CATALOGUES)

_FIRST_PORT = 8001


def api(name: str, setup: Setup) -> Api:
    """Create a persona that has had no requests."""
    return _CATALOGUES[name](setup) if name in _CATALOGUES else Plain(name, setup)


def usual_port(name: str) -> int:
    """Return the default port of a persona."""
    return _FIRST_PORT + NAMES.index(name)


def path(name: str) -> str:
    """Return the path from a persona's base URL to its products."""
    return _CATALOGUES[name].path if name in _CATALOGUES else Plain.path
