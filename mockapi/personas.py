"""All personas by name, in the order of their ports."""

from typing import Final

from mockapi.api import Api
from mockapi.plain import Plain
from mockapi.setup import Setup
from mockapi.shops import SHOPS

# What is served when nothing else is asked for.
PERSONAS: Final = ("api1", "api2", "api3")

NAMES: Final = (*PERSONAS, *SHOPS)

_FIRST_PORT = 8001


def api(name: str, setup: Setup) -> Api:
    """A persona that nobody has asked anything yet."""
    return SHOPS[name](setup) if name in SHOPS else Plain(name, setup)


def usual_port(name: str) -> int:
    """Where a persona listens when nothing else is said."""
    return _FIRST_PORT + NAMES.index(name)


def path(name: str) -> str:
    """Where a persona's products are, behind its base URL."""
    return SHOPS[name].path if name in SHOPS else Plain.path
