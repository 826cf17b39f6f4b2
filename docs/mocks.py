"""The tables about the mock APIs."""

import sys

from docs.markdown import code, described_flags, table
from mockapi.cli import main
from mockapi.credentials import HELP
from mockapi.faults import KINDS
from mockapi.personas import NAMES, path, usual_port
from mockapi.shops import SHOPS


def personas() -> str:
    """Every persona, where it listens, and what it is like."""
    rows = [(code(name), code(f"http://127.0.0.1:{usual_port(name)}{path(name)}"), _about(name)) for name in NAMES]
    return table(("persona", "products at", ""), rows)


def credentials() -> str:
    """What those accept that ask for credentials."""
    return HELP


def flags() -> str:
    """Every flag of the mocks."""
    return table(("flag", ""), described_flags(main, main))


def faults() -> str:
    """Every kind of fault that can be scripted."""
    return table(("kind", ""), [(code(kind), text) for kind, text in KINDS.items()])


def _about(name: str) -> str:
    home = sys.modules[SHOPS[name].__module__ if name in SHOPS else "mockapi.plain"]
    return (home.__doc__ or "").partition("\n")[0].replace("``", "`")
